"""Writing to a Sparkplug device: DCMD, or NCMD to the edge node itself."""

import random

from adapters.base import Batch, WriteError
from adapters.link import LinkReporter, LostError
from adapters.mqtt_write import Writes, raw_of
from adapters.sparkplug import SparkplugAdapter
from adapters.sparkplug_payload import INTEGERS, Order, encode
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock

WRITE_S = 5.0
"""How long the device's answer to a command is waited for."""


class WritableSparkplugAdapter(SparkplugAdapter):
    """Reads as ``SparkplugAdapter`` does, and writes."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        super().__init__(device, clock, rng)
        self._writes = Writes(device, clock, by_exception=True)

    async def write(self, number: int, value: float) -> float:
        """See ``adapters.base.Writable``. Done when the device's data show it."""
        bound = self._writes.point(number, value)
        order, expected = self._order(bound, value)
        waiter = self._writes.expect(bound, expected)
        try:
            self._send(order)
        except LostError as error:
            self._writes.fail(str(error))
        return await self._writes.shown(bound, waiter, value, WRITE_S)

    def _order(self, bound: BoundPoint, value: float) -> tuple[Order, float]:
        """The command, and the value that the device will show once it has done it."""
        name = str(bound.address)
        datatype = self._node.datatypes.get(name)
        if self._session is None or not self._node.born:
            raise WriteError(f"{self._device.id} is away")
        if datatype is None:
            raise WriteError(f"{bound.path}: the device's birth has no metric {name!r}")
        raw = raw_of(bound.point, value)
        if datatype in INTEGERS and not isinstance(raw, bool | str):
            raw = round(raw)
            if bound.point.enum is None:
                value = bound.point.sign * (raw * bound.point.scale + bound.point.offset)
        order = Order(name, self._node.aliases.get(name), datatype, raw, name in self._node.long)
        try:
            encode(0, [order])
        except ValueError as error:
            raise WriteError(f"{bound.path}: {error}") from error
        return order, value

    def _send(self, order: Order) -> None:
        if self._session is not None:
            kind = "NCMD" if self._id.device is None else "DCMD"
            self._session.publish(self._id.topic(kind), encode(round(self._clock.now() * 1000.0), [order]), qos=0)

    def _handed_over(self, batch: Batch) -> None:
        self._writes.see(batch)

    def _gone(self, report: LinkReporter, detail: str) -> None:
        super()._gone(report, detail)
        self._writes.fail(detail)

    def _keep_up(self) -> None:
        for bound, value in self._writes.due():
            self._send(self._order(bound, value)[0])
