"""Modbus: polls a device on fixed deadlines, with few requests, and says honestly what came of each."""

import math
import random

import structlog

from adapters.backoff import Backoff
from adapters.base import Sink
from adapters.convert import Converter
from adapters.link import LinkReporter, LostError
from adapters.modbus_connection import SilentError
from adapters.modbus_decode import Answer, Poll
from adapters.modbus_line import Line, Lines, Seat, Turn
from adapters.modbus_plan import Request, plan
from adapters.modbus_wire import MalformedError, RefusedError, read_answer, read_request
from adapters.watchdog import Standstill
from config.binding import BoundDevice
from config.clock import Clock, wall_period_s
from twin.signals import Reason

_log = structlog.get_logger()

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
_UNREACHABLE = frozenset({10, 11})
"""Exceptions by which a gateway speaks for a unit that is not there."""


class _Group:
    """A poll group with its next deadline in monotonic time, and the order in which it makes its requests."""

    def __init__(self, poll: Poll, period_s: float, due: float) -> None:
        self.poll = poll
        self.pdus = [read_request(request.table, request.address, request.count) for request in poll.requests]
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
    """Polls one unit: all poll groups one request at a time, in cycles that never overlap.

    Devices at one address share its line (``adapters.modbus_line``).
    """

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        """Raises ``ValueError`` where a point lies outside the address space."""
        self._device = device
        self._clock = clock
        self._line: Line = Line(device.device, clock, rng)
        self._backoff = Backoff(clock, rng)
        self._standstill = Standstill(device, clock)
        self._answered = False
        self._answered_at = -math.inf
        self._refused: set[tuple[str, int]] = set()
        self._arrange(device)

    def share(self, lines: Lines) -> None:
        """Use the line that others at the same address use; to be called before ``run``."""
        self._line = lines.of(self._device.device)

    def _arrange(self, device: BoundDevice) -> None:
        """Plan how the device's points are read."""
        self._converter = Converter(device.points)
        self._groups = [
            _Group(
                Poll(group.requests, device.points, self._converter),
                wall_period_s(self._clock, group.interval_s),
                -math.inf,
            )
            for group in plan(device)
        ]

    async def run(self, sink: Sink) -> None:
        """Connect, poll, and reconnect when the link breaks, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        for group in self._groups:
            group.poll.forget()
        async with self._line.seat(self._device.device.unit_id, self._device.profile.timeout_s) as seat:
            while True:
                self._answered = False
                try:
                    await self._session(seat, sink, report)
                except SilentError as error:
                    sink.link.errors += 1
                    if self._answered:
                        # One lost answer is not yet a lost device: the next deadline decides.
                        continue
                    report.down(str(error))
                except LostError as error:
                    report.down(str(error))
                for group in self._groups:
                    group.due = -math.inf
                await self._backoff.wait()

    async def _session(self, seat: Seat, sink: Sink, report: LinkReporter) -> None:
        """Poll until something is wrong. Raises ``LostError``, also of the kind ``SilentError``."""
        self._standstill.begin()
        now = self._clock.monotonic()
        for group in self._groups:
            group.due = max(group.due, now)
        while True:
            await self._cycle(seat, sink, report)

    async def _cycle(self, seat: Seat, sink: Sink, report: LinkReporter) -> None:
        """Wait for the poll group that is due next, and read it."""
        group = min(self._groups, key=lambda group: group.due)
        await self._wait(seat, group.due - self._clock.monotonic())
        answers: list[Answer | None] = [None] * len(group.order)
        times = [math.nan] * len(group.order)
        try:
            async with Turn(self._line, seat) as turn:
                for place, number in enumerate(group.order):
                    try:
                        answers[number] = await self._read(turn, group, number, sink, first=place == 0)
                    except SilentError:
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
            self._line.renew(seat)
            raise LostError(frozen)

    async def _wait(self, seat: Seat, seconds: float) -> None:
        if seconds > 0.0:
            try:
                async with self._clock.timeout(seconds):
                    await self._line.hold(seat)
            except TimeoutError:
                return

    async def _ask(self, turn: Turn, pdu: bytes, sink: Sink) -> bytes:
        """The PDU that answers, after the pause that the device needs between an answer and the next request."""
        rest_s = self._answered_at + self._device.profile.inter_request_gap_ms / 1000.0 - self._clock.monotonic()
        if rest_s > 0.0:
            await self._clock.sleep(rest_s)
        answer = await turn.ask(pdu)
        self._answered = True
        self._answered_at = self._clock.monotonic()
        sink.link.note_round_trip(turn.round_trip_s)
        return answer

    async def _read(self, turn: Turn, group: _Group, number: int, sink: Sink, *, first: bool) -> Answer:
        """``first``: whether nothing was read yet in this cycle."""
        request, pdu = group.poll.requests[number], group.pdus[number]
        answer = await self._ask(turn, pdu, sink)
        try:
            registers = read_answer(answer, pdu)
        except RefusedError as error:
            if first and error.code in _UNREACHABLE:
                self._line.unheard(turn.seat)
                unit, where = turn.seat.unit, self._device.device.where
                raise LostError(f"the gateway at {where} cannot reach unit {unit} (exception {error.code})") from error
            words, reason = _EXCEPTIONS.get(error.code, ("unknown exception", Reason.SENSOR_FAILURE))
            return self._refuse(request, f"{words} (exception {error.code})", reason, sink)
        except MalformedError as error:
            return self._refuse(request, str(error), Reason.SENSOR_FAILURE, sink)
        self._backoff.reset()
        if self._refused:
            self._refused.discard((request.table, request.address))
        return registers

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
        report.up(f"polling unit {self._device.device.unit_id} at {self._device.device.where}")
        sink.link.last_data_time = now
        sink.push(batch)
