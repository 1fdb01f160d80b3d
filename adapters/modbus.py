"""Modbus: polls a device on fixed deadlines, with few requests, and says honestly what came of each."""

import math
import random
import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import structlog

from adapters.backoff import Backoff
from adapters.base import ErrorClass, Sink
from adapters.convert import Converter
from adapters.link import LinkReporter, LostError
from adapters.modbus_connection import SilentError
from adapters.modbus_decode import Answer, Poll
from adapters.modbus_line import Line, Lines, Turn
from adapters.modbus_plan import Request, plan
from adapters.modbus_wire import MalformedError, RefusedError, read_answer, read_request
from adapters.sunspec import find, units
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
_UNKNOWN = ("unknown exception", Reason.SENSOR_FAILURE)
_UNREACHABLE = frozenset({10, 11})
"""Exceptions by which a gateway speaks for a unit that is not there."""


def words_of(code: int) -> str:
    """A Modbus exception in words.

    >>> words_of(2)
    'illegal data address (exception 2)'
    """
    return f"{_EXCEPTIONS.get(code, _UNKNOWN)[0]} (exception {code})"


def error_class(error: Exception) -> ErrorClass:
    """What kind of error a request ended with."""
    if isinstance(error, RefusedError):
        return "refused"
    return "unreadable" if isinstance(error, MalformedError) else "no_answer"


