"""OPC UA with writing: a value goes out in the type that its node has, and counts as written once it is read back."""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from adapters.base import LinkState, Sink, WriteError
from adapters.link import explain
from adapters.opcua import OpcUaAdapter
from adapters.opcua_decode import Block, DecodeError
from adapters.opcua_items import node_id
from adapters.opcua_session import GatewayClient
from adapters.opcua_status import is_bad, name_of
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock
from config.profile import Point
from twin.signals import ChargerState, Kind

READ_BACK_S = 3.0
"""A controller takes over what is written in its next scan, not at once."""
LOOK_S = 0.1
"""Wall seconds between two looks at a value that was written, and at what is to be written again."""
ROUNDING = 1e-6

_INTEGERS: dict[ua.VariantType, np.iinfo[Any]] = {
    ua.VariantType.SByte: np.iinfo(np.int8),
    ua.VariantType.Byte: np.iinfo(np.uint8),
    ua.VariantType.Int16: np.iinfo(np.int16),
    ua.VariantType.UInt16: np.iinfo(np.uint16),
    ua.VariantType.Int32: np.iinfo(np.int32),
    ua.VariantType.UInt32: np.iinfo(np.uint32),
    ua.VariantType.Int64: np.iinfo(np.int64),
    ua.VariantType.UInt64: np.iinfo(np.uint64),
}
_FLOATS = frozenset({ua.VariantType.Float, ua.VariantType.Double})

_log = structlog.get_logger()


@dataclass(slots=True)
class _Kept:
    """A value that is written again and again, for a device that falls back when nobody does."""

    value: float
    due: float
    failing: bool = False


