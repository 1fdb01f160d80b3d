"""Which adapter speaks which protocol. A new protocol is one more file and one more line here."""

import random
from collections.abc import Callable

from adapters.base import Adapter
from adapters.modbus import ModbusAdapter
from adapters.modbus_line import Lines
from adapters.modbus_write import WritableModbusAdapter
from adapters.mqtt import MqttAdapter
from adapters.mqtt_command import WritableMqttAdapter
from adapters.opcua import OpcUaAdapter
from adapters.opcua_write import WritableOpcUaAdapter
from adapters.sparkplug import SparkplugAdapter
from adapters.sparkplug_command import WritableSparkplugAdapter
from adapters.tower import TowerAdapter, WritableTowerAdapter
from config.binding import BoundDevice
from config.clock import Clock

ADAPTERS: dict[str, Callable[[BoundDevice, Clock, random.Random], Adapter]] = {
    "opcua": OpcUaAdapter,
    "modbus": ModbusAdapter,
    "mqtt": MqttAdapter,
    "sparkplug": SparkplugAdapter,
    "tower": TowerAdapter,
}


WRITABLE: dict[str, Callable[[BoundDevice, Clock, random.Random], Adapter]] = {
    "modbus": WritableModbusAdapter,
    "opcua": WritableOpcUaAdapter,
    "mqtt": WritableMqttAdapter,
    "sparkplug": WritableSparkplugAdapter,
    "tower": WritableTowerAdapter,
}
"""The same adapters with ``write`` (``adapters.base.Writable``), for sites that set ``gateway.writes``."""


def build(
    device: BoundDevice,
    clock: Clock,
    rng: random.Random | None = None,
    *,
    writable: bool = False,
    lines: Lines | None = None,
) -> Adapter:
    """The adapter of a device, by its profile's protocol. Nothing is connected yet.

    ``lines``: the gateway's Modbus lines, which devices at one address share.
    Raises ``ValueError`` where the profile's points cannot be read (a Modbus address out of bounds).
    """
    protocol = device.profile.protocol
    made = WRITABLE.get(protocol, ADAPTERS[protocol]) if writable else ADAPTERS[protocol]
    adapter = made(device, clock, rng or random.Random())  # noqa: S311 - only jitter
    if lines is not None and isinstance(adapter, ModbusAdapter):
        adapter.share(lines)
    return adapter
