"""From image, twin and forecast to the hub: what changed is built anew and published, ages once a second."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from adapters.base import LinkState
from config.clock import Clock
from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import Layout
from gateway.sink import DeviceSink
from gateway.views import Fields, device_view, station_view
from twin.observation import Estimate

SPACING_S = 0.02
"""Wall seconds between two publications at least."""
REFRESH_S = 1.0
"""Wall seconds after which ages and the twin's beliefs are published anew."""
SLICE_S = 0.005
"""Wall seconds after which the loop gets its turn: a hundred stations may have changed at once."""
DEVICES = 10
"""Devices that are published in one turn of the loop."""


class Publisher:
    """Keeps the topics ``stations``, ``station/{id}``, ``forecast/{id}`` and ``devices`` up to date."""

    def __init__(
        self,
        image: Image,
        layouts: dict[str, Layout],
        hub: Hub,
        clock: Clock,
        estimates: Mapping[str, Estimate],
        forecasts: Mapping[str, Fields],
    ) -> None:
        """``estimates`` and ``forecasts`` are the runners' own, by station, and are read at each publication."""
        self._image, self._layouts, self._hub, self._clock = image, layouts, hub, clock
        self._estimates, self._forecasts = estimates, forecasts
        self.summaries: dict[str, Fields] = {}
        self._names: list[str] = []
        self._sequence = 0
        self._states: dict[str, LinkState] = {}
        self._forced: set[str] = set()
        self._published_at: dict[str, float] = {}
        """Monotonic time of each station's latest publication."""
        self._wake = asyncio.Event()
        image.watch(self._wake)
        self.follow(frozenset())

    def follow(self, unchanged: frozenset[str]) -> None:
        """The layouts are those of a changed site file: publish what is new of it, and end what is gone."""
        for name in set(self._names) - set(self._layouts):
            self.summaries.pop(name, None)
            self._published_at.pop(name, None)
            self._hub.remove(f"station/{name}")
            self._hub.remove(f"forecast/{name}")
        self._names = list(self._layouts)
        self._station_of = np.zeros(self._image.size, dtype=np.int32)
        for number, layout in enumerate(self._layouts.values()):
            self._station_of[layout.rows] = number
        self._forced = set(self._names)
        self._devices_due = True
        for name in set(self._names) - unchanged:
            self._hub.publish(f"forecast/{name}", {}, replace=True)
            # A station may have fewer slots than before, and a slot fewer fields.
            self._hub.publish(f"station/{name}", {}, replace=True)
        self.publish()
        self._hub.publish("stations", {name: self.summaries[name] for name in self._names}, replace=True)
        ids = {sink.device.id for sink in self._image.sinks}
        self._hub.publish("devices", {}, delete=[name for name in self._hub.snapshot("devices") if name not in ids])

    def mark(self, station: str) -> None:
        """Publish a station anew although none of its values changed."""
        self._forced.add(station)
        self._wake.set()

    def forecast(self, station: str, made: Fields) -> None:
        """Publish a new forecast."""
        self._hub.publish(f"forecast/{station}", {"forecast": made})
        self.mark(station)

    async def run(self) -> None:
        """Publish until cancelled."""
        refresher = asyncio.create_task(self._refresh())
        try:
            while True:
                self._wake.clear()
                await self._publish_in_slices()
                await self._clock.sleep(SPACING_S)
                await self._wake.wait()
        finally:
            refresher.cancel()

    def publish(self) -> None:
        """Build and publish what changed since the last time, in one turn of the loop."""
        self._publish_stations(self._due())
        self._publish_devices(self._due_devices())

    async def _publish_in_slices(self) -> None:
        due = self._due()
        while due:
            begun = self._clock.monotonic()
            done = [due.pop()]
            self._build(done[0])
            while due and self._clock.monotonic() - begun < SLICE_S:
                done.append(due.pop())
                self._build(done[-1])
            self._publish_summaries(done)
            await self._clock.sleep(0.0)
            # The site file may have been changed meanwhile.
            due = [name for name in due if name in self._layouts]
        devices = self._due_devices()
        for first in range(0, len(devices), DEVICES):
            self._publish_devices([sink for sink in devices[first : first + DEVICES] if sink in self._image.sinks])
            await self._clock.sleep(0.0)

    def _due(self) -> list[str]:
        changed = self._image.changed_since(self._sequence)
        self._sequence = self._image.sequence
        due = {self._names[number] for number in np.unique(self._station_of[changed])} | self._forced
        self._forced = set()
        return [name for name in self._names if name in due]

    def _publish_stations(self, names: list[str]) -> None:
        for name in names:
            self._build(name)
        self._publish_summaries(names)

    def _build(self, name: str) -> None:
        estimate, forecast = self._estimates.get(name), self._forecasts.get(name)
        view = station_view(self._image, self._layouts[name], estimate, forecast, self._clock.now())
        self.summaries[name] = view.summary
        self._hub.publish(f"station/{name}", {"station": view.summary} | view.slots)
        self._published_at[name] = self._clock.monotonic()

    def _publish_summaries(self, names: list[str]) -> None:
        if names:
            self._hub.publish("stations", {name: self.summaries[name] for name in names})

    def _due_devices(self) -> list[DeviceSink]:
        """Devices whose link has changed since the last time; once in a while all of them."""
        sinks = self._image.sinks
        due = [sink for sink in sinks if self._devices_due or self._states.get(sink.device.id) is not sink.link.state]
        self._devices_due = False
        self._states = {sink.device.id: sink.link.state for sink in sinks}
        return due

    def _publish_devices(self, sinks: Sequence[DeviceSink]) -> None:
        if not sinks:
            return
        now = self._clock.now()
        views = [device_view(self._image, self._layouts[sink.device.station.id], sink, now) for sink in sinks]
        self._hub.publish("devices", {view["id"]: view for view in views})

    async def _refresh(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_S)
            self._devices_due = True
            # Who was published just now, because something changed, has a new age already.
            old = self._clock.monotonic() - 0.5 * REFRESH_S
            self._forced.update(name for name in self._names if self._published_at[name] <= old)
            self._wake.set()
