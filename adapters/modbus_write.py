"""Writing Modbus devices: a value is written, read back, and written again for as long as the device wants that."""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import numpy as np
import structlog

from adapters.base import LinkState, Sink, WriteError
from adapters.link import LostError
from adapters.modbus import ModbusAdapter, error_class, words_of
from adapters.modbus_decode import Answer, Poll
from adapters.modbus_encode import Encoded, encode
from adapters.modbus_wire import (
    MalformedError,
    RefusedError,
    check_written,
    read_answer,
    read_request,
    write_coil_request,
    write_request,
)
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock, wall_period_s
from config.fail_safe import Keepalive
from config.profile import REGISTERS
from twin.signals import Quality

SETTLE_S = 0.025
"""Pause between a write and reading it back: some devices answer nothing right after a write."""
AGAIN_S = 0.1
"""Pause between two readings where the device does not show the new value yet."""
AWAY_S = 0.5
"""How often it is looked whether a device that is away and must be fed has returned."""

SINGLE = 6
"""The function that writes one register."""
MOST_EXPONENT = 10

_ILLEGAL_FUNCTION = 1
_GOOD = int(Quality.GOOD)

_log = structlog.get_logger()


@dataclass(slots=True)
class _Fed:
    """A value that is written again and again."""

    bound: BoundPoint
    pdu: bytes
    period_s: float
    due: float
    failing: bool = False


