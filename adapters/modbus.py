"""Modbus TCP: polls a device on fixed deadlines, with few requests, and says honestly what came of each."""

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from adapters.backoff import Backoff
from adapters.base import Sink
from adapters.cancelling import heed_cancelling
from adapters.convert import Converter
from adapters.link import CONNECT_TIMEOUT_S, LinkReporter, LostError
from adapters.modbus_decode import Answer, Poll
from adapters.modbus_plan import Request, plan
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from twin.signals import Reason

# The library logs every unanswered request; we say a change of state once.
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_log = structlog.get_logger()

_METHODS = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete": "read_discrete_inputs",
}

_EXCEPTIONS: dict[int, tuple[str, Reason]] = {
    1: ("illegal function", Reason.NOT_CONFIGURED),
    2: ("illegal data address", Reason.NOT_CONFIGURED),
    3: ("illegal data value", Reason.NOT_CONFIGURED),
    4: ("device failure", Reason.SENSOR_FAILURE),
    5: ("acknowledge", Reason.SENSOR_FAILURE),
    6: ("device busy", Reason.SENSOR_FAILURE),
    8: ("memory parity error", Reason.SENSOR_FAILURE),
    10: ("gateway path unavailable", Reason.NO_COMMUNICATION),
    11: ("gateway target failed to respond", Reason.NO_COMMUNICATION),
}


class _SilentError(LostError):
    """A request was not answered in time: the connection is given up, for a late answer would fit no request."""


class _Group:
    """A poll group with its next deadline in monotonic time, and the order in which it makes its requests."""

    def __init__(self, poll: Poll, period_s: float, due: float) -> None:
        self.poll = poll
        self.order = list(range(len(poll.requests)))
        self.period_s = period_s
        self.due = due

    def next_deadline(self, now: float) -> int:
        """Move to the next deadline that is still to come; returns how many were missed."""
        self.due += self.period_s
        missed = 0
        if self.due <= now:
            missed = math.floor((now - self.due) / self.period_s) + 1
            self.due += missed * self.period_s
        return missed


