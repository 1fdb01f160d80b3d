"""Walks a new station with its engineer: each step is held against what the site file promises, and written down."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence

from adapters.base import Adapter
from config.clock import Clock
from config.loader import LoadedSite
from gateway.commission_acceptance import Acceptance, Engineer, Result, Step
from gateway.commission_steps import plausibility, points, ranges, reachability, timing
from gateway.commission_twin import TwinRecord, twin_agrees
from gateway.commission_writes import write_back
from gateway.image import Image
from gateway.layout import layouts
from gateway.tap import running_site
from gateway.twin_runner import TwinRunner
from gateway.watching import Watch, judge

CONNECT_S = 20.0
"""How long devices may take until their first value."""


def site_hash(loaded: LoadedSite) -> str:
    """SHA-256 over the site file and all profiles that it uses, so that the paper names what was accepted."""
    digest = hashlib.sha256(loaded.file.read_bytes())
    for name in sorted(loaded.profiles):
        digest.update(name.encode())
        digest.update(loaded.profiles[name].model_dump_json().encode())
    return digest.hexdigest()


async def examine(
    loaded: LoadedSite,
    clock: Clock,
    engineer: Engineer,
    *,
    seconds: float,
    version: str,
    say: Callable[[str], None],
) -> Acceptance:
    """Walk through all steps; every device stays connected meanwhile. ``say`` is told how far it is."""
    acceptance = Acceptance(
        site=loaded.site.site,
        name=loaded.site.name,
        file=loaded.file.name,
        site_hash=await asyncio.to_thread(site_hash, loaded),
        version=version,
        started=clock.now(),
        timezone=loaded.site.timezone,
        stations=[f"{station.id} {station.name}" for station in loaded.site.stations],
    )
    devices = loaded.bind()
    watch = Watch(devices, clock)
    begun = clock.monotonic()
    writes = loaded.site.gateway.writes
    async with running_site(devices, clock, on_batch=watch.take, writable=writes) as (image, adapters):
        say(f"connecting to {len(devices)} device{'s' if len(devices) != 1 else ''}")
        await watch.until_all(CONNECT_S)
        twin = TwinRecord(clock)
        runner = asyncio.create_task(TwinRunner(image, layouts(devices), clock, twin.take).run())
        try:
            say(f"watching for {seconds:g} s")
            await clock.sleep(seconds)
            watch.settle(image)
            await _judge(watch, image, clock, clock.monotonic() - begun)
            acceptance.steps += [
                reachability(watch, image, begun),
                points(watch),
                ranges(watch),
                plausibility(watch),
                twin_agrees(loaded, watch, twin, seconds),
                timing(watch, image),
            ]
            acceptance.steps.append(await _writes(loaded, watch, adapters, engineer, say))
            watch.settle(image)
            acceptance.steps.append(await engineer.questions(watch))
        finally:
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)
    acceptance.ended = clock.now()
    return acceptance


async def _judge(watch: Watch, image: Image, clock: Clock, seconds: float) -> None:
    for watched in watch.devices:
        errors = image.sink(watched.device).link.errors
        empty = watch.empty(watched.device.station.id)
        await judge(watched, clock, seconds=seconds, link_errors=errors, empty=empty)


async def _writes(
    loaded: LoadedSite, watch: Watch, adapters: Sequence[Adapter], engineer: Engineer, say: Callable[[str], None]
) -> Step:
    if not loaded.site.gateway.writes:
        return Step("Write and read back", Result.SKIPPED, "The site is read-only: gateway.writes is not set")
    return await write_back(watch, adapters, engineer, say)
