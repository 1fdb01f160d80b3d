"""ThingsBoard Gateway on the same emulators: points a second that a core reads, there and here.

It needs the gateway in an environment of its own, for it brings other versions of the protocol libraries:
``python -m venv DIR; DIR/bin/pip install thingsboard-gateway pymodbus==3.9.2 pyserial-asyncio asyncua==1.1.5``, and
``SWAPTWIN_THINGSBOARD=DIR/bin/thingsboard-gateway``.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from asyncua.client.client import Client
from paho.mqtt.client import Client as MqttClient
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.processes import broker, child, free_ports
from benchmarks.report import Cell, Table, median
from benchmarks.sites import write_site
from benchmarks.source import restless
from benchmarks.throughput import CHANGE_S, INTERVAL_S, ROUND_S, ROUNDS, SETTLE_S, SLOTS, VARIANTS, Figures, read
from config.binding import BoundDevice, BoundPoint
from config.clock import RealClock
from config.loader import load_site

PROGRAM = "SWAPTWIN_THINGSBOARD"
START_S = 90.0
WARM_S = 5.0
MEASURE_S = 20.0
POLL_S = 5.0
"""Its Modbus connector begins a poll on time even if the last one is still at it, and then finishes none."""
ADDRESS = "127.0.0.1"

COLUMNS = (
    "protocol",
    "ThingsBoard points/s",
    "us/point",
    "points/s a core",
    "ours us/point",
    "points/s a core",
    "ratio",
)

_KINDS = {"u": "uint", "i": "int", "f": "float"}
_FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_UNLIMITED = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}


async def run() -> list[Table]:
    """One protocol after the other: the emulator, then ours and then theirs on it."""
    program = os.environ.get(PROGRAM)
    if program is None:
        return [Table("ThingsBoard Gateway", COLUMNS, [], [f"not measured: {PROGRAM} does not name its program"])]
    rows: list[list[Cell]] = []
    for protocol in ("modbus", "opcua"):
        ours, points_s, theirs = await _measure(protocol, program)
        rows.append([protocol, points_s, theirs, 1e6 / theirs, ours, 1e6 / ours, theirs / ours])
    return [
        Table(
            "Points read: processor time of the reading process, ThingsBoard Gateway and swaptwin",
            COLUMNS,
            rows,
            [
                f"The emulators of 'throughput': {SLOTS} slots of 14 points; ours into the process image, theirs up to "
                "the upload to a local MQTT broker, which is the only place where its values can be had.",
                "Its Modbus connector makes a request for each value; on OPC UA it subscribes. No logs, no statistics.",
            ],
        )
    ]


async def _measure(protocol: str, program: str) -> tuple[float, float, float]:
    """Ours in microseconds a point; their points a second and microseconds a point."""
    device_port, broker_port = free_ports(2)
    with tempfile.TemporaryDirectory(prefix="swaptwin-bench-") as scratch:
        folder = Path(scratch)
        file = write_site(folder, [("S1", protocol, device_port, INTERVAL_S[protocol])], slots=SLOTS)
        async with child(restless, file, CHANGE_S[protocol], fast=False) as emulator, broker(broker_port):
            await emulator.said()
            async with child(read, file) as reader:
                figures: Figures = await reader.said(2.0 * ROUNDS * len(VARIANTS) * (ROUND_S + SETTLE_S) + 30.0)
            ours = median([cost for _, cost in figures["image"]])
            (device,) = load_site(file).bind()
            await _configure(folder, device, protocol, broker_port)
            with _platform(broker_port) as counted:
                async with _gateway(program, folder) as process:
                    return ours, *await _read(process, counted)


async def _read(process: asyncio.subprocess.Process, counted: list[int]) -> tuple[float, float]:
    clock = RealClock()

    async def uploaded() -> tuple[int, float, float]:
        """Its figures just after an upload: points, processor seconds, monotonic time."""
        before = counted[0]
        async with clock.timeout(START_S):
            while counted[0] == before:
                if process.returncode is not None:
                    raise RuntimeError(f"ThingsBoard Gateway ended with {process.returncode}")
                await clock.sleep(0.05)
        return counted[0], _processor_s(process.pid), clock.monotonic()

    await uploaded()
    await clock.sleep(WARM_S)
    points, processor_s, begun_s = await uploaded()
    await clock.sleep(MEASURE_S)
    after, processor_after_s, ended_s = await uploaded()
    return (after - points) / (ended_s - begun_s), 1e6 * (processor_after_s - processor_s) / (after - points)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _platform(port: int) -> Any:
    """What the gateway uploads to: answers the one question that it asks, and counts values."""
    counted = [0]

    def received(client: MqttClient, _data: Any, message: MQTTMessage) -> None:
        if message.topic == "v1/gateway/telemetry":
            for entries in orjson.loads(message.payload).values():
                counted[0] += sum(len(entry["values"]) for entry in entries)
        else:
            limits = {"maxPayloadSize": 1 << 20, "rateLimits": _UNLIMITED, "gatewayRateLimits": _UNLIMITED}
            number = message.topic.rsplit("/", 1)[1]
            client.publish(f"v1/devices/me/rpc/response/{number}", orjson.dumps(limits))

    client = MqttClient(CallbackAPIVersion.VERSION2)
    client.on_message = received
    client.connect(ADDRESS, port)
    client.subscribe([("v1/gateway/telemetry", 0), ("v1/devices/me/rpc/request/+", 0)])
    client.loop_start()
    try:
        yield counted
    finally:
        client.disconnect()
        client.loop_stop()


@asynccontextmanager
async def _gateway(program: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    # It asks a server of its maker's for news; what is not on this machine is not reached.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        program,
        cwd=folder,
        env=os.environ | nowhere | {"TB_GW_CONFIG_DIR": str(folder), "PYTHONPATH": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _configure(folder: Path, device: BoundDevice, protocol: str, port: int) -> None:
    connector = _modbus(device) if protocol == "modbus" else await _opcua(device)
    quiet = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"consoleHandler": {"class": "logging.StreamHandler", "level": "CRITICAL"}},
        "loggers": {
            name: {"handlers": ["consoleHandler"], "level": "CRITICAL", "propagate": False}
            for name in ("database", "service", "connector", "converter", "tb_connection", "storage", "extension")
        },
        "root": {"level": "CRITICAL", "handlers": ["consoleHandler"]},
    }
    gateway = {
        "thingsboard": {
            "host": ADDRESS,
            "port": port,
            "remoteShell": False,
            "remoteConfiguration": False,
            "statistics": {"enable": False},
            "deviceFiltering": {"enable": False},
            "maxPayloadSizeBytes": 65536,
            "minPackSendDelayMS": 50,
            "minPackSizeToSend": 500,
            "checkConnectorsConfigurationInSeconds": 3600,
            "security": {"type": "accessToken", "accessToken": "benchmark"},
            "qos": 0,
            "reportStrategy": {"type": "ON_RECEIVED"},
        },
        "storage": {"type": "memory", "read_records_count": 1000, "max_records_count": 100000},
        "grpc": {"enabled": False},
        "connectors": [{"name": protocol, "type": protocol, "configuration": "connector.json"}],
    }
    for name, content in (("connector", connector), ("tb_gateway", gateway), ("logs", quiet), ("list", {})):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _modbus(device: BoundDevice) -> dict[str, Any]:
    values = [
        {
            "tag": point.path,
            "type": _type(point),
            "functionCode": _FUNCTIONS[point.point.table],
            "address": point.address,
            "objectsCount": 1 if point.point.table in {"coil", "discrete"} else point.point.register_count,
        }
        for point in device.points
    ]
    slave = {
        "host": device.device.host,
        "port": device.device.port,
        "type": "tcp",
        "method": "socket",
        "unitId": device.device.unit_id,
        "deviceName": device.id,
        "deviceType": "default",
        "timeout": 5,
        "byteOrder": "BIG",
        "wordOrder": "BIG",
        "retries": 1,
        "retryOnEmpty": True,
        "retryOnInvalid": True,
        "pollPeriod": 1000.0 * POLL_S,
        "reportStrategy": {"type": "ON_RECEIVED"},
        "attributes": [],
        "timeseries": values,
        "attributeUpdates": [],
        "rpc": [],
    }
    return {"master": {"slaves": [slave]}}


def _type(point: BoundPoint) -> str:
    kind = point.point.type
    if kind is None or kind == "bool":
        return "bits"
    return "string" if kind == "str" else f"{kind[1:]}{_KINDS[kind[0]]}"


async def _opcua(device: BoundDevice) -> dict[str, Any]:
    values = []
    async with Client(device.device.url) as client:
        for point in device.points:
            uri, _, identifier = str(point.address).removeprefix("nsu=").partition(";")
            node = f"ns={await client.get_namespace_index(uri)};{identifier}"
            values.append({"key": point.path, "type": "identifier", "value": f"${{{node}}}"})
    server = {
        "url": device.device.url,
        "timeoutInMillis": 5000,
        "scanPeriodInMillis": 3_600_000,
        "pollPeriodInMillis": 3_600_000,
        "enableSubscriptions": True,
        "subCheckPeriodInMillis": 1000.0 * INTERVAL_S["opcua"],
        "subDataMaxBatchSize": 1000,
        "subDataMinBatchCreationTimeMs": 200,
        "subscriptionProcessBatchSize": 2000,
        "sessionTimeoutInMillis": 120_000,
        "showMap": False,
        "security": "None",
        "identity": {"type": "anonymous"},
    }
    mapping = {
        "deviceNodeSource": "path",
        "deviceNodePattern": "Root\\.Objects",
        "deviceInfo": {
            "deviceNameExpression": device.id,
            "deviceNameExpressionSource": "constant",
            "deviceProfileExpression": "default",
            "deviceProfileExpressionSource": "constant",
        },
        "reportStrategy": {"type": "ON_RECEIVED"},
        "attributes": [],
        "timeseries": values,
        "rpc_methods": [],
        "attributes_updates": [],
    }
    return {"server": server, "mapping": [mapping]}
