"""Writing Modbus devices: a value is written, read back, and written again for as long as the device wants that."""

import asyncio
import contextlib
import random
from dataclasses import dataclass

import numpy as np
import structlog

from adapters.base import LinkState, Sink, WriteError
from adapters.link import LostError
from adapters.modbus import ModbusAdapter, words_of
from adapters.modbus_decode import Poll
from adapters.modbus_encode import Encoded, encode
from adapters.modbus_plan import Request
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
from config.clock import Clock
from twin.signals import Quality

SETTLE_S = 0.025
"""Pause between a write and reading it back: some devices answer nothing right after a write."""
AGAIN_S = 0.1
"""Pause between two readings where the device does not show the new value yet."""
AWAY_S = 0.5
"""How often it is looked whether a device that is away and must be fed has returned."""

_ILLEGAL_FUNCTION = 1
_GOOD = int(Quality.GOOD)

_log = structlog.get_logger()


@dataclass(slots=True)
class _Fed:
    """A value that is written again and again."""

    row: int
    pdu: bytes
    period_s: float
    due: float
    failing: bool = False


class WritableModbusAdapter(ModbusAdapter):
    """As well, writes what the profile allows."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        """Raises ``ValueError`` where a point lies outside the address space."""
        super().__init__(device, clock, rng)
        self._row_of = {bound.number: row for row, bound in enumerate(device.points)}
        self._writing = asyncio.Lock()
        self._sink: Sink | None = None
        self._several: set[int] = set()
        """Rows whose device only has the functions for several registers or coils."""
        self._fed: dict[int, _Fed] = {}
        self._commanded = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        """As the reading adapter does; besides, what was commanded is written again while it runs."""
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(self._feed(sink), name="feed")
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
        row = self._row_of.get(number)
        if row is None:
            raise WriteError(f"{self._device.id}: has no point number {number}")
        bound = self._device.points[row]
        encoded = encode(bound, value)
        sink = self._sink
        if sink is None or sink.link.state is not LinkState.CONNECTED:
            raise WriteError(f"{bound.path}: the device is away" + (f": {sink.link.detail}" if sink else ""))
        async with self._writing:
            pdu = await self._write(row, encoded, sink)
            shown = await self._read_back(row, encoded, sink)
        if bound.point.write is not None and bound.point.write.refresh_s is not None:
            period_s = bound.point.write.refresh_s
            self._fed[row] = _Fed(row, pdu, period_s, self._clock.monotonic() + period_s)
            self._commanded.set()
        return shown

    async def _write(self, row: int, encoded: Encoded, sink: Sink) -> bytes:
        """Write; returns the PDU that the device took. From here on an earlier command is not repeated any more."""
        bound = self._device.points[row]
        for _ in range(2):
            pdu = self._request(row, encoded)
            try:
                async with self._turn() as turn:
                    answer = await self._ask(turn, self._unit(bound), pdu, sink)
                check_written(answer, pdu)
            except RefusedError as error:
                if error.code == _ILLEGAL_FUNCTION and pdu[0] in {5, 6}:
                    # A device may only have the functions that write several.
                    self._several.add(row)
                    continue
                raise WriteError(f"{bound.path}: the device refuses: {words_of(error.code)}") from error
            except (LostError, MalformedError) as error:
                self._fed.pop(row, None)
                raise WriteError(f"{bound.path}: it is not known whether the device took it: {error}") from error
            self._fed.pop(row, None)
            return pdu
        raise WriteError(f"{bound.path}: the device has no function to write it")

    def _request(self, row: int, encoded: Encoded) -> bytes:
        bound = self._device.points[row]
        address, several = int(bound.address), row in self._several
        if bound.point.table == "coil":
            return write_coil_request(address, encoded.value != 0.0, several=several)
        return write_request(address, encoded.registers, several=several)

    async def _read_back(self, row: int, encoded: Encoded, sink: Sink) -> float:
        """What the device shows, once it shows what was written; it may take up to a time-out to do so."""
        bound = self._device.points[row]
        end = self._clock.monotonic() + self._device.profile.timeout_s
        pause_s = SETTLE_S
        while True:
            await self._clock.sleep(pause_s)
            pause_s = AGAIN_S
            shown = await self._shown(row, sink)
            if abs(shown - encoded.value) <= encoded.tolerance + 1e-9 * abs(encoded.value):
                return shown
            if self._clock.monotonic() >= end:
                raise WriteError(f"{bound.path}: wrote {encoded.value:g}, but the device shows {shown:g}")

    async def _shown(self, row: int, sink: Sink) -> float:
        bound = self._device.points[row]
        width = 1 if bound.point.table == "coil" else bound.point.register_count
        request = Request(bound.point.table, int(bound.address), width, (row,), self._unit(bound))
        pdu = read_request(request.table, request.address, request.count)
        try:
            async with self._turn() as turn:
                registers = read_answer(await self._ask(turn, request.unit, pdu, sink), pdu)
        except RefusedError as error:
            raise WriteError(f"{bound.path}: cannot be read back: {words_of(error.code)}") from error
        except (LostError, MalformedError) as error:
            raise WriteError(f"{bound.path}: written, but could not be read back: {error}") from error
        poll = Poll([request], self._device.points, self._converter)
        samples, _ = poll.samples([registers], [self._clock.now()], sink.intern)
        if samples.qualities[0] != _GOOD:
            raise WriteError(f"{bound.path}: written, but the device shows no valid value now")
        return float(np.asarray(samples.values)[0])

    def _unit(self, bound: BoundPoint) -> int:
        return self._device.device.unit_id

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
        bound = self._device.points[fed.row]
        async with self._writing:
            if self._fed.get(fed.row) is not fed:
                return
            try:
                async with self._turn() as turn:
                    answer = await self._ask(turn, self._unit(bound), fed.pdu, sink)
                check_written(answer, fed.pdu)
            except (LostError, RefusedError, MalformedError) as error:
                sink.link.errors += 1
                if not fed.failing:
                    fed.failing = True
                    words = words_of(error.code) if isinstance(error, RefusedError) else str(error)
                    _log.warning("command not repeated", device=self._device.id, point=bound.path, answer=words)
                return
        if fed.failing:
            fed.failing = False
            _log.info("command repeated again", device=self._device.id, point=bound.path)
