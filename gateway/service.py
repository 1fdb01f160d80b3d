"""The running gateway: builds every room, starts them together, and stops them in order."""

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Any

import structlog

from adapters.base import LinkState
from adapters.modbus_line import Lines
from config.clock import Clock, RealClock
from config.errors import ConfigError
from config.loader import LoadedSite
from gateway.alarms.engine import AlarmEngine
from gateway.alarms.watches import Sources
from gateway.api import create_app
from gateway.api_alarms import alarms_router
from gateway.api_diagnostics import diagnostics_router
from gateway.api_emulator import Bench, emulator_router
from gateway.api_faults import faults_router
from gateway.api_past import past_router
from gateway.api_reload import reload_router
from gateway.api_signals import signals_router
from gateway.api_skill import skill_router
from gateway.api_swaps import swaps_router
from gateway.api_whatif import whatif_router
from gateway.basis import Bases
from gateway.demand_learner import DemandLearner
from gateway.diagnostics import diagnostics
from gateway.ensembles import Ensembles
from gateway.fleet import Fleet, built
from gateway.forecast_object import Basis, prepare
from gateway.forecast_runner import ForecastRunner
from gateway.guard import is_loopback
from gateway.health import Health, LoopMonitor, Part
from gateway.hub import Fields, Hub
from gateway.image import Image
from gateway.layout import layouts
from gateway.ledger import Ledger
from gateway.numbering import renumbered
from gateway.publisher import Publisher
from gateway.record_twin import TwinRecorder
from gateway.recorder import Recorder
from gateway.reload import Difference, ReloadRefusedError, check_changeable, difference
from gateway.server import Server, listen
from gateway.skill import Skill
from gateway.stays import Stays
from gateway.store import Store, StoreError
from gateway.stream import Stream
from gateway.swap_log import LATEST, SwapLog
from gateway.today import Today
from gateway.twin_runner import TwinRunner
from gateway.ui import ui_status
from gateway.version import release as installed_release
from gateway.whatif import WhatIf
from twin.observation import Estimate

SWEEP_S = 0.25
"""Wall seconds between two looks at the age of all values."""

log = structlog.get_logger()


async def run(
    loaded: LoadedSite,
    clock: Clock,
    *,
    emulated: bool = False,
    control: str | None = None,
    on_ready: Callable[[str], None] | None = None,
    load: Callable[[], LoadedSite] | None = None,
    hangup: asyncio.Event | None = None,
) -> None:
    """Run a site's gateway until cancelled.

    ``control``: where the emulators of an emulated site take orders, for ``/api/v1/faults`` and ``/api/v1/emulator``.
    ``on_ready`` gets the address of the page once it is served. ``load`` reads the site file anew, when ``hangup`` is
    set or a client asks for it. Raises ``ListenError``, ``StoreError`` or ``ConfigError`` (a file of past swaps)
    before anything is started.
    """
    settings = loaded.site.gateway
    sock = await listen(settings.host, settings.port)
    store = Store(settings.data, clock, settings.retention_days, settings.retention_mb)
    with sock:
        await asyncio.to_thread(store.open)
        try:
            gateway = _Gateway(loaded, clock, store, emulated, load)
            if emulated:
                await asyncio.to_thread(store.forget_after, clock.now())
            bench = None
            if control is not None and isinstance(clock, RealClock):
                gateway.routers.append(faults_router(f"{control}/faults"))
                bench = Bench(control, clock, gateway.repace, lambda: gateway.url)
            gateway.routers.append(emulator_router(bench, clock))
            await gateway.restore()
            await gateway.run(sock, on_ready, hangup)
        finally:
            await asyncio.shield(asyncio.to_thread(store.close))


