"""What the twins believe of every slot, thinned for the history: as much as a drawn line needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.clock import Clock
from gateway.history import KEEP_S
from gateway.store import Row, Store
from twin.observation import Estimate
from twin.signals import Quality, Reason, path
from twin.spec import Floats, SlotPhase

SERIES = {"twin_soc": 0.005, "twin_temperature_c": 0.5}
"""Series of a slot, and by how much each has moved before it is recorded again."""
SPACING_S = 5.0
"""Wall seconds between two looks at a station at least."""
DIGITS = 4


@dataclass(slots=True)
class _Recorded:
    """What was recorded last of a station: one row a series, one column a slot; NaN where nothing."""

    values: Floats
    alone: NDArray[np.bool_]
    looked_at: float
    kept_at: float


class TwinRecorder:
    """Records after a twin's step."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._recorded: dict[str, _Recorded] = {}

    def stepped(self, station: str, estimate: Estimate) -> None:
        """A station's twin made a step."""
        now = self._clock.monotonic()
        recorded = self._recorded.get(station)
        if recorded is not None and now - recorded.looked_at < SPACING_S:
            return
        state = estimate.state
        values = np.stack([state.soc, state.temperature_c])
        values[:, state.phase == SlotPhase.EMPTY] = np.nan
        if recorded is None or recorded.values.shape != values.shape:
            recorded = _Recorded(np.full_like(values, np.nan), estimate.substituted.copy(), now, -np.inf)
            self._recorded[station] = recorded
        keep = now - recorded.kept_at >= KEEP_S
        limits = np.array(list(SERIES.values()))[:, None]
        with np.errstate(invalid="ignore"):
            moved = np.abs(values - recorded.values) >= limits
        moved |= np.isnan(values) != np.isnan(recorded.values)
        moved |= (estimate.substituted != recorded.alone) & ~np.isnan(values)
        if keep:
            moved |= ~np.isnan(values)
            recorded.kept_at = now
        recorded.values[moved] = values[moved]
        recorded.alone = estimate.substituted.copy()
        recorded.looked_at = now
        self._store.append(self._rows(station, estimate, values, moved))

    def follow(self, stations: frozenset[str]) -> None:
        """Only these stations go on as before."""
        self._recorded = {name: recorded for name, recorded in self._recorded.items() if name in stations}

    def _rows(self, station: str, estimate: Estimate, values: Floats, moved: NDArray[np.bool_]) -> list[Row]:
        rows: list[Row] = []
        for series, slot in np.argwhere(moved).tolist():
            value = float(values[series, slot])
            where = path(station, list(SERIES)[series], slot + 1)
            if np.isnan(value):
                rows.append((where, estimate.time, None, int(Quality.BAD), int(Reason.NOT_CONFIGURED)))
            elif estimate.substituted[slot]:
                sample = (round(value, DIGITS), int(Quality.UNCERTAIN), int(Reason.SUBSTITUTED))
                rows.append((where, estimate.time, *sample))
            else:
                rows.append((where, estimate.time, round(value, DIGITS), int(Quality.GOOD), int(Reason.NONE)))
        return rows
