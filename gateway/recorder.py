"""What goes into the history: changes of state at once, measurements thinned, everything once a minute, and events."""

from collections.abc import Mapping
from math import isnan
from typing import Any

import numpy as np

from adapters.base import LinkState
from config.clock import Clock
from gateway.history import KEEP_S
from gateway.image import Image
from gateway.store import Row, Store
from twin.observation import Estimate
from twin.signals import Kind, Quality, path

PERIOD_S = 0.5
"""Wall seconds between two looks; a crash loses no more than this and a commit."""
SPACING_S = 5.0
"""Wall seconds between two records of a measurement: ten stations' noise would fill the disk in a day otherwise."""
_QUALITY = {quality.name.lower(): int(quality) for quality in Quality}


class Recorder:
    """Takes samples from the image and series from the stations' summaries into the store."""

    def __init__(self, image: Image, store: Store, clock: Clock, summaries: Mapping[str, dict[str, Any]]) -> None:
        self._image, self._store, self._clock, self._summaries = image, store, clock, summaries
        self._paths: list[str] = []
        self._recorded_at = np.zeros(0)
        self._recorded_change = np.zeros(0, dtype=np.int64)
        self._recorded_quality = np.zeros(0, dtype=np.uint8)
        self._recorded: dict[str, tuple[float | None, int]] = {}
        self._states: dict[str, LinkState] = {}
        self.follow()

    def follow(self) -> None:
        """The image is that of a changed site file; rows that have another path than before begin anew."""
        image, paths = self._image, [""] * self._image.size
        self._is_state = np.zeros(image.size, dtype=np.bool_)
        for point in image.points:
            paths[point.number] = point.path
            self._is_state[point.number] = point.signal.kind in (Kind.BOOL, Kind.ENUM)
        shared = [row for row, (new, old) in enumerate(zip(paths, self._paths, strict=False)) if new == old]
        for name, fresh in (
            ("_recorded_at", np.full(image.size, -np.inf)),
            ("_recorded_change", np.zeros(image.size, dtype=np.int64)),
            ("_recorded_quality", image.quality[:-1].copy()),
        ):
            fresh[shared] = getattr(self, name)[shared]
            setattr(self, name, fresh)
        self._paths = paths
        self._recorded = {
            where: entry for where, entry in self._recorded.items() if where.split("/")[0] in self._summaries
        }
        states = {sink.device.id: LinkState.CONNECTING for sink in image.sinks}
        self._states = {name: self._states.get(name, state) for name, state in states.items()}

    async def run(self) -> None:
        """Record until cancelled, and once more then: an orderly end loses nothing."""
        keep_at = self._clock.monotonic() + KEEP_S
        try:
            while True:
                await self._clock.sleep(PERIOD_S)
                keep = self._clock.monotonic() >= keep_at
                if keep:
                    keep_at = self._clock.monotonic() + KEEP_S
                self.record(keep)
        finally:
            self.record()

    def record(self, keep: bool = False) -> None:
        """Queue what changed since the last time; with ``keep`` all that is known."""
        rows = self._samples(keep)
        rows += self._series(keep)
        self._store.append(rows)
        self._links()

    def drifts(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        """Record drift alarms of the twin that came or went since its estimate before."""
        now = {(drift.kind, drift.slot): drift for drift in estimate.drifts}
        were = {(drift.kind, drift.slot): drift for drift in before.drifts} if before else {}
        for state, drifts in (("on", now.keys() - were.keys()), ("off", were.keys() - now.keys())):
            for key in drifts:
                drift = now.get(key) or were[key]
                slot = None if drift.slot is None else drift.slot + 1
                detail = {"drift": drift.kind, "slot": slot, "state": state, "since": round(drift.since, 3)}
                self._store.event(estimate.time, station, "drift", detail | {"magnitude": round(drift.magnitude, 3)})

    def _samples(self, keep: bool) -> list[Row]:
        image = self._image
        quality = image.quality[:-1]
        due = self._clock.monotonic() - self._recorded_at >= SPACING_S
        wanted = (image.change[:-1] > self._recorded_change) & (
            self._is_state | due | (quality != self._recorded_quality)
        )
        if keep:
            wanted |= quality == Quality.GOOD
        rows = np.flatnonzero(wanted & ~image.is_text).astype(np.int32)
        self._recorded_at[rows] = self._clock.monotonic()
        self._recorded_change[rows] = image.change[rows]
        self._recorded_quality[rows] = quality[rows]
        # A good value is known as of its own time; that a value is not good any more is known as of now.
        times = np.where(quality[rows] == Quality.GOOD, image.as_of(rows), self._clock.now())
        values = [None if isnan(value) else value for value in image.value[rows].tolist()]
        paths = [self._paths[row] for row in rows]
        return list(
            zip(paths, times.tolist(), values, quality[rows].tolist(), image.reason[rows].tolist(), strict=True)
        )

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
        for sink in self._image.sinks:
            link = sink.link
            if link.state is not self._states[sink.device.id]:
                self._states[sink.device.id] = link.state
                detail = {"device": sink.device.id, "state": link.state.value, "detail": link.detail}
                self._store.event(link.since, sink.device.station.id, "device_state", detail)
