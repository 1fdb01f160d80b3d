"""From image, twin and forecast to the hub: what changed is built anew and published, ages once a second."""

import asyncio
from collections.abc import Callable, Mapping

import numpy as np

from adapters.base import LinkState
from config.clock import Clock
from gateway.hub import Hub
from gateway.image import Image
from gateway.layout import Layout
from gateway.sink import DeviceSink
from gateway.views import Fields, device_view, fixed_view, station_view
from twin.observation import Estimate

SPACING_S = 0.02
"""Wall seconds between two publications at least."""
REFRESH_S = 1.0
"""Wall seconds after which ages and the twin's beliefs are published anew."""
SLICE_S = 0.005
"""Wall seconds after which the loop gets its turn: a hundred stations may have changed at once."""
DEVICES = 10
"""Devices that are published in one turn of the loop at most."""


class Publisher:
    """Keeps the topics ``stations``, ``station/{id}``, ``forecast/{id}`` and ``devices`` up to date.

    Stations of which something changed come before those whose ages alone are renewed.
    """

    def __init__(
        self,
        image: Image,
        layouts: dict[str, Layout],
        hub: Hub,
        clock: Clock,
        estimates: Mapping[str, Estimate],
        forecasts: Mapping[str, Fields],
        today: Callable[[str], Fields] = lambda _: {},
    ) -> None:
        """``estimates`` and ``forecasts`` are the runners' own, by station, and are read at each publication.

        ``today(station)``: what its summary says of the day.
        """
        self._image, self._layouts, self._hub, self._clock = image, layouts, hub, clock
        self._estimates, self._forecasts, self._today = estimates, forecasts, today
        self.summaries: dict[str, Fields] = {}
        self._names: list[str] = []
        self._sequence = 0
        self._looked_at = -np.inf
        self._changed: dict[str, None] = {}
        self._aged: dict[str, None] = {}
        self._published_at: dict[str, float] = {}
        """Monotonic time of each station's latest publication."""
        self._states: dict[str, LinkState] = {}
        self._devices: dict[str, DeviceSink] = {}
        """Devices to be published, by id."""
        self._wake = asyncio.Event()
        image.watch(self._wake)
        self.follow(frozenset())

    def follow(self, unchanged: frozenset[str]) -> None:
        """The layouts are those of a changed site file: publish what is new of it, and end what is gone."""
        for name in set(self._names) - set(self._layouts):
            del self.summaries[name], self._published_at[name]
            self._hub.remove(f"station/{name}")
            self._hub.remove(f"forecast/{name}")
        self._names = list(self._layouts)
        self._station_of = np.zeros(self._image.size, dtype=np.int32)
        for number, layout in enumerate(self._layouts.values()):
            self._station_of[layout.rows] = number
        for name in set(self._names) - unchanged:
            self._hub.publish(f"forecast/{name}", {}, replace=True)
            # A station may have fewer slots than before, and a slot fewer fields.
            self._hub.publish(f"station/{name}", {}, replace=True)
        for name, layout in self._layouts.items():
            self._hub.publish(f"station/{name}", {"station": fixed_view(layout.station)})
        self._changed, self._aged = {name: None for name in self._names if name not in unchanged}, {}
        self._devices, self._states = {sink.device.id: sink for sink in self._image.sinks}, {}
        while self._changed or self._devices:
            self._publish_slice()
        # The others are known already; they may have another name or place.
        self._changed = {name: None for name in self._names if name in unchanged}
        self._wake.set()
        self._hub.publish("stations", {name: self.summaries[name] for name in self._names}, replace=True)
        gone = self._hub.snapshot("devices").keys() - {sink.device.id for sink in self._image.sinks}
        self._hub.publish("devices", {}, delete=gone)

    def mark(self, station: str) -> None:
        """Publish a station anew although none of its values changed."""
        self._changed[station] = None
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
                self._look()
                while self._changed or self._aged or self._devices:
                    self._publish_slice()
                    await self._clock.sleep(0.0)
                    if self._clock.monotonic() - self._looked_at >= SPACING_S:
                        self._look()
                await self._clock.sleep(SPACING_S)
                await self._wake.wait()
        finally:
            refresher.cancel()

    def _look(self) -> None:
        """See what has changed since the last time."""
        self._looked_at = self._clock.monotonic()
        changed = self._image.changed_since(self._sequence)
        self._sequence = self._image.sequence
        self._changed |= {self._names[number]: None for number in np.unique(self._station_of[changed])}
        for sink in self._image.sinks:
            if self._states.get(sink.device.id) is not sink.link.state:
                self._devices[sink.device.id] = sink

    def _publish_slice(self) -> None:
        begun = self._clock.monotonic()
        done: dict[str, Fields] = {}
        while (self._changed or self._aged) and (not done or self._clock.monotonic() - begun < SLICE_S):
            name = next(iter(self._changed or self._aged))
            self._changed.pop(name, None)
            self._aged.pop(name, None)
            done[name] = self._build(name)
        if done:
            self._hub.publish("stations", done)
        sinks = [self._devices.pop(name) for name in list(self._devices)[:DEVICES]]
        if sinks:
            now = self._clock.now()
            self._states |= {sink.device.id: sink.link.state for sink in sinks}
            views = [device_view(self._image, self._layouts[sink.device.station.id], sink, now) for sink in sinks]
            self._hub.publish("devices", {view["id"]: view for view in views})

    def _build(self, name: str) -> Fields:
        """Publish a station with its slots; returns its summary."""
        estimate, forecast = self._estimates.get(name), self._forecasts.get(name)
        view = station_view(self._image, self._layouts[name], estimate, forecast, self._clock.now())
        summary = view.summary | self._today(name)
        self.summaries[name] = summary
        self._hub.publish(f"station/{name}", {"station": summary} | view.slots)
        self._published_at[name] = self._clock.monotonic()
        return summary

    async def _refresh(self) -> None:
        while True:
            await self._clock.sleep(REFRESH_S)
            # Who was published just now, because something changed, has a new age already.
            old = self._clock.monotonic() - 0.5 * REFRESH_S
            self._aged |= {name: None for name in self._names if self._published_at[name] <= old}
            self._devices |= {sink.device.id: sink for sink in self._image.sinks}
            self._wake.set()
