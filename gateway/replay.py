"""Serves recorded devices again, on their own protocols, at any speed."""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

from config.clock import Clock, wall_period_s
from config.loader import LoadedSite
from config.profile import Point
from gateway.recording import Recording, Row
from simulators.faults.engine import Faults
from simulators.faults.mount import Mount
from simulators.faults.view import DeviceView
from simulators.serve import build_mounts, check_addresses, embedded_brokers
from simulators.station import PhysicalStation, Value
from simulators.truth import TruthServer
from twin.signals import ChargerState, Kind

STEP_S = 0.5
"""Site seconds between two looks at the recording, where no device is shown more often."""
PRIME_S = 5.0
"""Recorded seconds in which a device's first values come; they stand from the replay's beginning."""
ROWS_A_TURN = 5000


class RecordedStation:
    """A station as recorded devices told it: what an emulator's face shows. ``time`` is the replay's site time."""

    def __init__(self, name: str, slots: int, start: float) -> None:
        self.id = name
        self.slots = range(1, slots + 1)
        self.time = start
        self._values: dict[tuple[str, int | None], Value] = {}

    @property
    def now(self) -> float:
        return self.time

    def value(self, signal: str, slot: int | None = None) -> Value:
        """A signal as it was recorded last; ``None`` where the device told none."""
        return self._values.get((signal, slot))

    def set(self, signal: str, slot: int | None, value: Value) -> None:
        self._values[signal, slot] = value

    def command(self, signal: str, slot: int, value: float) -> None:
        """Raises ``KeyError``: what was recorded cannot be changed."""
        raise KeyError(f"{signal!r} comes from a recording; a replay cannot be written to")


@dataclass(slots=True)
class _Stand:
    """An address, and those of its devices that are away as they were when they were recorded."""

    mount: Mount
    interval_s: float
    away: set[str]
    is_up: bool = True


