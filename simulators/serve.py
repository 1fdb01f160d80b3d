"""Serve a whole site's emulated devices on loopback, until cancelled."""

import asyncio
import gc
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.routing import Route

from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from config.loader import LoadedSite
from config.site import EmulatedStation, Station
from simulators.face import Face, Shown
from simulators.faults.broker import BrokerMount
from simulators.faults.engine import Faults
from simulators.faults.mount import Mount
from simulators.faults.view import DeviceView
from simulators.listen import require_free, require_loopback
from simulators.modbus import ModbusFace, Unit
from simulators.mqtt import MqttFace
from simulators.opcua import OpcUaFace
from simulators.riders import ListedRiders, Riders, drawn_riders, read_arrivals
from simulators.sparkplug import SparkplugFace
from simulators.station import PhysicalStation
from simulators.tower import TowerFace
from simulators.truth import TruthServer

STEP_S = 1.0
ALONE = frozenset({"opcua", "mqtt", "sparkplug", "tower"})
"""Protocols whose devices never share a connection; the others may be units at one address."""
NOBODY = (1.0,) * 48
"""Any shape will do where no demand is given: the day's total is then zero."""


@dataclass(frozen=True, slots=True)
class Emulation:
    """A site's emulation at work."""

    stations: Mapping[str, PhysicalStation]
    faults: Faults
    truth_url: str
    add_routes: Callable[[Iterable[Route]], None]
    """Serve more beside the ground truth."""


async def serve(
    loaded: LoadedSite,
    clock: Clock,
    *,
    on_ready: Callable[[str], None] | None = None,
    on_emulation: Callable[[Emulation], None] | None = None,
) -> None:
    """Run the emulation of all stations. Once every address is listened on, ``on_emulation`` is given what runs,
    and ``on_ready`` is told in words.

    Raises ``config.errors.ListenError`` where an address cannot be had and ``ConfigError`` for a bad file of
    arrivals; nothing is left running then, nor after cancellation.
    """
    check_addresses(loaded)
    stations = build_stations(loaded, clock.now())
    brokers = embedded_brokers(loaded, clock)
    views = {device.id: DeviceView(device, stations[device.station.id]) for device in loaded.bind()}
    faces = build_mounts(loaded.bind(), stations, views, clock)
    faults = Faults(stations, views, [mount for mount, _ in faces], brokers, clock)
    settings = loaded.site.emulation
    async with AsyncExitStack() as stack:
        truth = TruthServer(stations, settings.truth_port, "emulation.truth_port", faults)
        serving = asyncio.ensure_future(truth.run())
        stack.push_async_callback(_end, truth, serving)
        for broker in brokers:
            await broker.start()
            stack.push_async_callback(broker.stop)
        stack.push_async_callback(_stop_all, [face for face, _ in faces])
        for face, _ in faces:
            await face.start()
        # The OPC UA address spaces stay as they are; a full collection would walk them all, and the loop stand still.
        gc.freeze()
        stack.callback(gc.unfreeze)
        if on_emulation is not None:
            on_emulation(Emulation(stations, faults, truth.url, truth.add_routes))
        if on_ready is not None:
            on_ready(f"{len(stations)} stations on {len(faces)} addresses; ground truth at {truth.url}")
        striking = asyncio.ensure_future(faults.run())
        stack.push_async_callback(_cancelled, striking)
        living = asyncio.ensure_future(_live(stations, faces, clock))
        stack.push_async_callback(_cancelled, living)
        # Neither ends by itself: the first that does has failed.
        await asyncio.wait([living, striking], return_when=asyncio.FIRST_COMPLETED)
        for task in (living, striking):
            if task.done():
                task.result()


def check_addresses(loaded: LoadedSite) -> None:
    """Raise ``ListenError`` for the first address that is not loopback or is taken, before any work is done."""
    seen: set[tuple[str, int]] = set()
    for number, station in enumerate(loaded.site.stations):
        for index, device in enumerate(station.devices):
            outside = device.scheme == "tower" or (
                device.scheme == "mqtt" and loaded.site.emulation.broker == "external"
            )
            address = (device.host, device.port)
            if not outside and address not in seen:
                seen.add(address)
                require_loopback(url_key(number, index), *address)
                require_free(url_key(number, index), *address)


def build_stations(loaded: LoadedSite, start: float) -> dict[str, PhysicalStation]:
    """The physical stations behind the devices, with their riders. Raises ``ConfigError``."""
    zone = ZoneInfo(loaded.site.timezone)
    read: dict[Path, dict[str, list[float]]] = {}
    stations: dict[str, PhysicalStation] = {}
    for config in loaded.site.stations:
        arrivals = config.emulation.arrivals if config.emulation else None
        if arrivals is not None:
            file = loaded.resolve(arrivals)
            if file not in read:
                read[file] = read_arrivals(file)
            riders: Riders = ListedRiders(read[file].get(config.id, []), start)
        else:
            riders = drawn_riders(config, _shape(loaded, config), zone, start)
        stations[config.id] = PhysicalStation(config, riders, start)
    return stations


def _shape(loaded: LoadedSite, config: Station) -> tuple[float, ...]:
    demand = (config.emulation or EmulatedStation()).demand or config.demand
    return loaded.half_hourly(demand) if demand else NOBODY


