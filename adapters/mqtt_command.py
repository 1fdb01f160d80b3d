"""Writing to a JSON device: a command on its topic, never retained, that expires; done when its state shows it."""

import random
import uuid
from typing import Any

import orjson

from adapters.base import Batch, WriteError
from adapters.link import LinkReporter, LostError
from adapters.mqtt import MqttAdapter
from adapters.mqtt_write import Writes, raw_of
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock


class WritableMqttAdapter(MqttAdapter):
    """Reads as ``MqttAdapter`` does, and writes by the profile's ``command``."""

    def __init__(self, device: BoundDevice, clock: Clock, rng: random.Random) -> None:
        super().__init__(device, clock, rng)
        self._writes = Writes(device, clock)

    async def write(self, number: int, value: float) -> float:
        """See ``adapters.base.Writable``. Done when the device's state shows it."""
        command = self._profile.command
        if command is None:
            raise WriteError(f"{self._device.id}: its profile has no 'command'")
        bound = self._writes.point(number, value)
        if self._session is None or self._is_away:
            raise WriteError(f"{self._device.id} is away")
        raw = raw_of(bound.point, value)
        waiter = self._writes.expect(bound, value)
        try:
            self._send(bound, raw)
        except LostError as error:
            self._writes.fail(str(error))
        return await self._writes.shown(bound, waiter, value, command.valid_s)

    def _send(self, bound: BoundPoint, raw: float | bool | int | str) -> None:
        command = self._profile.command
        if command is None or self._session is None:
            return
        unit = 1000.0 if self._profile.time_unit == "ms" else 1.0
        expires = (self._clock.now() + command.valid_s * self._clock.speed) * unit
        document: dict[str, Any] = {
            command.id_field: str(uuid.uuid4()),
            command.expires_field: round(expires) if unit > 1.0 else round(expires, 3),
        }
        *path, key = (bound.field or "").split(".")
        holder = document
        for name in path:
            holder = holder.setdefault(name, {})
        holder[key] = raw
        self._session.publish(self._device.fill_for(bound, command.topic), orjson.dumps(document), qos=1)

    def _handed_over(self, batch: Batch) -> None:
        self._writes.see(batch)

    def _down(self, detail: str, report: LinkReporter) -> None:
        super()._down(detail, report)
        self._writes.fail(detail)

    def _keep_up(self) -> None:
        for bound, value in self._writes.due():
            self._send(bound, raw_of(bound.point, value))
