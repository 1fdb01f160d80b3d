"""Watches a site's devices for a while, and keeps what is needed to judge them."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters import browse_modbus
from adapters.base import Batch, LinkState
from adapters.link import LostError
from config.binding import BoundDevice
from config.clock import Clock
from gateway.image import Image
from gateway.plausibility import findings
from gateway.plausibility_values import Finding, Observed, is_absurd
from twin.signals import Kind, Quality, Reason

HISTORY = 600
"""Values kept of each point."""
ARRIVALS = 2000
AROUND = 2
"""Registers read on either side of a value that cannot be true."""
READ_TIMEOUT_S = 1.0
SCANNED = frozenset({"modbus", "modbus+rtu"})
"""Addresses that may be read a second time; a serial line is read by one program alone."""


@dataclass(slots=True)
class Watched:
    """One device while it is watched. ``arrivals`` are monotonic times of its batches."""

    device: BoundDevice
    observed: list[Observed]
    arrivals: list[float] = field(default_factory=list)
    came_at: float | None = None
    """Monotonic time of the first value."""
    found: list[Finding] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return self.came_at is not None


class Watch:
    """Takes every batch of a site's devices. ``take`` is a ``gateway.tap.OnBatch``."""

    def __init__(self, devices: Sequence[BoundDevice], clock: Clock) -> None:
        self._clock = clock
        self.devices = [Watched(device, [Observed(point) for point in device.points]) for device in devices]
        self._all_came = asyncio.Event()

    def take(self, device: BoundDevice, batch: Batch, raws: list[Any]) -> None:
        watched = self.devices[device.number]
        now = self._clock.monotonic()
        if watched.came_at is None:
            watched.came_at = now
        if len(watched.arrivals) < ARRIVALS:
            watched.arrivals.append(now)
        first = device.points[0].number
        columns = zip(
            batch.points.tolist(),
            batch.values.tolist(),
            batch.qualities.tolist(),
            batch.reasons.tolist(),
            batch.source_times.tolist(),
            raws,
            strict=True,
        )
        for number, value, quality, reason, source_time, raw in columns:
            each = watched.observed[number - first]
            each.raw = raw
            each.quality, each.reason = Quality(quality), Reason(reason)
            each.source_time, each.received_time = source_time, batch.received_time
            if quality == Quality.BAD:
                each.value = None
                continue
            if each.history and each.history[-1][1] != value:
                each.lags_s.append(batch.received_time - source_time)
                del each.lags_s[:-HISTORY]
            each.history.append((now, value))
            del each.history[:-HISTORY]
            each.value = value
        if all(other.answered for other in self.devices):
            self._all_came.set()

    async def until_all(self, seconds: float) -> None:
        """Wait until every device has told something, for so long at most."""
        try:
            async with self._clock.timeout(seconds):
                await self._all_came.wait()
        except TimeoutError:
            return

    def settle(self, image: Image) -> None:
        """Bring qualities up to date with age and links, and texts to letters."""
        now = self._clock.now()
        for watched in self.devices:
            first = watched.device.points[0].number
            known = image.as_of(slice(first, first + len(watched.observed)))
            for each in watched.observed:
                row = each.bound.number
                each.age_s = now - float(known[row - first])
                if each.came:
                    each.quality, each.reason = Quality(int(image.quality[row])), Reason(int(image.reason[row]))
                if each.bound.signal.kind is Kind.TEXT and isinstance(each.value, float) and not math.isnan(each.value):
                    each.value = image.text(each.value)

    def empty(self, station: str) -> frozenset[int]:
        """The slots of a station that some device says are empty."""
        return frozenset(
            each.bound.slot
            for watched in self.devices
            for each in watched.observed
            if each.bound.station == station
            and each.bound.slot is not None
            and each.bound.signal.name == "occupied"
            and each.value == 0.0
        )


async def judge(watched: Watched, clock: Clock, *, seconds: float, link_errors: int, empty: frozenset[int]) -> None:
    """Find what looks wrong. A Modbus device whose values cannot be true is read once more, with what is around."""
    registers: dict[tuple[str, int], int] = {}
    suspects = _suspects(watched)
    if suspects and watched.device.profile.protocol == "modbus":
        registers = await _around(watched.device, suspects, clock)
    watched.found = findings(watched.device, watched.observed, seconds=seconds, errors=link_errors, registers=registers)


def _suspects(watched: Watched) -> list[Observed]:
    groups: dict[tuple[str, str], list[Observed]] = {}
    for each in watched.observed:
        groups.setdefault((each.bound.point.entity, each.bound.point.signal), []).append(each)
    refused = any(
        each.came and each.raw is None and each.reason is Reason.NOT_CONFIGURED and isinstance(each.bound.address, int)
        for each in watched.observed
    )
    if not refused and not any(is_absurd(watched.device.station, group) for group in groups.values()):
        return []
    return [each for each in watched.observed if isinstance(each.bound.address, int)]


async def _around(device: BoundDevice, suspects: Sequence[Observed], clock: Clock) -> dict[tuple[str, int], int]:
    """The registers of these points and of their neighbours; what the device refuses is left out."""
    registers: dict[tuple[str, int], int] = {}
    if device.device.scheme not in SCANNED:
        return registers
    wanted = [
        (each.bound.point.table, int(each.bound.address), each.bound.point.register_count)
        for each in suspects
        if each.bound.point.table in {"holding", "input"}
    ]
    pause_s = max(0.01, device.profile.inter_request_gap_ms / 1000.0)
    try:
        async with browse_modbus.line(
            device.device.url,
            clock,
            unit=device.device.unit_id,
            pause_s=pause_s,
            timeout_s=max(READ_TIMEOUT_S, device.profile.timeout_s),
        ) as wire:
            for table, address, count in wanted:
                # A device may refuse what lies beside its values: those are then asked for alone.
                for start, size in _reads(address, count):
                    if start < 0 or all((table, at) in registers for at in range(start, start + size)):
                        continue
                    try:
                        words = await wire.read(table, start, min(size, device.profile.max_read))
                    except browse_modbus.RefusedError:
                        continue
                    registers.update(((table, start + at), word) for at, word in enumerate(words))
    except LostError:
        # The findings do without: the device was there a moment ago, and says in its link what it does now.
        return registers
    return registers


def _reads(address: int, count: int) -> tuple[tuple[int, int], ...]:
    """Reads (address, registers) that tell of a value and its neighbours, also beside an edge of what is there."""
    wide = (address - AROUND, count + 2 * AROUND)
    return (wide, (address - 1, count + 1), (address, count + 1), (address, count), (address + 1, count))


def link_words(image: Image, device: BoundDevice) -> str:
    """How a device's link stands, in words."""
    link = image.sink(device).link
    return link.detail if link.state is LinkState.CONNECTED else f"away: {link.detail}"
