"""The OPC UA adapter against node-opcua, and against asyncua's own server where no Node is installed."""

import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import Server, ua

from adapters.base import LinkState
from adapters.opcua import OpcUaAdapter
from adapters.opcua_items import node_id
from adapters.opcua_status import meaning
from config.clock import RealClock
from tests.support.adapters import Desk, device, running
from tests.support.opcua import NodePeers, new_server, node_peers
from tests.support.peers import free_port
from twin.signals import ChargerState, Quality, Reason

__all__ = ["node_peers"]

URI = "urn:test:cabinet"
POINTS: list[dict[str, Any]] = [
    {"signal": "soc", "address": f"nsu={URI};s=slot{{index}}.soc", "deadband": 0.01},
    {"signal": "charger_state", "address": f"nsu={URI};s=slot{{index}}.state", "enum": {0: "idle", 1: "charging"}},
    {"signal": "occupied", "address": f"nsu={URI};s=slot{{index}}.occupied"},
    {"signal": "pack_id", "address": f"nsu={URI};s=slot{{index}}.id"},
    {"signal": "power_w", "entity": "station", "address": f"nsu={URI};s=power"},
    {"signal": "heartbeat", "entity": "station", "address": f"nsu={URI};s=heartbeat"},
]
UNKNOWN: list[dict[str, Any]] = [
    {"signal": "mains_ok", "entity": "station", "address": f"nsu={URI};s=nobody"},
    {"signal": "door_open", "entity": "station", "address": "nsu=urn:nobody;s=door"},
    {"signal": "swap_count", "entity": "station", "address": f"nsu={URI};i=not-a-number"},
]


def desk_of(port: int, points: list[dict[str, Any]] = POINTS, **profile: Any) -> tuple[OpcUaAdapter, Desk]:
    bound = device(f"opc.tcp://127.0.0.1:{port}", points, **({"interval_s": 0.2} | profile))
    return OpcUaAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


@pytest.mark.peer
async def test_all_nodes_of_a_node_opcua_server_are_read_and_a_bad_node_harms_no_other(
    node_peers: NodePeers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.opcua_subscription.SWEEP_S", 1.0)
    async with node_peers.server(free_port()) as server:
        adapter, desk = desk_of(server.port, [*UNKNOWN, *POINTS])
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == len(desk.bound.points))
            assert desk.value("S1/slot/01/soc") == 0.5
            assert desk.value("S1/slot/01/charger_state") == ChargerState.CHARGING
            assert [desk.value(f"S1/slot/0{slot}/occupied") for slot in (1, 2)] == [1.0, 0.0]
            assert desk.texts[int(desk.value("S1/slot/01/pack_id") or 0)] == "PK-1"
            assert desk.value("S1/station/power_w") == 1500.5
            for signal in ("mains_ok", "door_open", "swap_count"):
                assert desk.reason(f"S1/station/{signal}") is Reason.NOT_CONFIGURED
            assert desk.reason("S1/slot/02/charger_state") is Reason.OUT_OF_RANGE
            assert desk.reason("S1/slot/02/pack_id") is Reason.NOT_CONFIGURED
            # One publish response is one batch.
            assert max(len(batch.points) for batch in desk.batches) > 1

            server.tell("set slot1.soc 0.9")
            await desk.until(lambda: desk.value("S1/slot/01/soc") == 0.9)
            # The server takes a change to NaN for one within the deadband.
            server.tell("set slot1.soc NaN")
            await desk.until(lambda: desk.reason("S1/slot/01/soc") is Reason.SENSOR_FAILURE)
            server.tell("status slot2.soc BadNoCommunication")
            await desk.until(lambda: desk.reason("S1/slot/02/soc") is Reason.NO_COMMUNICATION)
            server.tell("status power UncertainLastUsableValue")
            await desk.until(lambda: desk.latest["S1/station/power_w"].quality is Quality.UNCERTAIN)
            assert desk.latest["S1/station/power_w"].value == 1500.5
            assert all(math.isnan(seen.value) for _, seen in desk.history if seen.quality is Quality.BAD)


@pytest.mark.peer
async def test_a_quiet_node_opcua_server_confirms_its_values_and_a_change_within_the_deadband_is_not_sent(
    node_peers: NodePeers,
) -> None:
    async with node_peers.server(free_port()) as server:
        adapter, desk = desk_of(server.port)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.latest) == len(desk.bound.points))
            samples = len(desk.history)
            confirmed = len(desk.confirmed)
            server.tell("set slot1.soc 0.501")
            await desk.until(lambda: len(desk.confirmed) >= confirmed + 5, within_s=5.0)
            assert len(desk.history) == samples


@pytest.mark.peer
async def test_data_flow_again_after_a_restart_that_numbers_the_namespaces_anew(node_peers: NodePeers) -> None:
    port = free_port()
    adapter, desk = desk_of(port)
    async with running(adapter, desk):
        await desk.until(lambda: "connection refused" in desk.link.detail)
        async with node_peers.server(port) as first:
            await desk.until(lambda: "S1/slot/01/soc" in desk.good(), within_s=15.0)
            await first.kill()
            await desk.until(lambda: not desk.good(), within_s=3.0)
            assert desk.link.state is LinkState.AWAY
        async with node_peers.server(port, namespaces=3):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good(), within_s=15.0)
            assert desk.value("S1/station/power_w") == 1500.5
            assert desk.link.reconnects == 1


@pytest.mark.peer
async def test_a_node_opcua_server_that_hangs_with_its_connection_open_is_noticed(node_peers: NodePeers) -> None:
    async with node_peers.server(free_port()) as server:
        adapter, desk = desk_of(server.port)
        async with running(adapter, desk):
            await desk.until(lambda: "S1/slot/01/soc" in desk.good())
            server.freeze()
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=6.0)
            assert not desk.good()


