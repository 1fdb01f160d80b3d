"""Writing over OPC UA: on our emulator and on node-opcua, and what is refused."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import ua

from adapters.base import Writable, WriteError
from adapters.opcua_write import WritableOpcUaAdapter
from adapters.registry import build
from config.binding import BoundDevice
from config.clock import RealClock
from simulators.opcua import OpcUaFace
from simulators.serve import build_faces, build_stations
from tests.support.adapters import Desk, device, running
from tests.support.emulators import one_station
from tests.support.opcua import URI, NodePeers, cabinet, node_peers
from tests.support.peers import free_port
from twin.signals import Quality

__all__ = ["node_peers"]

ANY = {"minimum": 0.0, "maximum": 1.0}
PROFILE = {
    "profile": "chargers",
    "title": "Chargers",
    "protocol": "opcua",
    "source": "reference",
    "interval_s": 0.2,
    "points": [
        {"entity": "station", "signal": "power_w", "address": "nsu=urn:x;s=S1.Power"},
        {"signal": "enabled", "address": "nsu=urn:x;s=S1.{slot}.Enabled", "access": "rw", "write": ANY},
        {
            "signal": "power_limit_w",
            "address": "nsu=urn:x;s=S1.{slot}.Limit",
            "scale": 1000.0,
            "access": "rw",
            "write": {"minimum": 0.0, "maximum": 10_000.0, "refresh_s": 0.5},
        },
        {"signal": "soc", "address": "nsu=urn:x;s=S1.{slot}.SoC", "access": "rw", "write": ANY},
    ],
}


def number_of(bound: BoundDevice, path: str) -> int:
    return next(point.number for point in bound.points if point.path == path)


def test_only_a_site_that_writes_gets_an_adapter_that_can() -> None:
    bound = device("opc.tcp://127.0.0.1:1", PROFILE["points"])  # type: ignore[arg-type]
    assert not isinstance(build(bound, RealClock()), Writable)
    assert isinstance(build(bound, RealClock(), writable=True), Writable)


async def test_what_is_written_is_done_by_the_station_read_back_and_refreshed(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "chargers.yaml").write_text(yaml.safe_dump(PROFILE))
    described = {"id": "d", "profile": "chargers.yaml", "url": f"opc.tcp://127.0.0.1:{port}"}
    loaded = one_station(tmp_path, [described])
    (bound,) = loaded.bind()
    clock = RealClock()
    stations = build_stations(loaded, clock.now())
    ((face, _),) = build_faces([bound], stations)
    assert isinstance(face, OpcUaFace)
    adapter = WritableOpcUaAdapter(bound, clock, random.Random(1))
    desk = Desk(bound)
    enabled, limit = (number_of(bound, f"S1/slot/02/{signal}") for signal in ("enabled", "power_limit_w"))
    with pytest.raises(WriteError, match="is away"):
        await adapter.write(enabled, 0.0)
    await face.start()
    try:
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/02/enabled" in desk.good())
            assert await adapter.write(enabled, 0.0) == 0.0
            assert stations["S1"].value("enabled", 2) is False
            await desk.until(lambda: desk.value("S1/slot/02/enabled") == 0.0)
            assert await adapter.write(limit, 600.0) == 600.0
            assert stations["S1"].value("power_limit_w", 2) == 600.0

            # The charger gives 1200 W at most, and says so.
            with pytest.raises(WriteError, match="shows 1200 instead of 5000"):
                await adapter.write(limit, 5000.0)
            # What the device forgets by itself is written again.
            stations["S1"].command("power_limit_w", 2, 1000.0)
            await face.publish()
            await desk.until(lambda: desk.value("S1/slot/02/power_limit_w") == 600.0)

            for path, value, said in (
                ("S1/slot/02/enabled", -1.0, "takes 0 to 1, not -1"),
                ("S1/slot/02/enabled", float("nan"), "not nan"),
                ("S1/station/power_w", 1.0, "has no 'write'"),
                ("S1/slot/02/soc", 0.5, "BadNotWritable"),
            ):
                with pytest.raises(WriteError, match=said):
                    await adapter.write(number_of(bound, path), value)
            with pytest.raises(WriteError, match="has no point"):
                await adapter.write(999, 1.0)
    finally:
        await face.stop()


@pytest.mark.peer
async def test_values_reach_a_node_opcua_server_in_the_type_that_each_node_has(node_peers: NodePeers) -> None:
    points: list[dict[str, Any]] = [
        {"signal": "soc", "address": f"nsu={URI};s=slot{{index}}.soc", "access": "rw", "write": ANY},
        {
            "signal": "charger_state",
            "address": f"nsu={URI};s=slot{{index}}.state",
            "enum": {0: "idle", 1: "charging"},
            "access": "rw",
            "write": {"minimum": 0.0, "maximum": 5.0},
        },
        {"signal": "occupied", "address": f"nsu={URI};s=slot{{index}}.occupied", "access": "rw", "write": ANY},
        *(
            {
                "entity": "station",
                "signal": signal,
                "address": f"nsu={URI};s={node}",
                "access": "rw",
                "write": {"minimum": low, "maximum": high},
            }
            for signal, node, low, high in (
                ("power_w", "power", -5e6, 5e6),
                ("heartbeat", "heartbeat", 0.0, 1e12),
                ("swap_count", "slot1.id", 0.0, 1e12),
            )
        ),
    ]
    async with node_peers.server(free_port()) as server:
        bound = device(f"opc.tcp://127.0.0.1:{server.port}", points, interval_s=0.2)
        adapter, desk = WritableOpcUaAdapter(bound, RealClock(), random.Random(1)), Desk(bound)
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            for path, value in (
                ("S1/slot/01/soc", 0.75),
                ("S1/slot/01/charger_state", 0.0),
                ("S1/slot/01/occupied", 0.0),
                ("S1/station/power_w", -0.1),
                ("S1/station/heartbeat", 77.0),
            ):
                assert await adapter.write(number_of(bound, path), value) == pytest.approx(value)
                await desk.until(lambda: desk.value(path) == pytest.approx(value))  # noqa: B023
            for path, value, said in (
                ("S1/station/heartbeat", 1e12, "does not fit the node's type UInt32"),
                ("S1/slot/01/charger_state", 4.0, "no number for fault"),
                ("S1/station/swap_count", 1.0, "type String cannot be written"),
            ):
                with pytest.raises(WriteError, match=said):
                    await adapter.write(number_of(bound, path), value)
            assert desk.latest["S1/station/heartbeat"].quality is Quality.GOOD


async def test_one_bit_is_set_in_the_word_that_stands_there() -> None:
    points: list[dict[str, Any]] = [
        {"signal": "enabled", "address": f"nsu={URI};s=flags{{index}}", "bit": 3, "access": "rw", "write": ANY},
        {"signal": "occupied", "address": f"nsu={URI};s=flags{{index}}", "bit": 0},
    ]
    async with cabinet(free_port()) as server:
        index = await server.get_namespace_index(URI)
        node = await server.nodes.objects.add_variable(
            ua.NodeId("flags1", index), "flags1", 0b101, ua.VariantType.UInt16
        )
        await node.set_writable()
        bound = device(f"opc.tcp://127.0.0.1:{server.endpoint.port}", points, slots=1, interval_s=0.2)
        adapter, desk = WritableOpcUaAdapter(bound, RealClock(), random.Random(1)), Desk(bound)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 2)
            assert await adapter.write(number_of(bound, "S1/slot/01/enabled"), 1.0) == 1.0
            assert await node.read_value() == 0b1101
            assert await adapter.write(number_of(bound, "S1/slot/01/enabled"), 0.0) == 0.0
            assert await node.read_value() == 0b101
