"""The adapters at work: one supervised task a device, which can be started and ended while the gateway runs."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from adapters.base import Adapter
from adapters.modbus_line import Lines
from adapters.raw_values import RawValues, kept_in
from adapters.registry import build
from adapters.supervisor import supervise
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from config.errors import ConfigError
from config.loader import LoadedSite
from gateway.sink import DeviceSink

END_S = 8.0
"""Wall seconds that adapters have to end their sessions; then they are left behind."""
SILENT_INTERVALS, SILENT_S = 10, 20.0
"""A link that is up and brings nothing for so many intervals and so long on top: its adapter hangs."""

APART_S = 0.01
"""Wall seconds between two starts: a hundred devices that are read once a second are not all read in one instant."""

log = structlog.get_logger()


class Built(NamedTuple):
    """An adapter that is not connected yet, and where it keeps the raw values of its device."""

    adapter: Adapter
    raw: RawValues


def built(devices: Iterable[BoundDevice], loaded: LoadedSite, clock: Clock, lines: Lines) -> dict[str, Built]:
    """Adapters of devices, by id; nothing is connected yet. Raises ``ConfigError`` for points that cannot be read.

    ``lines``: the gateway's Modbus lines, which devices at one address share.
    """
    adapters: dict[str, Built] = {}
    for device in devices:
        raw = RawValues(device.points)
        try:
            with kept_in(raw):
                adapter = build(device, clock, writable=loaded.site.gateway.writes, lines=lines)
        except ValueError as error:
            raise ConfigError([loaded.problem(device, str(error))]) from error
        adapters[device.id] = Built(adapter, raw)
    return adapters


class Fleet:
    """Use it within a task group that lives as long as the gateway."""

    def __init__(self, clock: Clock, group: asyncio.TaskGroup) -> None:
        self._clock, self._group = clock, group
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.adapters: dict[str, Adapter] = {}
        """By device id."""
        self.raw: dict[str, RawValues] = {}
        """By device id."""

    def start(self, adapters: Mapping[str, Built], sinks: Iterable[DeviceSink]) -> None:
        """Set adapters to work, each with the sink of its device."""
        by_device = {sink.device.id: sink for sink in sinks}
        for place, (name, (adapter, raw)) in enumerate(adapters.items()):
            sink = by_device[name]
            shortest_s = min(wall_period_s(self._clock, point.interval_s) for point in sink.device.points)
            silence_s = SILENT_INTERVALS * shortest_s + SILENT_S
            # The task too starts in here: an adapter may make its converter only when it runs.
            with kept_in(raw):
                task = self._group.create_task(self._work(adapter, sink, silence_s, place * APART_S))
            self._tasks[name], self.adapters[name], self.raw[name] = task, adapter, raw

    async def _work(self, adapter: Adapter, sink: DeviceSink, silence_s: float, wait_s: float) -> None:
        await self._clock.sleep(wait_s)
        await supervise(adapter, sink, self._clock, silence_s=silence_s)

    async def end(self, names: Iterable[str]) -> None:
        """End adapters for good; returns when their sessions are closed, or after ``END_S``."""
        tasks = {name: self._tasks.pop(name) for name in names}
        for name, task in tasks.items():
            del self.adapters[name], self.raw[name]
            task.cancel()
        if not tasks:
            return
        try:
            async with self._clock.timeout(END_S):
                await asyncio.wait(tasks.values())
        except TimeoutError:
            left = [name for name, task in tasks.items() if not task.done()]
            log.error("adapters do not end; they are left behind", devices=left)
