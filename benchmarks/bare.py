"""The bare libraries, used as their manuals say: what the adapters are measured against."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from asyncua import Client
from asyncua.common.subscription import DataChangeEvent
from paho.mqtt.client import Client as MqttClient
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient

from adapters.modbus_plan import Request
from config.clock import Clock

QUEUE = 20_000


async def opcua(url: str, addresses: Sequence[str], interval_s: float, on_value: Callable[[str, Any], None]) -> None:
    """asyncua's iterator, until cancelled; ``on_value(address, value)`` for each notification."""
    async with Client(url) as client:
        names = {}
        for address in addresses:
            uri, _, identifier = address.removeprefix("nsu=").partition(";")
            names[f"ns={await client.get_namespace_index(uri)};{identifier}"] = address
        nodes = {client.get_node(name): address for name, address in names.items()}
        subscription = await client.create_subscription(1000.0 * interval_s, queue_maxsize=QUEUE)
        async with subscription:
            await subscription.subscribe_data_change(
                list(nodes), queuesize=1, sampling_interval=1000.0 * interval_s
            )
            async for event in subscription:
                if isinstance(event, DataChangeEvent):
                    on_value(nodes[event.node], event.value)


async def modbus(
    host: str,
    port: int,
    requests: Sequence[Request],
    interval_s: float,
    clock: Clock,
    on_registers: Callable[[Request, Sequence[int]], None],
) -> None:
    """pymodbus, block by block on a fixed grid, until cancelled."""
    client = AsyncModbusTcpClient(host, port=port)
    await client.connect()
    due = clock.monotonic()
    try:
        while True:
            for request in requests:
                reply: Any = await client.read_holding_registers(request.address, count=request.count, device_id=1)
                on_registers(request, reply.registers)
            due = max(due + interval_s, clock.monotonic())
            await clock.sleep(due - clock.monotonic())
    finally:
        client.close()


@asynccontextmanager
async def mqtt(host: str, port: int, topics: Sequence[str], on_document: Callable[[str, Any], None]) -> AsyncIterator[None]:
    """paho's callback in its own thread, with the JSON read; ``on_document(topic, value)``."""

    def received(_client: MqttClient, _data: Any, message: MQTTMessage) -> None:
        on_document(message.topic, orjson.loads(message.payload))

    client = MqttClient(CallbackAPIVersion.VERSION2)
    client.on_message = received
    client.connect(host, port)
    client.subscribe([(topic, 1) for topic in topics])
    client.loop_start()
    try:
        yield
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
