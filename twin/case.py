"""What an ensemble of futures starts from, as one thing that can be changed and asked again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.demand import Intensity
from twin.spec import SlotPhase, StationSpec, StationState


@dataclass(frozen=True, slots=True)
class Case:
    """A station, how it stands, and the riders it expects.

    Futures begin at ``state.time`` and are counted from ``lead_s`` later on: where telemetry is silent, the state is
    the last that was known, and what happened since then is part of every future.
    """

    spec: StationSpec
    state: StationState
    intensity: Intensity
    lead_s: float = 0.0

    @property
    def now(self) -> float:
        """The time from which on its futures count."""
        return self.state.time + self.lead_s

    @property
    def faulted(self) -> tuple[int, ...]:
        """Indices of slots that are out of order: faulted or disabled."""
        return tuple(np.flatnonzero(self.state.phase == SlotPhase.OUT).tolist())

    def free_slots(self) -> list[int]:
        """Indices of slots that hold no pack and await none from a swap under way."""
        state = self.state
        awaited = set(state.bay_slot[np.isfinite(state.bay_until)].tolist())
        return [index for index in np.flatnonzero(state.phase == SlotPhase.EMPTY).tolist() if index not in awaited]

    def packs(self) -> int:
        """Packs in the station, those that swaps under way bring included."""
        return int(np.count_nonzero(self._present())) + int(np.count_nonzero(np.isfinite(self.state.bay_until)))

    def _present(self) -> NDArray[np.bool_]:
        # A slot that is out of order holds a pack where it has a charge (twin.live leaves 0 in one without).
        phase = self.state.phase
        present: NDArray[np.bool_] = (phase != SlotPhase.EMPTY) & ((phase != SlotPhase.OUT) | (self.state.soc > 0.0))
        return present
