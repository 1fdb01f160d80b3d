"""The OPC UA emulator, read by a plain asyncua client and, where it is installed, by node-opcua."""

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import Client, ua

from config.errors import ListenError
from config.loader import LoadedSite
from simulators.opcua import OpcUaFace
from simulators.serve import build_faces, build_stations
from simulators.station import PhysicalStation
from tests.support.emulators import one_station, serving
from tests.support.peers import SOURCES, free_port

URI = "urn:swaptwin:swap-cabinet"
START = 1_800_000_000.0

NODE_PEERS = os.environ.get("SWAPTWIN_NODE_PEERS", "")
needs_node_opcua = pytest.mark.skipif(
    not (shutil.which("node") and (Path(NODE_PEERS or "?") / "node_modules" / "node-opcua").is_dir()),
    reason="needs node, and node-opcua in the folder that SWAPTWIN_NODE_PEERS names",
)


def cabinet(folder: Path, port: int, profile: str = "opcua-swap-cabinet", **station: Any) -> LoadedSite:
    return one_station(folder, [{"id": "d", "profile": profile, "url": f"opc.tcp://127.0.0.1:{port}"}], **station)


@asynccontextmanager
async def shown(loaded: LoadedSite) -> AsyncIterator[tuple[PhysicalStation, OpcUaFace]]:
    """The station's only face, listening, with the station standing still as it is at the start."""
    stations = build_stations(loaded, START)
    ((face, _),) = build_faces(loaded.bind(), stations)
    assert isinstance(face, OpcUaFace)
    await face.start()
    try:
        yield stations["S1"], face
    finally:
        await face.stop()


async def read(client: Client, identifier: str) -> ua.DataValue:
    index = await client.get_namespace_index(URI)
    node = client.get_node(f"ns={index};s=S1.{identifier}")
    return await node.read_data_value(raise_on_bad_status=False)


async def test_a_cabinets_nodes_say_what_the_station_is_in_site_time(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)) as (station, _), Client(f"opc.tcp://127.0.0.1:{port}") as client:
        power = await read(client, "Energy.AcActivePowerTotal")
        assert power.Value.Value == station.value("power_w")
        assert power.Value.VariantType is ua.VariantType.Double
        assert power.SourceTimestamp.timestamp() == START
        for slot in (1, 2, 3, 4):
            node = f"Slots.Slot{slot:02d}"
            assert (await read(client, f"{node}.PackPresent")).Value.Value is station.value("occupied", slot)
            assert (await read(client, f"{node}.Charger.State")).Value.Value == station.value("charger_state", slot)
            soc = await read(client, f"{node}.Pack.SoC")
            serial = await read(client, f"{node}.PackId")
            if station.value("occupied", slot):
                assert soc.Value.Value == pytest.approx(100.0 * float(station.value("soc", slot) or 0.0))
                assert serial.Value.Value == station.value("pack_id", slot)
            else:
                assert soc.StatusCode.value == serial.StatusCode.value == ua.StatusCodes.BadNoData
                assert soc.Value.Value is None


async def test_the_machine_is_found_below_machines_with_nameplate_parts_units_and_labels(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)), Client(f"opc.tcp://127.0.0.1:{port}") as client:
        index = await client.get_namespace_index(URI)
        machinery = await client.get_namespace_index("http://opcfoundation.org/UA/Machinery/")
        root = await client.nodes.objects.get_child([f"{machinery}:Machines", f"{index}:S1"])
        plate = await root.get_child(f"{index}:Identification")
        names = {(await child.read_browse_name()).Name for child in await plate.get_children()}
        assert {"Manufacturer", "Model", "SerialNumber", "SoftwareRevision"} <= names
        slots = await root.get_child(f"{index}:Slots")
        names = [(await child.read_browse_name()).Name for child in await slots.get_children()]
        assert names == ["Slot01", "Slot02", "Slot03", "Slot04"]
        soc = await slots.get_child([f"{index}:Slot02", f"{index}:Pack", f"{index}:SoC"])
        assert soc.nodeid == ua.NodeId("S1.Slots.Slot02.Pack.SoC", index)
        unit = await (await soc.get_child("0:EngineeringUnits")).read_value()
        span = await (await soc.get_child("0:EURange")).read_value()
        assert (unit.DisplayName.Text, unit.UnitId, span.Low, span.High) == ("%", 20529, 0.0, 100.0)
        state = await slots.get_child([f"{index}:Slot02", f"{index}:Charger", f"{index}:State"])
        labels = await (await state.get_child("0:EnumStrings")).read_value()
        assert [label.Text for label in labels][:3] == ["idle", "charging", "full"]


