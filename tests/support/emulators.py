"""Emulated devices for one test: a site of one station, and its faces or the whole of it being served."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from config.clock import Clock, RealClock
from config.errors import ConfigError, ListenError
from config.loader import LoadedSite, load_site
from simulators.serve import serve

START_S = 30.0


def one_station(
    folder: Path, devices: list[dict[str, Any]], *, broker: str = "embedded", truth_port: int = 0, **station: Any
) -> LoadedSite:
    """A site of one station ``S1`` with four slots, three packs and these devices."""
    described = {
        "id": "S1",
        "name": "One",
        "latitude": 26.8,
        "longitude": 80.9,
        "slots": 4,
        "grid_limit_w": 4000.0,
        "devices": devices,
        "emulation": {"packs": 3, "seed": 5},
    } | station
    site = {
        "site": "test",
        "name": "Test",
        "emulation": {"truth_port": truth_port, "broker": broker},
        "stations": [described],
    }
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(site), encoding="utf-8")
    return load_site(file)


@asynccontextmanager
async def serving(loaded: LoadedSite, clock: Clock | None = None) -> AsyncIterator[str]:
    """The whole site's emulation at work; yields the address of its ground truth."""
    said: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(serve(loaded, clock or RealClock(), on_ready=said.put_nowait))
    waiting = asyncio.create_task(said.get())
    try:
        async with asyncio.timeout(START_S):
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield waiting.result().rsplit(" ", 1)[1]
        assert not task.done(), task.exception()
    finally:
        for each in (waiting, task):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConfigError, ListenError):
                await each