class Replay:
    """One pass through a recording."""

    def __init__(self, recording: Recording, loaded: LoadedSite, clock: Clock) -> None:
        """``loaded``: the recorded site, its devices where they are to be served."""
        self._clock, self._loaded = clock, loaded
        self._bound = loaded.bind()
        self._points = {point.path: point for device in self._bound for point in device.points}
        start = clock.now()
        self.stations = {each.id: RecordedStation(each.id, each.slots, start) for each in loaded.site.stations}
        self._stands: list[_Stand] = []
        self._stand_of: dict[str, _Stand] = {}
        self._rows: Iterator[Row] = recording.rows()
        self._next: Row | None = next(self._rows, None)
        self._first = self._next["received_time"] if self._next else recording.header.started
        self._start = start
        self.rows = 0
        self.skipped = 0
        """Rows of points that the site does not have."""

    @property
    def ended(self) -> bool:
        """Whether all rows were played."""
        return self._next is None

    async def run(self, *, hold: bool, on_ready: Callable[[str], None] | None = None) -> None:
        """Serve until the recording ends; with ``hold``, its last values until cancelled. Raises ``ListenError``."""
        check_addresses(self._loaded)
        stations = cast("dict[str, PhysicalStation]", self.stations)
        views = {device.id: DeviceView(device, self.stations[device.station.id]) for device in self._bound}
        mounts = build_mounts(self._bound, stations, views, self._clock)
        self._stands = [_Stand(mount, interval_s, set()) for mount, interval_s in mounts]
        self._stand_of = {device.id: stand for stand in self._stands for device in stand.mount.devices}
        brokers = embedded_brokers(self._loaded, self._clock)
        faults = Faults(stations, views, [mount for mount, _ in mounts], brokers, self._clock, recorded=True)
        await self._apply(self._first + PRIME_S)
        async with AsyncExitStack() as stack:
            # A recording has no ground truth; what is served there is the control of faults.
            control = TruthServer({}, self._loaded.site.emulation.truth_port, "emulation.truth_port", faults)
            controlling = asyncio.ensure_future(control.run())
            stack.push_async_callback(_end, control, controlling)
            for broker in brokers:
                await broker.start()
                stack.push_async_callback(broker.stop)
            stack.push_async_callback(self._stop)
            for stand in self._stands:
                await self._bring(stand)
                await stand.mount.start()
            if on_ready is not None:
                count = len(self._bound)
                on_ready(f"{count} recorded devices are served; faults at {control.url.removesuffix('/truth')}")
            # Building servers takes a while, in which no recorded time passes.
            self._start = self._clock.now()
            await self._until_over(asyncio.ensure_future(self._serve(hold)), asyncio.ensure_future(faults.run()))

    async def _until_over(self, serving: asyncio.Future[None], striking: asyncio.Future[None]) -> None:
        """Until all is served; faults do not end by themselves, but may fail."""
        try:
            done, _ = await asyncio.wait([serving, striking], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (serving, striking):
                task.cancel()
            await asyncio.wait([serving, striking])

    async def _serve(self, hold: bool) -> None:
        shortest_s = min([STEP_S, *(stand.interval_s for stand in self._stands)])
        period_s = wall_period_s(self._clock, shortest_s)
        due: dict[int, float] = {}
        while True:
            now = self._clock.now()
            for station in self.stations.values():
                station.time = now
            await self._apply(self._first + now - self._start)
            for stand in self._stands:
                await self._bring(stand)
                if self._clock.monotonic() >= due.get(id(stand), -math.inf):
                    due[id(stand)] = self._clock.monotonic() + 0.9 * wall_period_s(self._clock, stand.interval_s)
                    await stand.mount.publish()
            if self._next is None and not hold:
                return
            await self._clock.sleep(period_s)

    async def _apply(self, until: float) -> None:
        """Take in all rows up to a recorded time."""
        while self._next is not None and self._next["received_time"] <= until:
            self._take(self._next)
            self._next = next(self._rows, None)
            self.rows += 1
            if self.rows % ROWS_A_TURN == 0:
                await self._clock.sleep(0.0)

    def _take(self, row: Row) -> None:
        stand = self._stand_of.get(row["device"])
        if stand is None:
            self.skipped += 1
        elif row.get("link") == "lost":
            stand.away.add(row["device"])
        elif row.get("link") == "connected":
            stand.away.discard(row["device"])
        else:
            stand.away.discard(row["device"])
            point = self._points.get(row["point"])
            if point is None:
                self.skipped += 1
                return
            self.stations[point.station].set(point.signal.name, point.slot, shown(point.point, point.signal.kind, row))

    async def _bring(self, stand: _Stand) -> None:
        """Let the devices of an address come and go as they did when they were recorded."""
        wanted = len(stand.away) < len(stand.mount.devices)
        if wanted != stand.is_up:
            stand.is_up = wanted
            await stand.mount.appear(wanted)

    async def _stop(self) -> None:
        await asyncio.gather(*(stand.mount.stop() for stand in self._stands))


async def _end(control: TruthServer, controlling: asyncio.Future[None]) -> None:
    control.stop()
    await controlling


def shown(point: Point, kind: Kind, row: Row) -> Value:
    """The value from which a face makes the raw value that was recorded, also where that was out of range."""
    raw, value = row.get("raw"), row.get("value")
    if kind is Kind.TEXT:
        return value if isinstance(value, str) else raw if isinstance(raw, str) else None
    if kind is Kind.BOOL:
        return bool(value) if isinstance(value, int | float) else None
    if kind is Kind.ENUM:
        return int(value) if value in list(ChargerState) else None
    if isinstance(raw, str) and raw in {"nan", "inf", "-inf"}:
        raw = float(raw)
    if not isinstance(raw, int | float) or raw in point.invalid:
        return value if isinstance(value, int | float) else None
    if kind is Kind.COUNTER and point.scale == 1.0 and point.offset == 0.0 and float(raw).is_integer():
        return int(point.sign * raw)
    return float(point.sign * (raw * point.scale + point.offset))