async def test_a_client_opens_a_door_and_shuts_a_slot_by_method(tmp_path: Path) -> None:
    port = free_port()
    async with (
        shown(cabinet(tmp_path, port)) as (station, _),
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        index = await client.get_namespace_index(URI)
        root = client.get_node(ua.NodeId("S1", index))
        slot = ua.Variant(2, ua.VariantType.UInt16)
        await root.call_method(f"{index}:OpenDoor", slot)
        assert station.value("door_open", 2) is True
        assert (await read(client, "Slots.Slot02.DoorOpen")).Value.Value is True
        await root.call_method(f"{index}:EnableSlot", slot, False)
        assert station.value("enabled", 2) is False
        with pytest.raises(ua.UaStatusCodeError, match="BadInvalidArgument"):
            await root.call_method(f"{index}:OpenDoor", ua.Variant(77, ua.VariantType.UInt16))


class Doubtful:
    """A station of which single values have a status."""

    def __init__(self, station: PhysicalStation) -> None:
        self._station = station
        self.wrong: dict[tuple[str, int | None], str] = {}

    @property
    def time(self) -> float:
        return self._station.time

    def value(self, signal: str, slot: int | None = None) -> Any:
        return self._station.value(signal, slot)

    def command(self, signal: str, slot: int, value: float) -> None:
        self._station.command(signal, slot, value)

    def status(self, signal: str, slot: int | None = None) -> str | None:
        return self.wrong.get((signal, slot))


async def test_single_values_carry_the_status_that_what_is_shown_gives_them(tmp_path: Path) -> None:
    port = free_port()
    loaded = cabinet(tmp_path, port)
    (bound,) = loaded.bind()
    doubtful = Doubtful(build_stations(loaded, START)["S1"])
    face = OpcUaFace(bound, doubtful, "url")
    await face.start()
    try:
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            assert (await read(client, "Environment.Temperature")).StatusCode.is_good()
            doubtful.wrong = {
                ("temperature_c", None): "BadSensorFailure",
                ("power_w", None): "UncertainLastUsableValue",
            }
            await face.publish()
            broken, old = await read(client, "Environment.Temperature"), await read(client, "Energy.AcActivePowerTotal")
            assert (broken.StatusCode.name, broken.Value.Value) == ("BadSensorFailure", None)
            assert (old.StatusCode.name, old.Value.Value) == ("UncertainLastUsableValue", doubtful.value("power_w"))
            doubtful.wrong = {}
            await face.publish()
            assert (await read(client, "Environment.Temperature")).StatusCode.is_good()
    finally:
        await face.stop()


async def test_after_a_restart_the_same_nodes_may_stand_in_namespaces_of_other_numbers(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)) as (station, face):
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            first = await client.get_namespace_index(URI)
        await face.stop()
        face.extra_namespaces = 3
        await face.start()
        async with Client(f"opc.tcp://127.0.0.1:{port}") as client:
            assert await client.get_namespace_index(URI) == first + 3
            assert (await read(client, "Energy.AcActivePowerTotal")).Value.Value == station.value("power_w")


