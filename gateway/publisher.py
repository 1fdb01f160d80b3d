"""From image, twin and forecast to the hub: what changed is built anew and published, ages once a second."""

import asyncio
from collections.abc import Mapping

import numpy as np

from adapters.base import LinkState
from config.clock import Clock
from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import Layout
from gateway.views import Fields, device_view, station_view
from twin.observation import Estimate

SPACING_S = 0.02
"""Wall seconds between two publications at least."""
REFRESH_S = 1.0
"""Wall seconds after which ages and the twin's beliefs are published anew."""


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
        self._states: list[LinkState] = []
        self._forced: set[str] = set()
        self._wake = asyncio.Event()
        image.watch(self._wake)
        self.follow(frozenset())

    def follow(self, unchanged: frozenset[str]) -> None:
        """The layouts are those of a changed site file: publish what is new of it, and end what is gone."""
        for name in set(self._names) - set(self._layouts):
            self.summaries.pop(name, None)
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
        views = self._device_views(self._clock.now())
        self._hub.publish("devices", {view["id"]: view for view in views}, replace=True)

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
                self.publish()
                await self._clock.sleep(SPACING_S)
                await self._wake.wait()
        finally:
            refresher.cancel()

    def publish(self) -> None:
        """Build and publish what changed since the last time."""
        changed = self._image.changed_since(self._sequence)
        self._sequence = self._image.sequence
        stations = {self._names[number] for number in np.unique(self._station_of[changed])} | self._forced
        self._forced = set()
        now = self._clock.now()
        for name in stations:
            layout = self._layouts[name]
            view = station_view(self._image, layout, self._estimates.get(name), self._forecasts.get(name), now)
            self.summaries[name] = view.summary
            self._hub.publish(f"station/{name}", {"station": view.summary} | view.slots)
        if stations:
            self._hub.publish("stations", {name: self.summaries[name] for name in self._names if name in stations})
        states = [sink.link.state for sink in self._image.sinks]
        if self._devices_due or states != self._states:
            self._states = states
            self._devices_due = False
            self._hub.publish("devices", {view["id"]: view for view in self._device_views(now)})

    def _device_views(self, now: float) -> list[Fields]:
        return [
            device_view(self._image, self._layouts[sink.device.station.id], sink, now) for sink in self._image.sinks
        ]

    async def _refresh(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_S)
            self._devices_due = True
            self._forced.update(self._names)
            self._wake.set()