class WritableModbusAdapter(ModbusAdapter):
    """As well, writes what the profile allows."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        """Raises ``ValueError`` where a point lies outside the address space."""
        super().__init__(device, clock, rng)
        self._writing = asyncio.Lock()
        self._sink: Sink | None = None
        self._other_function: set[int] = set()
        """Points (by number) whose device has not the function for single writes, or only that one."""
        self._fed: dict[int, _Fed] = {}
        self._commanded = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        """As the reading adapter does; besides, what was commanded is written again while it runs."""
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(self._feed(sink), name="feed")
                if self._device.profile.keepalive is not None:
                    together.create_task(self._keep_alive(self._device.profile.keepalive, sink), name="keep alive")
                await super().run(sink)
        except BaseExceptionGroup as errors:
            # Whoever runs the adapter wants to know what is wrong, not that two things ran together.
            raise errors.exceptions[0] from None
        finally:
            self._sink = None

    async def write(self, number: int, value: float) -> float:
        """Write a point (its number in the image) in its signal's unit; returns what the device then shows of it.

        Raises ``WriteError``, with the reason.
        """
        bound = next((bound for bound in self._points if bound.number == number), None)
        if bound is None:
            raise WriteError(f"{self._device.id}: has no point number {number}")
        if bound.scale_address is None:
            encode(bound, value)  # what is not allowed is refused whether the device is there or not
        sink = self._sink
        if sink is None or sink.link.state is not LinkState.CONNECTED:
            raise WriteError(f"{bound.path}: the device is away" + (f": {sink.link.detail}" if sink else ""))
        async with self._writing:
            encoded = encode(bound, value, await self._exponent(bound, sink))
            pdu = await self._write(bound, encoded, sink)
            shown = await self._read_back(bound, encoded, sink)
        if bound.point.write is not None and bound.point.write.refresh_s is not None:
            period_s = bound.point.write.refresh_s
            self._fed[number] = _Fed(bound, pdu, period_s, self._clock.monotonic() + period_s)
            self._commanded.set()
        return shown

    async def _exponent(self, bound: BoundPoint, sink: Sink) -> int:
        """What the point's scale register holds now."""
        if bound.scale_address is None:
            return 0
        pdu = read_request(bound.point.table, bound.scale_address, 1)
        try:
            async with self._turn() as turn:
                answer = read_answer(await self._ask(turn, bound.unit_id, pdu, sink), pdu)
        except RefusedError as error:
            raise WriteError(f"{bound.path}: its scale cannot be read: {words_of(error.code)}") from error
        except (LostError, MalformedError) as error:
            raise WriteError(f"{bound.path}: its scale could not be read: {error}") from error
        exponent = int.from_bytes(answer, "big", signed=True)
        if not -MOST_EXPONENT <= exponent <= MOST_EXPONENT:
            raise WriteError(f"{bound.path}: its scale register holds {exponent}, which is no power of ten")
        return exponent

    async def _write(self, bound: BoundPoint, encoded: Encoded, sink: Sink) -> bytes:
        """Write; returns the PDU that the device took. From here on an earlier command is not repeated any more."""
        for _ in range(2):
            pdu = self._request(bound, encoded)
            try:
                async with self._turn() as turn:
                    answer = await self._ask(turn, bound.unit_id, pdu, sink)
                check_written(answer, pdu)
            except RefusedError as error:
                free = bound.point.table == "coil" or self._device.profile.write_function is None
                if error.code == _ILLEGAL_FUNCTION and free and bound.number not in self._other_function:
                    # Many devices have the function for one register or that for several, but not both.
                    self._other_function.add(bound.number)
                    continue
                raise WriteError(f"{bound.path}: the device refuses: {words_of(error.code)}") from error
            except (LostError, MalformedError) as error:
                self._fed.pop(bound.number, None)
                raise WriteError(f"{bound.path}: it is not known whether the device took it: {error}") from error
            self._fed.pop(bound.number, None)
            return pdu
        raise WriteError(f"{bound.path}: the device has no function to write it")

    def _request(self, bound: BoundPoint, encoded: Encoded) -> bytes:
        write = bound.point.write
        address = int(bound.address) if bound.write_address is None else bound.write_address
        coil = bound.point.table == "coil" and (write is None or write.address is None)
        several = not coil and self._device.profile.write_function != SINGLE
        several ^= bound.number in self._other_function
        if coil:
            return write_coil_request(address, encoded.value != 0.0, several=several)
        return write_request(address, encoded.registers, several=several)

    async def _read_back(self, bound: BoundPoint, encoded: Encoded, sink: Sink) -> float:
        """What the device shows, once it shows what was written; it may take up to a time-out to do so."""
        end = self._clock.monotonic() + self._device.profile.timeout_s
        pause_s = SETTLE_S
        while True:
            await self._clock.sleep(pause_s)
            pause_s = AGAIN_S
            shown = await self._shown(bound, sink)
            if abs(shown - encoded.value) <= encoded.tolerance + 1e-9 * abs(encoded.value):
                return shown
            if self._clock.monotonic() >= end:
                raise WriteError(f"{bound.path}: wrote {encoded.value:g}, but the device shows {shown:g}")

    async def _shown(self, bound: BoundPoint, sink: Sink) -> float:
        """The point as the device shows it now, read as it is read in every cycle, with its scale."""
        row = next(row for row, each in enumerate(self._points) if each.number == bound.number)
        requests = [
            request
            for group in self._groups
            for request in group.poll.requests
            if row in request.rows or row in request.scales
        ]
        answers: list[Answer | None] = []
        try:
            async with self._turn() as turn:
                for request in requests:
                    pdu = read_request(request.table, request.address, request.count)
                    answers.append(read_answer(await self._ask(turn, request.unit, pdu, sink), pdu))
        except RefusedError as error:
            raise WriteError(f"{bound.path}: cannot be read back: {words_of(error.code)}") from error
        except (LostError, MalformedError) as error:
            raise WriteError(f"{bound.path}: written, but could not be read back: {error}") from error
        poll = Poll(requests, self._points, self._converter)
        samples, _ = poll.samples(answers, [self._clock.now()] * len(answers), sink.intern)
        at = int(np.flatnonzero(samples.rows == row)[0])
        if samples.qualities[at] != _GOOD:
            raise WriteError(f"{bound.path}: written, but the device shows no valid value now")
        return float(samples.values[at])

    async def _keep_alive(self, keepalive: Keepalive, sink: Sink) -> None:
        """Write the register that keeps the device under the gateway's control, for as long as the gateway runs."""
        width = REGISTERS[keepalive.type]
        data = (keepalive.value & (1 << 16 * width) - 1).to_bytes(2 * width, "big")
        pdu = write_request(keepalive.address, data, several=self._device.profile.write_function != SINGLE)
        failing = False
        while True:
            if sink.link.state is LinkState.CONNECTED:
                try:
                    for unit in sorted(self._units):
                        async with self._turn() as turn:
                            check_written(await self._ask(turn, unit, pdu, sink), pdu)
                except (LostError, RefusedError, MalformedError) as error:
                    sink.link.note_error(error_class(error))
                    if not failing:
                        words = words_of(error.code) if isinstance(error, RefusedError) else str(error)
                        _log.warning("keepalive not taken", device=self._device.id, answer=words)
                    failing = True
                else:
                    failing = False
            await self._clock.sleep(wall_period_s(self._clock, keepalive.interval_s))

    async def _feed(self, sink: Sink) -> None:
        """Write again what was commanded, before the device falls back for want of it."""
        while True:
            if not self._fed:
                self._commanded.clear()
                await self._commanded.wait()
                continue
            fed = min(self._fed.values(), key=lambda fed: fed.due)
            rest_s = fed.due - self._clock.monotonic()
            if rest_s > 0.0:
                # A command that is due earlier may come meanwhile.
                self._commanded.clear()
                with contextlib.suppress(TimeoutError):
                    async with self._clock.timeout(rest_s):
                        await self._commanded.wait()
                continue
            fed.due += fed.period_s
            if sink.link.state is LinkState.CONNECTED:
                await self._feed_once(fed, sink)
            else:
                # It may have fallen back meanwhile: it is fed as soon as it is there again.
                fed.due = self._clock.monotonic() + min(AWAY_S, fed.period_s)

    async def _feed_once(self, fed: _Fed, sink: Sink) -> None:
        bound = fed.bound
        async with self._writing:
            if self._fed.get(bound.number) is not fed:
                return
            try:
                async with self._turn() as turn:
                    answer = await self._ask(turn, bound.unit_id, fed.pdu, sink)
                check_written(answer, fed.pdu)
            except (LostError, RefusedError, MalformedError) as error:
                sink.link.note_error(error_class(error))
                if not fed.failing:
                    fed.failing = True
                    words = words_of(error.code) if isinstance(error, RefusedError) else str(error)
                    _log.warning("command not repeated", device=self._device.id, point=bound.path, answer=words)
                return
        if fed.failing:
            fed.failing = False
            _log.info("command repeated again", device=self._device.id, point=bound.path)