class Cabinet:
    """A server made with the client's own library: it says nothing of other people's, but needs no Node."""

    def __init__(self, server: Server, nodes: dict[str, Any]) -> None:
        self.server = server
        self.nodes = nodes

    async def set(self, name: str, value: Any, kind: ua.VariantType, stamp: float | None = None) -> None:
        moment = None if stamp is None else datetime.fromtimestamp(stamp, UTC)
        await self.server.write_attribute_value(
            self.nodes[name].nodeid, ua.DataValue(ua.Variant(value, kind), SourceTimestamp=moment)
        )


@asynccontextmanager
async def own_cabinet(port: int, names: list[str]) -> AsyncIterator[Cabinet]:
    server = await new_server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    nodes = {}
    for name in names:
        node = ua.NodeId(name, index)
        nodes[name] = await server.nodes.objects.add_variable(node, name, 1.0, ua.VariantType.Double)
    async with server:
        yield Cabinet(server, nodes)


SCALARS = [POINTS[4], POINTS[5]]


async def test_values_come_with_the_device_s_time_even_if_its_clock_is_wrong() -> None:
    port = free_port()
    async with own_cabinet(port, ["power", "heartbeat"]) as server:
        adapter, desk = desk_of(port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 2)
            old = RealClock().now() - 600.0
            await server.set("power", 5.0, ua.VariantType.Double, old)
            await desk.until(lambda: desk.value("S1/station/power_w") == 5.0)
            assert desk.latest["S1/station/power_w"].source_time == pytest.approx(old, abs=1e-3)
            await server.set("power", 6.0, ua.VariantType.Double, old + 86_400.0)
            await desk.until(lambda: desk.value("S1/station/power_w") == 6.0)
            assert desk.latest["S1/station/power_w"].source_time == pytest.approx(old + 86_400.0, abs=1e-3)


async def test_a_server_that_renews_its_stamps_is_judged_by_them_alone() -> None:
    port = free_port()
    async with own_cabinet(port, ["power", "heartbeat"]) as server:
        adapter, desk = desk_of(port, SCALARS, stamps="every_scan")
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 2)
            later = RealClock().now() + 1.0
            await server.set("power", 1.0, ua.VariantType.Double, later)
            await desk.until(lambda: desk.latest["S1/station/power_w"].source_time == pytest.approx(later, abs=1e-3))
            assert not desk.confirmed


async def test_nodes_that_come_after_the_server_has_started_are_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.opcua_subscription.RETRY_ITEMS_S", 0.5)
    port = free_port()
    async with own_cabinet(port, ["heartbeat"]) as server:
        adapter, desk = desk_of(port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: desk.reason("S1/station/power_w") is Reason.NOT_CONFIGURED)
            index = await server.server.get_namespace_index(URI)
            await server.server.nodes.objects.add_variable(ua.NodeId("power", index), "power", 7.0)
            await desk.until(lambda: desk.value("S1/station/power_w") == 7.0)


async def test_a_frozen_controller_behind_a_living_server_is_noticed_and_released() -> None:
    port = free_port()
    async with own_cabinet(port, ["power", "heartbeat"]) as server:
        adapter, desk = desk_of(port, SCALARS, watchdog={"signal": "heartbeat", "timeout_s": 1.0})
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 2)
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=5.0)
            assert "heartbeat stands still" in desk.link.detail
            confirmed = len(desk.confirmed)
            # A new session opens meanwhile, with the same frozen values.
            with pytest.raises(AssertionError, match="not within"):
                await desk.until(lambda: bool(desk.good()), within_s=1.5)
            assert len(desk.confirmed) == confirmed
            await server.set("heartbeat", 2.0, ua.VariantType.Double)
            await desk.until(lambda: len(desk.good()) == 2)
            assert desk.link.state is LinkState.CONNECTED


async def test_a_device_that_was_never_there_is_a_state_and_no_error() -> None:
    adapter, desk = desk_of(free_port())
    async with running(adapter, desk):
        await desk.until(lambda: desk.link.state is LinkState.AWAY)
        assert "connection refused" in desk.link.detail
        assert desk.link.errors == 0


def test_a_namespace_is_found_by_its_name_wherever_the_server_puts_it() -> None:
    assert node_id(f"nsu={URI};s=a;b", ["", "other", URI]) == ua.NodeId("a;b", 2)
    assert node_id("i=2258", []) == ua.NodeId(2258)
    with pytest.raises(LookupError, match=URI):
        node_id(f"nsu={URI};s=a", ["", "other"])


@pytest.mark.parametrize(
    ("name", "quality", "reason"),
    [
        ("Good", Quality.GOOD, Reason.NONE),
        ("GoodClamped", Quality.GOOD, Reason.NONE),
        ("BadNoCommunication", Quality.BAD, Reason.NO_COMMUNICATION),
        ("BadNotConnected", Quality.BAD, Reason.NO_COMMUNICATION),
        ("BadNodeIdUnknown", Quality.BAD, Reason.NOT_CONFIGURED),
        ("BadSensorFailure", Quality.BAD, Reason.SENSOR_FAILURE),
        ("BadOutOfRange", Quality.BAD, Reason.OUT_OF_RANGE),
        ("UncertainLastUsableValue", Quality.UNCERTAIN, Reason.STALE),
        ("UncertainSubstituteValue", Quality.UNCERTAIN, Reason.SUBSTITUTED),
    ],
)
def test_status_codes_become_quality_and_reason(name: str, quality: Quality, reason: Reason) -> None:
    code = int(getattr(ua.StatusCodes, name))
    assert meaning(code) == (quality, reason)
    # The low bits only carry flags, such as an overflow of the server's queue.
    assert meaning(code | 0x480) == (quality, reason)