async def test_only_what_changed_is_stamped_anew_and_the_heartbeat_with_every_scan(tmp_path: Path) -> None:
    port = free_port()
    async with (
        shown(cabinet(tmp_path, port, "opcua-cabinet-doors")) as (station, face),
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        for second in (1.0, 2.0):
            station.advance(START + second)
            await face.publish()
        assert (await read(client, "Heartbeat")).SourceTimestamp.timestamp() == START + 2.0
        assert (await read(client, "Slots.Slot01.Enabled")).SourceTimestamp.timestamp() == START


async def test_a_server_that_stamps_every_scan_renews_the_time_of_every_value(tmp_path: Path) -> None:
    port = free_port()
    profile = {
        "profile": "stamps",
        "title": "Stamps",
        "protocol": "opcua",
        "source": "reference",
        "stamps": "every_scan",
        "points": [{"signal": "enabled", "address": f"nsu={URI};s=S1.{{slot}}.Enabled"}],
    }
    (tmp_path / "stamps.yaml").write_text(yaml.safe_dump(profile))
    async with (
        shown(cabinet(tmp_path, port, "stamps.yaml")) as (station, face),
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        station.advance(START + 5.0)
        await face.publish()
        assert (await read(client, "3.Enabled")).SourceTimestamp.timestamp() == START + 5.0


async def test_small_changes_within_the_deadband_are_not_reported_and_bits_share_a_node(tmp_path: Path) -> None:
    port = free_port()
    profile = {
        "profile": "bands",
        "title": "Bands",
        "protocol": "opcua",
        "source": "reference",
        "points": [
            {"entity": "station", "signal": "energy_wh", "address": f"nsu={URI};s=S1.Energy", "deadband": 1.0},
            {"signal": "occupied", "address": f"nsu={URI};s=S1.{{slot}}.Flags", "bit": 0},
            {"signal": "enabled", "address": f"nsu={URI};s=S1.{{slot}}.Flags", "bit": 4},
        ],
    }
    (tmp_path / "bands.yaml").write_text(yaml.safe_dump(profile))
    async with (
        shown(cabinet(tmp_path, port, "bands.yaml", emulation={"packs": 0})) as (station, face),
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        assert (await read(client, "2.Flags")).Value == ua.Variant(16, ua.VariantType.UInt32)
        for seconds in (10.0, 60.0):
            station.advance(START + seconds)
            await face.publish()
            shown_wh = (await read(client, "Energy")).Value.Value
            # 150 W of base load: half a watt-hour in 10 s, 2.5 in a minute.
            assert (shown_wh == 0.0) is (seconds == 10.0)


async def test_a_pack_that_leaves_and_one_that_comes_are_notified(tmp_path: Path) -> None:
    port = free_port()
    async with (
        shown(cabinet(tmp_path, port)) as (station, face),
        Client(f"opc.tcp://127.0.0.1:{port}") as client,
    ):
        slot = next(slot for slot in station.slots if slot.pack)
        index = await client.get_namespace_index(URI)
        node = client.get_node(f"ns={index};s=S1.Slots.Slot{slot.number:02d}.PackId")
        seen: asyncio.Queue[ua.DataValue] = asyncio.Queue()

        class Handler:
            def datachange_notification(self, node: object, value: object, data: Any) -> None:
                seen.put_nowait(data.monitored_item.Value)

        subscription = await client.create_subscription(50, Handler())
        await subscription.subscribe_data_change(node)
        async with asyncio.timeout(10.0):
            assert slot.pack is not None
            assert (await seen.get()).Value.Value == slot.pack.serial
            taken, slot.pack = slot.pack, None
            station.advance(START + 1.0)
            await face.publish()
            gone = await seen.get()
            assert gone.StatusCode.value == ua.StatusCodes.BadNoData
            assert gone.SourceTimestamp.timestamp() == START + 1.0
            slot.pack = taken
            station.advance(START + 2.0)
            await face.publish()
            assert (await seen.get()).Value.Value == taken.serial


async def test_a_taken_port_is_named_with_its_key_and_its_owner_keeps_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        with pytest.raises(ListenError, match=rf"stations\[0\]\.devices\[0\]\.url.*{port}.*in use"):
            async with serving(cabinet(tmp_path, port)):
                pytest.fail("served on another's port")


async def notification(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line of JSON; the library also says things of its own."""
    assert process.stdout
    while not (line := await process.stdout.readline()).startswith(b"{"):
        assert line, "the client ended"
    said: dict[str, Any] = json.loads(line)
    return said


@pytest.mark.peer
@needs_node_opcua
async def test_node_opcua_subscribes_by_namespace_uri(tmp_path: Path) -> None:
    port = free_port()
    async with shown(cabinet(tmp_path, port)) as (station, face):
        empty = next(slot.number for slot in station.slots if slot.pack is None)
        full = next(slot.number for slot in station.slots if slot.pack is not None)
        nodes = ["s=S1.Heartbeat", f"s=S1.Slots.Slot{empty:02d}.Pack.SoC", f"s=S1.Slots.Slot{full:02d}.PackId"]
        process = await asyncio.create_subprocess_exec(
            *("node", str(SOURCES / "opcua_client.cjs"), f"opc.tcp://127.0.0.1:{port}", URI, *nodes),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"NODE_PATH": str(Path(NODE_PEERS) / "node_modules")},
        )
        try:
            # A first run makes itself a certificate, which takes long.
            async with asyncio.timeout(90.0):
                first: dict[str, Any] = {}
                while len(first) < 3:
                    said = await notification(process)
                    first[said["node"]] = said
                assert first[nodes[1]]["status"] == "BadNoData"
                assert first[nodes[2]]["value"] == station.value("pack_id", full)
                assert first[nodes[0]]["sourceTime"] == START
                station.advance(START + 1.0)
                await face.publish()
                while (said := await notification(process))["node"] != nodes[0]:
                    continue
                assert (said["value"], said["sourceTime"]) == (1, START + 1.0)
        finally:
            process.kill()
            await process.wait()