class _Gateway:
    """The rooms of one site and the few wires between them."""

    def __init__(
        self,
        loaded: LoadedSite,
        clock: Clock,
        store: Store,
        emulated: bool,
        load: Callable[[], LoadedSite] | None = None,
    ) -> None:
        self.loaded, self.clock, self.store, self.load = loaded, clock, store, load
        self.url = ""
        self.reloading: asyncio.Task[Difference] | None = None
        bound = loaded.bind()
        self.image = Image(bound, clock)
        self.lines = Lines(clock)
        self.layouts = layouts(bound)
        self.hub = Hub(clock)
        self.twins = TwinRunner(self.image, self.layouts, clock, self._stepped)
        self.ensembles = Ensembles(clock, prepare)
        self.forecasts = ForecastRunner(loaded, clock, self.ensembles, self._basis, self._forecasted)
        self.demand = DemandLearner(loaded, clock, store)
        self.today = Today(loaded.site.stations, loaded.site.timezone, clock, self.demand.intensity)
        self.publisher = Publisher(
            self.image, self.layouts, self.hub, clock, self.twins.estimates, self.forecasts.latest, self.today.of
        )
        self.bases = Bases(self.layouts, self.twins.estimates, self.publisher.summaries, self.demand)
        self.targets = {station.id: loaded.site.target_of(station) for station in loaded.site.stations}
        self.whatif = WhatIf(clock, self.ensembles, self.bases.of, self.targets)
        self.recorder = Recorder(self.image, store, clock, self.publisher.summaries)
        self.twin_recorder = TwinRecorder(store, clock)
        self.stays = Stays(self.image, self.layouts, store, clock)
        self.skill = Skill(loaded, clock, store)
        self.monitor = LoopMonitor(clock)
        self.ledger = Ledger(store, clock)
        self.swaps = SwapLog(self.image, self.layouts, self.hub, self.ledger.swaps)
        sources = Sources(
            self.twins.estimates,
            self.forecasts.latest,
            self.publisher.summaries,
            lambda: store.fails,
            lambda: self.monitor.lateness_s()["p99"],
        )
        self.alarms = AlarmEngine(loaded, self.image, self.layouts, clock, self.hub, sources, self.ledger.note)
        release = installed_release()
        self.stream = Stream(self.hub, clock, version=release)
        identity = {
            "version": release,
            "site": loaded.site.site,
            "name": loaded.site.name,
            "timezone": loaded.site.timezone,
            "emulated": emulated,
        }
        parts: dict[str, Part] = {
            "twin": self.twins.health,
            "forecast": self.forecasts.health,
            "skill": self.skill.health,
            "stream": self.stream.status,
            "alarms": self.alarms.health,
            "store": store.health,
            "devices": self._devices,
            "ui": ui_status,
        }
        self.health = Health(clock, self.monitor, identity, parts)
        self.routers = [
            whatif_router(self.whatif, self.layouts),
            signals_router(self.layouts),
            skill_router(self.skill, self.layouts),
            past_router(self.hub, clock, store, self.layouts, self.stays, self.health.report),
            diagnostics_router(self._diagnose),
            reload_router(self.reload),
            alarms_router(self.alarms, self.ledger, clock, self._zone, emulated),
            swaps_router(self.ledger, clock, self.layouts, self._zone, emulated),
        ]

    async def restore(self) -> None:
        """Take up what the last run left in the store."""
        for room in (self.demand.restore, lambda: self.today.restore(self.store.file), self.stays.restore):
            await asyncio.to_thread(room)
        stored, seq, number = await asyncio.to_thread(
            lambda: (self.ledger.alarms(), self.ledger.last("alarm_journal"), self.ledger.last("swaps"))
        )
        self.alarms.restore(stored, seq)
        self.swaps.restore(await self.ledger.lines("swaps", 0.0, 1e11, LATEST), number)

    async def run(
        self, sock: socket.socket, on_ready: Callable[[str], None] | None, hangup: asyncio.Event | None
    ) -> None:
        app = create_app(
            self.hub,
            clock=self.clock,
            stream=self.stream,
            history=self.store.history,
            health=self.health.report,
            ready=lambda: self.image.swept,
            loopback=is_loopback(self.loaded.site.gateway.host),
            version=self.stream.version,
            routers=self.routers,
        )
        server = Server(app, sock, self.clock, drain=self.stream.drain)
        self.url = server.url
        self.image.sweep()
        adapters = built(self.image.devices, self.loaded, self.clock, self.lines)
        async with asyncio.TaskGroup() as group:
            self.fleet = Fleet(self.clock, group)
            self.fleet.start(adapters, self.image.sinks)
            group.create_task(self._sweep())
            if hangup is not None:
                group.create_task(self._heed(hangup))
            rooms = (
                self.twins,
                self.demand,
                self.forecasts,
                self.publisher,
                self.recorder,
                self.stays,
                self.skill,
                self.swaps,
                self.alarms,
                self.monitor,
                server,
            )
            for room in rooms:
                group.create_task(room.run())
            # What stands now stands for good: the collector need not look at it again, which would stop the loop.
            gc.collect()
            gc.freeze()
            log.info("gateway serves", url=server.url, stations=len(self.layouts), devices=len(self.image.devices))
            if on_ready is not None:
                on_ready(server.url)

    async def _sweep(self) -> None:
        while True:
            await self.clock.sleep(SWEEP_S)
            self.image.sweep()

    async def reload(self) -> Difference:
        """Read the site file anew and go over to it. Raises ``ConfigError`` and ``ReloadRefusedError``: then the site
        that ran goes on as if nothing had been asked.
        """
        if self.load is None:
            raise ReloadRefusedError("this gateway was not started from a site file that it could read anew")
        if self.reloading is not None and not self.reloading.done():
            raise ReloadRefusedError("the site file is being read anew already")
        # A task of its own: whoever asked may go away in the middle of it.
        self.reloading = asyncio.ensure_future(self._reload_and_tell(self.load))
        return await asyncio.shield(self.reloading)

    async def _reload_and_tell(self, load: Callable[[], LoadedSite]) -> Difference:
        try:
            found = await self._reload(load)
        except ConfigError as error:
            for problem in error.problems:
                log.error("site file refused; the one before goes on", problem=str(problem))
            raise
        except StoreError as error:
            raise ReloadRefusedError(str(error)) from error
        counts = {kind: len(getattr(found.devices, kind)) for kind in ("added", "removed", "changed", "unchanged")}
        log.info("site file reloaded", file=str(self.loaded.file), **counts)
        return found

    async def _reload(self, load: Callable[[], LoadedSite]) -> Difference:
        new = await asyncio.to_thread(load)
        await asyncio.to_thread(check_changeable, self.loaded, new)
        bound = await asyncio.to_thread(lambda: renumbered(new.bind(), self.image.devices))
        found = await asyncio.to_thread(difference, self.loaded, new, self.image.devices, bound)
        begins = {*found.devices.added, *found.devices.changed}
        adapters = built([device for device in bound if device.id in begins], new, self.clock, self.lines)
        demand = await asyncio.to_thread(self.demand.prepare, new)
        # All that could fail has been done: from here on it is a matter of order.
        await self.fleet.end([*found.devices.removed, *found.devices.changed])
        unchanged = frozenset(found.stations.unchanged)
        self.loaded = new
        self.image.follow(bound)
        # The rooms all look at this one.
        self.layouts.clear()
        self.layouts.update(layouts(bound))
        self.twins.follow(unchanged)
        self.bases.follow()
        self.demand.follow(demand)
        self.forecasts.follow(new, unchanged)
        self.targets.clear()
        self.targets.update({station.id: new.site.target_of(station) for station in new.site.stations})
        self.skill.follow(new)
        self.today.follow(new.site.stations)
        self.stays.follow()
        self.publisher.follow(unchanged)
        self.recorder.follow()
        self.twin_recorder.follow(unchanged)
        self.swaps.follow(unchanged)
        self.alarms.follow(new)
        self.store.keep(new.site.gateway.retention_days, new.site.gateway.retention_mb)
        self.health.identify(name=new.site.name)
        self.fleet.start(adapters, self.image.sinks)
        return found

    async def repace(self) -> None:
        """The clock runs at another speed: read every device at the pace that fits it."""
        if self.reloading is not None and not self.reloading.done():
            await asyncio.wait([self.reloading])
        self.reloading = asyncio.ensure_future(self._repace())
        await asyncio.shield(self.reloading)

    async def _repace(self) -> Difference:
        adapters = built(self.image.devices, self.loaded, self.clock, self.lines)
        await self.fleet.end(list(self.fleet.adapters))
        self.store.paced(self.clock.speed)
        self.image.follow(self.image.devices)
        self.forecasts.follow(self.loaded, frozenset(self.layouts))
        self.recorder.follow()
        self.fleet.start(adapters, self.image.sinks)
        return difference(self.loaded, self.loaded, self.image.devices, self.image.devices)

    async def _heed(self, hangup: asyncio.Event) -> None:
        while True:
            await hangup.wait()
            hangup.clear()
            try:
                await self.reload()
            except ConfigError:
                continue  # told already, key by key
            except ReloadRefusedError as error:
                log.error("site file not reloaded", reason=str(error))

    def _stepped(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        self.recorder.drifts(station, estimate, before)
        self.swaps.stepped(station, estimate, before)
        self.twin_recorder.stepped(station, estimate)
        self.stays.look(station)
        self.today.stepped(station, estimate, before)
        self.demand.stepped(station, estimate, before)
        if before is None or before.ready != estimate.ready:
            self.forecasts.hurry(station)
            self.publisher.mark(station)
        elif (before.substituted != estimate.substituted).any():
            self.publisher.mark(station)

    def _zone(self) -> str:
        return self.loaded.site.timezone

    def _basis(self, station: str) -> Basis | None:
        return self.bases.of(station)

    def _forecasted(self, station: str, made: dict[str, Any]) -> None:
        self.store.forecast(made)
        self.publisher.forecast(station, made)

    def _diagnose(self, device: str) -> Fields | None:
        sink = next((sink for sink in self.image.sinks if sink.device.id == device), None)
        if sink is None:
            return None
        layout = self.layouts[sink.device.station.id]
        return diagnostics(self.image, layout, sink, self.fleet.raw.get(device), self.clock.now())

    def _devices(self) -> dict[str, int]:
        states = [sink.link.state for sink in self.image.sinks]
        connected = sum(state is LinkState.CONNECTED for state in states)
        return {"connected": connected, "away": len(states) - connected}
