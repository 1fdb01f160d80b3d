"""What goes into the history: once a second what changed, once a minute everything, and events as they come."""

from collections.abc import Mapping
from typing import Any

from adapters.base import LinkState
from config.clock import Clock
from gateway.history import KEEP_S
from gateway.image import Image
from gateway.store import Row, Store
from twin.observation import Estimate
from twin.signals import Quality, path

PERIOD_S = 0.5
"""Wall seconds between two looks: no point is recorded more often, and a crash loses no more than this and a commit."""
_QUALITY = {quality.name.lower(): int(quality) for quality in Quality}


class Recorder:
    """Takes samples from the image and series from the stations' summaries into the store."""

    def __init__(self, image: Image, store: Store, clock: Clock, summaries: Mapping[str, dict[str, Any]]) -> None:
        self._image, self._store, self._clock, self._summaries = image, store, clock, summaries
        self._paths = [point.path for point in image.points]
        self._sequence = 0
        self._recorded: dict[str, tuple[float | None, int]] = {}
        self._states = [LinkState.CONNECTING] * len(image.sinks)

    async def run(self) -> None:
        """Record until cancelled."""
        keep_at = self._clock.monotonic() + KEEP_S
        while True:
            await self._clock.sleep(PERIOD_S)
            keep = self._clock.monotonic() >= keep_at
            if keep:
                keep_at = self._clock.monotonic() + KEEP_S
            self.record(keep)

    def record(self, keep: bool = False) -> None:
        """Queue what changed since the last time; with ``keep`` all that is known."""
        rows = self._samples(keep)
        rows += self._series(keep)
        self._store.append(rows)
        self._links()

    def swaps(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        """Record swaps that the twin saw since its estimate before."""
        seen = estimate.swaps - (before.swaps if before else 0)
        if seen > 0:
            self._store.event(estimate.time, station, "swap", {"count": seen})

    def _samples(self, keep: bool) -> list[Row]:
        image = self._image
        numbers = image.changed_since(-1 if keep else self._sequence)[: len(self._paths)]
        self._sequence = image.sequence
        now = self._clock.now()
        as_of = image.as_of(numbers.astype("int32"))
        columns = zip(
            numbers.tolist(),
            as_of.tolist(),
            image.value[numbers].tolist(),
            image.quality[numbers].tolist(),
            image.reason[numbers].tolist(),
            strict=True,
        )
        rows: list[Row] = []
        for number, time, value, quality, reason in columns:
            if number >= len(self._paths) or image.is_text[number]:
                continue
            # A value is known as of its own time; that it is not good any more is known as of now.
            known = quality == Quality.GOOD
            if keep and not known:
                continue
            rows.append(
                (self._paths[number], time if known else now, value if value == value else None, quality, reason)
            )
        return rows

    def _series(self, keep: bool) -> list[Row]:
        """Ready packs and the chance of a stockout, as the stations' summaries give them."""
        rows: list[Row] = []
        now = self._clock.now()
        for station, summary in self._summaries.items():
            quality = _QUALITY[summary["ready_quality"]]
            chances = summary["stockout_probability"] or {}
            values = {"ready": summary["ready"]}
            values |= {f"stockout_probability_{horizon}": chance for horizon, chance in chances.items()}
            for name, value in values.items():
                where = path(station, name)
                entry = (value, quality)
                if keep or self._recorded.get(where) != entry:
                    self._recorded[where] = entry
                    rows.append((where, now, None if value is None else float(value), quality, 0))
        return rows

    def _links(self) -> None:
        for index, sink in enumerate(self._image.sinks):
            link = sink.link
            if link.state is not self._states[index]:
                self._states[index] = link.state
                detail = {"device": sink.device.id, "state": link.state.value, "detail": link.detail}
                self._store.event(link.since, sink.device.station.id, "device_state", detail)