class _UnreachableError(LostError):
    """A gateway answered for a unit that is not there."""


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
        self._refused: set[Request] = set()
        self._missed: dict[int, int] = {}
        """By unit: how many of its requests had no answer since it last gave one. A unit that never did is not here."""
        self._fallen = 0
        """Of units that used to answer: requests without an answer since any unit last gave one."""
        self._chained = units(device)
        """Units whose SunSpec models must be found before anything can be read."""
        self._found = False
        self._absent: frozenset[int] = frozenset()
        # What lies in SunSpec models cannot be planned before they are found.
        self._arrange(replace(device, points=tuple(bound for bound in device.points if bound.model is None)))

    def share(self, lines: Lines) -> None:
        """Use the line that others at the same address use; to be called before ``run``."""
        self._line = lines.of(self._device.device)

    def _arrange(self, device: BoundDevice) -> None:
        """Plan how the device's points are read."""
        self._points = device.points
        self._converter = Converter(device.points)
        self._groups = [
            _Group(
                Poll(group.requests, device.points, self._converter),
                wall_period_s(self._clock, group.interval_s),
                -math.inf,
            )
            for group in plan(device)
        ]
        planned = {request.unit for group in self._groups for request in group.poll.requests}
        self._units = frozenset(planned or self._chained)

    async def run(self, sink: Sink) -> None:
        """Connect, poll, and reconnect when the link breaks, until cancelled."""
        report = LinkReporter(self._device, sink, self._clock)
        for group in self._groups:
            group.poll.forget()
        async with self._line.used(self._units):
            while True:
                self._answered = False
                try:
                    await self._session(sink, report)
                except SilentError as error:
                    sink.link.note_error("no_answer")
                    if self._answered:
                        # One lost answer is not yet a lost device: the next deadline decides.
                        continue
                    report.down(str(error))
                except LostError as error:
                    report.down(str(error))
                for group in self._groups:
                    group.due = -math.inf
                await self._backoff.wait()

    async def _session(self, sink: Sink, report: LinkReporter) -> None:
        """Poll until something is wrong. Raises ``LostError``, also of the kind ``SilentError``."""
        if self._chained and (not self._found or report.is_away):
            await self._discover(sink)
        self._standstill.begin()
        now = self._clock.monotonic()
        for group in self._groups:
            group.due = max(group.due, now)
        while True:
            await self._cycle(sink, report)

    async def _discover(self, sink: Sink) -> None:
        """Find the SunSpec models of the device, which may be others than before, and plan anew.

        Raises ``LostError`` where it has none of the points.
        """
        self._found = False
        async with self._turn() as turn:

            async def read(unit: int, address: int, count: int) -> Sequence[int] | None:
                pdu = read_request("holding", address, count)
                try:
                    answer = read_answer(await self._ask(turn, unit, pdu, sink), pdu)
                except (RefusedError, MalformedError):
                    return None
                return struct.unpack(f">{count}H", answer)

            located = await find(self._device, read)
        self._arrange(located.device)
        self._found = True
        absent = frozenset(bound.number for bound, _ in located.missing)
        if absent and absent != self._absent:
            bound, why = located.missing[0]
            _log.warning("points not served", device=self._device.id, count=len(absent), first=bound.path, answer=why)
        self._absent = absent
        if absent:
            now = self._clock.now()
            missing = Converter([bound for bound, _ in located.missing])
            samples = missing.bad(range(len(absent)), Reason.NOT_CONFIGURED)
            sink.push(missing.batch(samples, np.full(len(absent), now), now))
        if not located.device.points:
            raise LostError(f"{self._device.device.where} has none of the points: {located.missing[0][1]}")

    async def _cycle(self, sink: Sink, report: LinkReporter) -> None:
        """Wait for the poll group that is due next, and read it until a request has no answer."""
        group = min(self._groups, key=lambda group: group.due)
        await self._wait(group.due - self._clock.monotonic())
        answers: list[Answer | None] = [None] * len(group.order)
        times = [self._clock.now()] * len(group.order)
        heard: set[int] = set()
        try:
            async with self._turn() as turn:
                for number in tuple(group.order):
                    unit = group.poll.requests[number].unit
                    if len(self._units) > 1 and self._line.rest_s(unit) > 0.0:
                        answers[number] = self._spared(unit)
                        continue
                    try:
                        answers[number] = await self._read(turn, group, number, sink, first=unit not in heard)
                    except (SilentError, _UnreachableError) as error:
                        # From now on it comes last, so that a request that is never answered starves no other.
                        group.order.remove(number)
                        group.order.append(number)
                        self._miss(unit, error, sink)
                        answers[number] = self._spared(unit)
                        if isinstance(error, SilentError):
                            break
                        continue
                    heard.add(unit)
                    times[number] = self._clock.now()
        finally:
            if any(answer is not None for answer in answers):
                self._push(group.poll, answers, times, sink, report)
            sink.link.missed_cycles += group.next_deadline(self._clock.monotonic())
        frozen = self._standstill.check()
        if frozen:
            self._line.forsake(self._units)
            raise LostError(frozen)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0.0:
            try:
                async with self._clock.timeout(seconds):
                    await self._line.hold()
            except TimeoutError:
                return

    def _turn(self) -> Turn:
        only = next(iter(self._units)) if len(self._units) == 1 else None
        return Turn(self._line, only, self._device.profile.timeout_s)

    async def _ask(self, turn: Turn, unit: int, pdu: bytes, sink: Sink) -> bytes:
        """The PDU that answers, after the pause that the device needs between an answer and the next request."""
        rest_s = self._answered_at + self._device.profile.inter_request_gap_ms / 1000.0 - self._clock.monotonic()
        if rest_s > 0.0:
            await self._clock.sleep(rest_s)
        answer = await turn.ask(unit, pdu)
        self._answered = True
        self._answered_at = self._clock.monotonic()
        sink.link.note_round_trip(turn.round_trip_s)
        return answer

    async def _read(self, turn: Turn, group: _Group, number: int, sink: Sink, *, first: bool) -> Answer:
        """``first``: whether its unit answered nothing yet in this cycle."""
        request, pdu = group.poll.requests[number], group.pdus[number]
        answer = await self._ask(turn, request.unit, pdu, sink)
        refusal: Reason | None = None
        try:
            registers = read_answer(answer, pdu)
        except RefusedError as error:
            if first and error.code in _UNREACHABLE:
                self._line.unheard(request.unit, turn.round_trip_s)
                raise _UnreachableError(
                    f"the gateway at {self._device.device.where} cannot reach unit {request.unit} "
                    f"(exception {error.code})"
                ) from error
            _, reason = _EXCEPTIONS.get(error.code, _UNKNOWN)
            sink.link.note_error("refused")
            refusal = self._refuse(request, words_of(error.code), reason)
        except MalformedError as error:
            sink.link.note_error("unreadable")
            refusal = self._refuse(request, str(error), Reason.SENSOR_FAILURE)
        else:
            self._refused.discard(request)
        self._backoff.reset()
        self._missed[request.unit] = self._fallen = 0
        return registers if refusal is None else refusal

    def _miss(self, unit: int, error: LostError, sink: Sink) -> None:
        """A unit did not answer. Raises ``LostError`` where that concerns the whole device."""
        missed = self._missed.get(unit)
        self._fallen += missed == 0 and isinstance(error, SilentError)
        self._missed[unit] = (missed or 0) + 1
        if len(self._units) == 1 or not self._answered:
            raise error
        if self._fallen > 1 or all(self._missed.get(each, 0) > 1 for each in self._units):
            self._line.forsake(self._units)
            raise LostError(str(error)) from error
        sink.link.note_error("no_answer")

    def _spared(self, unit: int) -> Reason | None:
        """What is said of a unit that is not asked; one lost answer is not yet a lost unit."""
        return Reason.NO_COMMUNICATION if self._missed.get(unit, 0) > 1 else None

    def _refuse(self, request: Request, words: str, reason: Reason) -> Reason:
        """Note a request that the device did not serve; said once until it is served again."""
        if request not in self._refused:
            self._refused.add(request)
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
        report.up(f"polling unit {_listed(self._units)} at {self._device.device.where}")
        sink.link.last_data_time = now
        sink.push(batch)


def _listed(units: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(units)))