class WritableOpcUaAdapter(OpcUaAdapter):
    """The same adapter, for sites that may write."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        super().__init__(device, clock, rng)
        self._rows = {bound.number: row for row, bound in enumerate(device.points)}
        self._writing = asyncio.Lock()
        self._kept: dict[int, _Kept] = {}
        self._some_kept = asyncio.Event()
        self._sink: Sink | None = None

    async def run(self, sink: Sink) -> None:
        """As without writing; and what was written is written again as often as the profile says."""
        self._sink = sink
        refreshing = asyncio.create_task(self._refresh(sink))
        try:
            await super().run(sink)
        finally:
            refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await refreshing

    async def write(self, number: int, value: float) -> float:
        """See ``adapters.base.Writable``."""
        row = self._rows.get(number)
        if row is None:
            raise WriteError(f"{self._device.id} has no point {number}")
        bound = self._device.points[row]
        allowed = bound.point.write
        if allowed is None or bound.signal.kind is Kind.TEXT:
            raise WriteError(f"{bound.path} may not be written: its profile has no 'write' for it")
        if bound.point.bit is None and not self._keeper.converter.takes(row, float):
            raise WriteError(f"{bound.path} is only a part of its node's value, which cannot be written by itself")
        if not allowed.minimum <= value <= allowed.maximum:
            raise WriteError(f"{bound.path} takes {allowed.minimum:g} to {allowed.maximum:g}, not {value:g}")
        async with self._writing:
            try:
                client, node, meant = await self._put(bound, value)
                shown = await self._read_back(client, node, row, meant)
            except (OSError, UaError, DecodeError, LookupError, ValueError) as error:
                raise WriteError(f"{bound.path}: {self._explained(error)}") from error
        if allowed.refresh_s is not None:
            self._kept[row] = _Kept(value, self._clock.monotonic() + allowed.refresh_s)
            self._some_kept.set()
        return shown

    async def _put(self, bound: BoundPoint, value: float) -> tuple[GatewayClient, ua.NodeId, float]:
        """Write a value; returns also which value that is after rounding to the node's type."""
        client = self._client
        if client is None or self._sink is None or self._sink.link.state is not LinkState.CONNECTED:
            raise WriteError(f"{self._device.id} is away: {self._sink.link.detail if self._sink else 'not started'}")
        node = node_id(str(bound.address), await client.get_namespace_array())
        block = await client.raw.read_block([node])
        kind = ua.VariantType(block.kind(0))
        if kind is ua.VariantType.Null:
            kind = await client.get_node(node).read_data_type_as_variant_type()
        raw = _typed(_raw(bound.point, value, block), kind, bound)
        wish = ua.WriteValue(NodeId=node, AttributeId=AttributeIds.Value, Value=ua.DataValue(ua.Variant(raw, kind)))
        # Most servers refuse to be told status or time.
        wish.Value.StatusCode = None
        (code,) = [each.value for each in await client.raw.write(ua.WriteParameters(NodesToWrite=[wish]))]
        if is_bad(code):
            raise WriteError(f"{bound.path}: the server refuses {value:g} with {name_of(code)}")
        is_quantity = bound.signal.kind in {Kind.ANALOG, Kind.COUNTER}
        meant = bound.point.sign * (float(raw) * bound.point.scale + bound.point.offset) if is_quantity else value
        return client, node, meant

    async def _read_back(self, client: GatewayClient, node: ua.NodeId, row: int, meant: float) -> float:
        bound = self._device.points[row]
        end = self._clock.monotonic() + max(READ_BACK_S, self._device.profile.timeout_s)
        while True:
            block = (await client.raw.read_block([node])).of(np.array([row]))
            batch = self._keeper.samples.batch(block, self._clock.now(), lambda _: 0)
            shown = float(batch.values[0])
            if abs(shown - meant) <= ROUNDING * max(1.0, abs(meant)):
                return shown
            if self._clock.monotonic() >= end:
                raise WriteError(f"{bound.path} was written, but shows {shown:g} instead of {meant:g}")
            await self._clock.sleep(LOOK_S)

    async def _refresh(self, sink: Sink) -> None:
        while True:
            await self._some_kept.wait()
            await self._clock.sleep(LOOK_S)
            for row, kept in list(self._kept.items()):
                now = self._clock.monotonic()
                if now < kept.due:
                    continue
                bound = self._device.points[row]
                kept.due = now + ((bound.point.write and bound.point.write.refresh_s) or READ_BACK_S)
                try:
                    async with self._writing:
                        await self._put(bound, kept.value)
                except (WriteError, OSError, UaError, DecodeError, LookupError, ValueError) as error:
                    sink.link.note_error("not_written")
                    if not kept.failing:
                        _log.warning("a value cannot be refreshed", point=bound.path, why=self._explained(error))
                    kept.failing = True
                else:
                    kept.failing = False

    def _explained(self, error: BaseException) -> str:
        if isinstance(error, WriteError | LookupError | ValueError):
            return str(error)
        return explain(error, self._device.device.host, self._device.device.port)


def _raw(point: Point, value: float, block: Block) -> float:
    """The raw value that means a value. A bit is set in the word that stands there."""
    if point.bit is not None:
        word = block.raw(0)
        if not isinstance(word, int):
            raise ValueError("the other bits of the value cannot be read")
        return word | 1 << point.bit if value else word & ~(1 << point.bit)
    if point.enum:
        is_state = point.definition.kind is Kind.ENUM
        wanted: object = ChargerState(int(value)).name.lower() if is_state else bool(value)
        for number, meaning in point.enum.items():
            if meaning == wanted and isinstance(number, int):
                return number
        raise ValueError(f"the device has no number for {wanted}")
    return (point.sign * value - point.offset) / point.scale


def _typed(raw: float, kind: ua.VariantType, bound: BoundPoint) -> float | int | bool:
    if kind is ua.VariantType.Boolean:
        return bool(raw)
    if kind in _FLOATS:
        return float(raw)
    limits = _INTEGERS.get(kind)
    if limits is None:
        raise WriteError(f"{bound.path}: a node of type {kind.name} cannot be written")
    number = round(raw)
    if not limits.min <= number <= limits.max:
        raise WriteError(f"{bound.path}: {number} does not fit the node's type {kind.name}")
    return number