class ModbusAdapter:
    """Polls one unit. All poll groups share the connection, one request at a time; cycles never overlap."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        """Raises ``ValueError`` where a point lies outside the address space."""
        self._device = device
        self._clock = clock
        self._backoff = Backoff(clock, rng)
        self._standstill = Standstill(device, clock)
        self._converter = Converter(device.points)
        self._groups = [
            _Group(
                Poll(group.requests, device.points, self._converter), wall_period_s(clock, group.interval_s), -math.inf
            )
            for group in plan(device)
        ]
        self._answered = False
        self._answered_at = -math.inf
        self._refused: set[tuple[str, int]] = set()
        self._where = f"{device.device.host}:{device.device.port}"

    async def run(self, sink: Sink) -> None:
        """Connect, poll, and reconnect when the link breaks, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        for group in self._groups:
            group.poll.forget()
        while True:
            self._answered = False
            try:
                async with self._connection() as (client, closed):
                    self._standstill.begin()
                    now = self._clock.monotonic()
                    for group in self._groups:
                        group.due = max(group.due, now)
                    while True:
                        await self._cycle(client, closed, sink, report)
            except _SilentError as error:
                sink.link.errors += 1
                if self._answered:
                    # One lost answer is not yet a lost device: a fresh connection decides at the next deadline.
                    continue
                report.down(str(error))
            except LostError as error:
                report.down(str(error))
            for group in self._groups:
                group.due = -math.inf
            await self._backoff.wait()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[AsyncModbusTcpClient, asyncio.Event]]:
        """A fresh connection, and an event that tells that the other side closed it."""
        closed = asyncio.Event()
        device = self._device.device
        client = AsyncModbusTcpClient(
            device.host,
            port=device.port,
            # Our own, shorter time-outs come first; the library's is for both connecting and answers.
            timeout=max(CONNECT_TIMEOUT_S, self._device.profile.timeout_s) + 1.0,
            retries=0,
            reconnect_delay=0,
            trace_connect=lambda up: None if up else closed.set(),
        )
        try:
            try:
                async with self._clock.timeout(CONNECT_TIMEOUT_S):
                    connected = await client.connect()
            except TimeoutError as error:
                raise LostError(f"no answer from {self._where}") from error
            if not connected:
                raise LostError(f"connection refused at {self._where}, or the host cannot be reached")
            yield client, closed
        finally:
            client.close()
            heed_cancelling()

    async def _cycle(
        self, client: AsyncModbusTcpClient, closed: asyncio.Event, sink: Sink, report: LinkReporter
    ) -> None:
        """Wait for the poll group that is due next, and read it."""
        group = min(self._groups, key=lambda group: group.due)
        await self._wait(closed, group.due - self._clock.monotonic())
        answers: list[Answer | None] = [None] * len(group.order)
        times = [math.nan] * len(group.order)
        try:
            for place, number in enumerate(group.order):
                await self._gap()
                try:
                    answers[number] = await self._read(client, closed, group.poll.requests[number], sink)
                except _SilentError:
                    # The next cycle starts behind it, so that one request that is never answered starves no other.
                    group.order = group.order[place + 1 :] + group.order[: place + 1]
                    raise
                times[number] = self._clock.now()
        finally:
            if any(answer is not None for answer in answers):
                self._push(group.poll, answers, times, sink, report)
            sink.link.missed_cycles += group.next_deadline(self._clock.monotonic())
        frozen = self._standstill.check()
        if frozen:
            raise LostError(frozen)

    async def _wait(self, closed: asyncio.Event, seconds: float) -> None:
        if seconds > 0.0:
            try:
                async with self._clock.timeout(seconds):
                    await closed.wait()
            except TimeoutError:
                return
        if closed.is_set():
            raise LostError(f"{self._where} closed the connection")

    async def _gap(self) -> None:
        """Leave the device the pause that it needs between an answer and the next request."""
        rest_s = self._answered_at + self._device.profile.inter_request_gap_ms / 1000.0 - self._clock.monotonic()
        if rest_s > 0.0:
            await self._clock.sleep(rest_s)

    async def _read(self, client: AsyncModbusTcpClient, closed: asyncio.Event, request: Request, sink: Sink) -> Answer:
        timeout_s = self._device.profile.timeout_s
        started = self._clock.monotonic()
        try:
            async with self._clock.timeout(timeout_s):
                reply: Any = await getattr(client, _METHODS[request.table])(
                    request.address, count=request.count, device_id=self._device.device.unit_id
                )
        except TimeoutError as error:
            if closed.is_set():
                raise LostError(f"{self._where} closed the connection") from error
            raise _SilentError(f"no answer from unit {self._device.device.unit_id} at {self._where}") from error
        except ModbusException as error:
            raise LostError(f"connection to {self._where} broke: {error}") from error
        heed_cancelling()
        self._answered = True
        self._answered_at = self._clock.monotonic()
        self._backoff.reset()
        sink.link.note_round_trip(self._answered_at - started)
        if reply.isError():
            words, reason = _EXCEPTIONS.get(reply.exception_code, ("unknown exception", Reason.SENSOR_FAILURE))
            return self._refuse(request, f"{words} (exception {reply.exception_code})", reason, sink)
        values: Sequence[int] = reply.bits if request.table in {"coil", "discrete"} else reply.registers
        if len(values) < request.count:
            # Some servers answer a read past their end with fewer registers, and call it success.
            return self._refuse(
                request, f"{len(values)} values instead of {request.count}", Reason.SENSOR_FAILURE, sink
            )
        self._refused.discard((request.table, request.address))
        return values

    def _refuse(self, request: Request, words: str, reason: Reason, sink: Sink) -> Reason:
        """Note a request that the device did not serve; said once until it is served again."""
        sink.link.errors += 1
        if (request.table, request.address) not in self._refused:
            self._refused.add((request.table, request.address))
            _log.warning(
                "request refused",
                device=self._device.id,
                request=f"{request.table} {request.address}-{request.address + request.count - 1}",
                answer=words,
                remedy="check the addresses; a device that refuses unused registers needs max_hole: 0",
            )
        return reason

    def _push(
        self, poll: Poll, answers: list[Answer | None], times: list[float], sink: Sink, report: LinkReporter
    ) -> None:
        now = self._clock.now()
        samples, source_times = poll.samples(answers, times, sink.intern)
        batch = self._converter.batch(samples, source_times, now)
        self._standstill.see(batch)
        if self._standstill.tripped:
            return
        report.up(f"polling unit {self._device.device.unit_id} at {self._where}")
        sink.link.last_data_time = now
        sink.push(batch)
