"""What a Modbus unit answers: which registers are there and what stands in them, found gently, as plain data."""

import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from adapters.cancelling import heed_cancelling
from adapters.link import CONNECT_TIMEOUT_S, LostError
from config.clock import Clock

logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

TABLES = ("holding", "input", "coil", "discrete")
BLOCK = 64
"""Registers of a first read."""
BITS = 512
LEAF = 16
SILENCE = 3
"""Requests in a row without an answer after which the scan gives up."""

_METHODS = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete": "read_discrete_inputs",
}
_NO_FUNCTION, _NO_ADDRESS, _NO_PATH, _NO_TARGET = 1, 2, 10, 11
_BITS = frozenset({"coil", "discrete"})

SUNSPEC_BASES = (40_000, 0, 50_000)
SUNSPEC_WORDS = (0x5375, 0x6E53)
SUNSPEC_END = 0xFFFF
SUNSPEC_MODELS = 60

MODEL_NAMES: dict[int, str] = {
    1: "common",
    101: "inverter, single phase",
    102: "inverter, split phase",
    103: "inverter, three phase",
    111: "inverter, single phase, float",
    112: "inverter, split phase, float",
    113: "inverter, three phase, float",
    120: "nameplate",
    121: "basic settings",
    122: "measurements and status",
    123: "immediate controls",
    124: "basic storage controls",
    160: "multiple MPPT",
    201: "meter, single phase",
    202: "meter, split phase",
    203: "meter, three phase wye",
    204: "meter, three phase delta",
    211: "meter, single phase, float",
    213: "meter, three phase wye, float",
    214: "meter, three phase delta, float",
    701: "DER AC measurement",
    702: "DER capacity",
    703: "enter service",
    704: "DER AC controls",
    713: "DER storage capacity",
    714: "DER DC measurement",
    715: "DER control",
    801: "energy storage base (deprecated)",
    802: "battery base",
    803: "lithium-ion battery bank",
    804: "lithium-ion string",
    805: "lithium-ion module",
    806: "flow battery",
    807: "flow battery string",
    808: "flow battery module",
    809: "flow battery stack",
}
"""Names of SunSpec models (sunspec/models on GitHub, Apache-2.0)."""


@dataclass(frozen=True, slots=True)
class Model:
    """One SunSpec model: its number, where its id stands, and the registers that follow id and length."""

    id: int
    address: int
    length: int

    @property
    def name(self) -> str:
        return MODEL_NAMES.get(self.id, "not known here")


@dataclass(slots=True)
class Found:
    """What a scan brought. ``tables[table][address]`` are the values that were answered."""

    tables: dict[str, dict[int, int]] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    """Why a table was given up."""
    unresolved: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Ranges (first, last) that were refused in blocks and not asked address by address."""
    models: list[Model] = field(default_factory=list)
    sunspec_base: int | None = None
    requests: int = 0
    round_trips_s: list[float] = field(default_factory=list)


class RefusedError(Exception):
    """The unit answered with an exception code."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class Line:
    """One connection to one unit, with a pause between two requests."""

    def __init__(self, client: Any, clock: Clock, unit: int, pause_s: float, timeout_s: float) -> None:
        self._client, self._clock, self._unit = client, clock, unit
        self._pause_s, self._timeout_s = pause_s, timeout_s
        self._ready_at = 0.0
        self._silent = 0
        self.requests = 0
        self.round_trips_s: list[float] = []

    async def read(self, table: str, address: int, count: int) -> list[int]:
        """Registers, or bits as 0 and 1. Raises ``RefusedError``, or ``LostError`` where nothing answers any more."""
        while True:
            await self._clock.sleep(self._ready_at - self._clock.monotonic())
            started = self._clock.monotonic()
            self.requests += 1
            try:
                async with self._clock.timeout(self._timeout_s):
                    reply: Any = await getattr(self._client, _METHODS[table])(
                        address, count=count, device_id=self._unit
                    )
            except (TimeoutError, ModbusException) as error:
                heed_cancelling()
                self._silent += 1
                if self._silent >= SILENCE:
                    raise LostError(f"unit {self._unit} gave no answer to {SILENCE} requests") from error
                # A late answer would be taken for that of the next request.
                self._client.close()
                if not await self._client.connect():
                    raise LostError("the connection broke and could not be had again") from error
                continue
            finally:
                self._ready_at = self._clock.monotonic() + self._pause_s
            heed_cancelling()
            self._silent = 0
            self.round_trips_s.append(self._clock.monotonic() - started)
            if reply.isError():
                raise RefusedError(reply.exception_code)
            values = reply.bits if table in _BITS else reply.registers
            if len(values) < count:
                raise RefusedError(_NO_ADDRESS)
            return [int(value) for value in values[:count]]