def embedded_brokers(loaded: LoadedSite, clock: Clock) -> list[BrokerMount]:
    """One broker an address that MQTT devices use, unless the site brings its own."""
    if loaded.site.emulation.broker == "external":
        return []
    keys: dict[tuple[str, int], str] = {}
    for number, station in enumerate(loaded.site.stations):
        for index, device in enumerate(station.devices):
            if device.scheme == "mqtt":
                keys.setdefault((device.host, device.port), url_key(number, index))
    return [BrokerMount(host, port, key, clock) for (host, port), key in keys.items()]


def build_mounts(
    bound: Sequence[BoundDevice],
    stations: Mapping[str, PhysicalStation],
    views: Mapping[str, DeviceView],
    clock: Clock,
) -> list[tuple[Mount, float]]:
    """All addresses, ready for faults, with the interval (site s) at which each shows its station."""
    order = list(stations)
    groups: dict[tuple[str, ...], list[BoundDevice]] = {}
    for device in bound:
        alone = device.profile.protocol in ALONE
        groups.setdefault((device.id,) if alone else (device.device.host, str(device.device.port)), []).append(device)
    mounts: list[tuple[Mount, float]] = []
    for devices in groups.values():
        first = devices[0]
        key = url_key(order.index(first.station.id), first.station.devices.index(first.device))
        ((_, interval_s),) = build_faces(devices, stations, views)
        mounts.append((Mount(devices, key, partial(_build, stations, views), clock), interval_s))
    return mounts


def _build(
    stations: Mapping[str, PhysicalStation],
    views: Mapping[str, Shown],
    devices: Sequence[BoundDevice],
    address: tuple[str, int],
) -> Face:
    """The face of one address, behind a relay."""
    ((face, _),) = build_faces([_moved(device, address) for device in devices], stations, views)
    if isinstance(face, OpcUaFace):
        face.behind(address)
    return face


def _moved(device: BoundDevice, address: tuple[str, int]) -> BoundDevice:
    """The device at another address. An OPC UA server's clients are told where to find it, so that one stays."""
    if device.profile.protocol == "opcua":
        return device
    url = urlsplit(device.device.url)._replace(netloc=f"{address[0]}:{address[1]}").geturl()
    return replace(device, device=device.device.model_copy(update={"url": url}))


def build_faces(
    bound: Sequence[BoundDevice], stations: Mapping[str, PhysicalStation], views: Mapping[str, Shown] | None = None
) -> list[tuple[Face, float]]:
    """All faces with the interval (site s) at which each shows its station. Raises ``ListenError``.

    ``views``, by device id: what each device shows instead of its station itself.
    """
    faces: list[tuple[Face, float]] = []
    shared: dict[tuple[str, int], tuple[ModbusFace, list[float]]] = {}
    order = list(stations)
    for device in bound:
        station: Shown = views[device.id] if views else stations[device.station.id]
        ids = [other.id for other in device.station.devices]
        key = url_key(order.index(device.station.id), ids.index(device.device.id))
        host, port = device.device.host, device.device.port
        interval_s = min(point.interval_s for point in device.points)
        if device.profile.protocol in {"mqtt", "sparkplug"}:
            variable = device.device.password_env
            password = os.environ.get(variable) if variable else None
            # Seen to at every step: some values are published as soon as they change.
            kind = SparkplugFace if device.profile.protocol == "sparkplug" else MqttFace
            faces.append((kind(device, station, password=password), min(STEP_S, interval_s)))
            continue
        if device.profile.protocol == "tower":
            faces.append((TowerFace(device, station), STEP_S))
            continue
        if device.profile.protocol == "opcua":
            faces.append((OpcUaFace(device, station, key), interval_s))
            continue
        face, intervals = shared.setdefault((host, port), (ModbusFace(host, port), []))
        face.add(Unit(device, station, key))
        intervals.append(interval_s)
    return faces + [(face, min(intervals)) for face, intervals in shared.values()]


def url_key(station: int, device: int) -> str:
    """The site file's key of a device's address."""
    return f"stations[{station}].devices[{device}].url"


async def _live(stations: dict[str, PhysicalStation], faces: Sequence[tuple[Face, float]], clock: Clock) -> None:
    """Step all stations, then show each face that is due, for ever."""
    shortest_s = min([STEP_S, *(interval_s for _, interval_s in faces)])
    speed = 0.0
    due = clock.monotonic()
    for tick in itertools.count():
        if clock.speed != speed:
            speed, period_s = clock.speed, wall_period_s(clock, shortest_s)
            every = [max(1, round(wall_period_s(clock, interval_s) / period_s)) for _, interval_s in faces]
        for station in stations.values():
            station.advance(clock.now())
            # Catching up after a pause takes a while; connections are served in between.
            await clock.sleep(0.0)
        for (face, _), ticks in zip(faces, every, strict=True):
            if tick % ticks == 0:
                await face.publish()
        due = await _until_next(clock, due, period_s)


async def _until_next(clock: Clock, due: float, period_s: float) -> float:
    """Wait for the next deadline on a fixed grid; deadlines that have passed are skipped, not made up for."""
    now = clock.monotonic()
    due += period_s * max(1, int((now - due) // period_s) + 1)
    await clock.sleep(due - now)
    return due


async def _cancelled(task: asyncio.Future[None]) -> None:
    """End a task of ours; what it died of has been told elsewhere."""
    task.cancel()
    await asyncio.wait([task])


async def _stop_all(faces: Sequence[Face]) -> None:
    """Together, because each waits for something of its own; a face that never started has nothing to stop."""
    await asyncio.gather(*(face.stop() for face in faces))


async def _end(truth: TruthServer, serving: asyncio.Future[None]) -> None:
    truth.stop()
    await serving