@asynccontextmanager
async def line(
    url: str, clock: Clock, *, unit: int = 1, pause_s: float = 0.02, timeout_s: float = 1.0
) -> AsyncIterator[Line]:
    """A connection. Raises ``LostError`` where there is none to be had."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 502
    client = AsyncModbusTcpClient(
        host,
        port=port,
        framer=FramerType.RTU if parts.scheme == "modbus+rtu" else FramerType.SOCKET,
        timeout=max(CONNECT_TIMEOUT_S, timeout_s) + 1.0,
        retries=0,
        reconnect_delay=0,
    )
    try:
        try:
            async with clock.timeout(CONNECT_TIMEOUT_S):
                connected = await client.connect()
        except TimeoutError as error:
            raise LostError(f"no answer from {host}:{port}") from error
        if not connected:
            raise LostError(f"connection refused at {host}:{port}, or the host cannot be reached")
        yield Line(client, clock, unit, pause_s, timeout_s)
    finally:
        client.close()
        heed_cancelling()


async def scan(
    wire: Line,
    *,
    tables: Sequence[str] = TABLES,
    first: int = 0,
    last: int = 999,
    thorough: bool = False,
    budget: int = 1500,
) -> Found:
    """Find what is there, with at most ``budget`` requests a table.

    A refused block is looked at in quarters. What is refused in sixteens too is asked for its first address, and
    address by address next to what answers, or where ``thorough``. SunSpec's usual places are looked at besides.
    """
    found = Found()
    for table in tables:
        values: dict[int, int] = {}
        found.tables[table] = values
        await _Table(wire, table, values, found, wire.requests + budget).scan(first, last, thorough)
    if "holding" in tables:
        await _sunspec(wire, found)
    found.requests, found.round_trips_s = wire.requests, wire.round_trips_s
    return found


class _Table:
    """The scan of one table."""

    def __init__(self, wire: Line, table: str, values: dict[int, int], found: Found, most: int) -> None:
        self._wire, self._table, self._values, self._found, self._most = wire, table, values, found, most

    async def scan(self, first: int, last: int, thorough: bool) -> None:
        step = BITS if self._table in _BITS else BLOCK
        todo = deque((start, min(start + step - 1, last)) for start in range(first, last + 1, step))
        leaves: list[tuple[int, int]] = []
        while todo and self._may():
            start, end = todo.popleft()
            if await self._read(start, end):
                continue
            if self._table in self._found.refusals:
                return
            if end - start < LEAF:
                leaves.append((start, end))
                continue
            quarter = max(LEAF, (end - start + 4) // 4)
            todo += [(at, min(at + quarter - 1, end)) for at in range(start, end + 1, quarter)]
        for start, _ in leaves:
            if self._may() and not thorough:
                await self._read(start, start)
        waiting = leaves
        while near := [leaf for leaf in waiting if thorough or self._is_near(leaf)]:
            if not self._may():
                break
            waiting = [leaf for leaf in waiting if leaf not in near]
            for start, end in near:
                await self._halve(start, end)
        self._found.unresolved[self._table] = _joined(sorted([*todo, *waiting]))

    def _may(self) -> bool:
        return self._wire.requests < self._most

    def _is_near(self, leaf: tuple[int, int]) -> bool:
        return any(address in self._values for address in (leaf[0] - 1, leaf[0], leaf[1] + 1))

    async def _halve(self, start: int, end: int) -> None:
        parts = [(start, end)]
        while parts and self._may():
            low, high = parts.pop()
            if low < high:
                middle = (low + high) // 2
                parts += [part for part in ((low, middle), (middle + 1, high)) if not await self._read(*part)]

    async def _read(self, start: int, end: int) -> bool:
        """Whether these addresses answer together. Raises ``LostError`` where nobody is there to ask."""
        try:
            answer = await self._wire.read(self._table, start, end - start + 1)
        except RefusedError as error:
            if error.code == _NO_FUNCTION:
                self._found.refusals[self._table] = "the unit does not serve this table (exception 1, illegal function)"
            if error.code in {_NO_PATH, _NO_TARGET}:
                raise LostError(f"nobody answers behind the gateway (exception {error.code})") from error
            return False
        self._values.update(enumerate(answer, start=start))
        return True


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring ranges as one.

    >>> _joined([(0, 3), (4, 7), (10, 11)])
    [(0, 7), (10, 11)]
    """
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


async def _sunspec(wire: Line, found: Found) -> None:
    """Follow the chain of models from where "SunS" stands, and take in their registers."""
    holding = found.tables.setdefault("holding", {})
    for base in SUNSPEC_BASES:
        try:
            if tuple(await wire.read("holding", base, 2)) == SUNSPEC_WORDS:
                break
        except RefusedError:
            continue
    else:
        return
    found.sunspec_base = base
    holding.update(enumerate(SUNSPEC_WORDS, start=base))
    at = base + 2
    for _ in range(SUNSPEC_MODELS):
        try:
            number, length = await wire.read("holding", at, 2)
            holding[at], holding[at + 1] = number, length
            if number == SUNSPEC_END or at + 2 + length > 0x10000:
                return
            found.models.append(Model(number, at, length))
            for start in range(at + 2, at + 2 + length, BLOCK):
                count = min(BLOCK, at + 2 + length - start)
                holding.update(enumerate(await wire.read("holding", start, count), start=start))
        except RefusedError:
            # The chain ends without its end mark, or a model has a hole: what came before stands.
            return
        at += 2 + length


async def again(wire: Line, found: Found) -> dict[str, dict[int, int]]:
    """Read once more what was found, to see what moves."""
    later: dict[str, dict[int, int]] = {}
    for table, values in found.tables.items():
        step = BITS if table in _BITS else BLOCK
        seen: dict[int, int] = {}
        for first, last in _joined([(address, address) for address in sorted(values)]):
            for start in range(first, last + 1, step):
                try:
                    answer = await wire.read(table, start, min(step, last - start + 1))
                except RefusedError:
                    # Some units answer a register alone but not together with its neighbour.
                    continue
                seen.update(enumerate(answer, start=start))
        later[table] = seen
    return later
