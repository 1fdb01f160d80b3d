"""The OPC UA adapter in the field: many values at once, small servers, long and cut lines, subscriptions that die."""

import itertools
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from asyncua import Server, ua

from adapters.base import Batch, LinkState
from adapters.opcua import OpcUaAdapter
from adapters.opcua_items import Wishes
from config.clock import RealClock
from tests.support.adapters import Desk, device, meanwhile, running
from tests.support.opcua import URI, NodePeers, Wire, cabinet, node_peers
from tests.support.peers import free_port

__all__ = ["node_peers"]

COUNTERS = {
    "a": "cycle_count",
    "b": "energy_wh",
    "c": "fault_bits",
    "d": "pack_fault_bits",
    "e": "power_limit_w",
    "f": "capacity_wh",
}
SCALARS: list[dict[str, Any]] = [
    {"signal": "power_w", "entity": "station", "address": f"nsu={URI};s=power"},
    {"signal": "swap_count", "entity": "station", "address": f"nsu={URI};s=swaps"},
    {"signal": "heartbeat", "entity": "station", "address": f"nsu={URI};s=heartbeat"},
]


def adapter_of(port: int, points: list[dict[str, Any]], slots: int = 2, **profile: Any) -> tuple[OpcUaAdapter, Desk]:
    bound = device(f"opc.tcp://127.0.0.1:{port}", points, slots=slots, **({"interval_s": 0.1} | profile))
    return OpcUaAdapter(bound, RealClock(), random.Random(1)), Desk(bound)


class Tally(Desk):
    """A sink that checks each value against the one before it: the next number, no other."""

    def __init__(self, bound: Any) -> None:
        super().__init__(bound)
        self.last = np.full(len(bound.points), np.nan)
        self.wrong: Counter[float] = Counter()
        self.largest = 0

    def push(self, batch: Batch) -> None:
        self.largest = max(self.largest, len(batch.points))
        assert not batch.qualities.any()
        assert len(np.unique(batch.points)) == len(batch.points)
        steps = batch.values - self.last[batch.points]
        self.wrong.update(steps[~np.isnan(steps) & (steps != 1.0)].tolist())
        self.last[batch.points] = batch.values
        self._news.set()


def counters() -> list[dict[str, Any]]:
    return [{"signal": signal, "address": f"nsu={URI};s={letter}{{index}}"} for letter, signal in COUNTERS.items()]


@pytest.mark.peer
async def test_nothing_is_lost_or_doubled_when_a_server_spreads_its_report_over_responses(
    node_peers: NodePeers,
) -> None:
    async with node_peers.server(free_port(), PEER_COUNTERS="abc") as server:
        adapter, desk = adapter_of(server.port, counters()[:3], slots=999)
        tally = Tally(desk.bound)
        async with running(adapter, tally):
            await tally.until(lambda: not np.isnan(tally.last).any(), within_s=60.0)
            for round_ in range(1, 6):
                server.tell("tick")
                await tally.until(lambda: bool((tally.last == round_).all()))  # noqa: B023
        assert 0 < tally.largest < tally.last.size == 2997
        assert not tally.wrong
        assert tally.link.dropped == 0


async def test_nothing_is_lost_or_doubled_when_six_thousand_counters_come_in_one_publish_response() -> None:
    async with cabinet(free_port()) as server:
        index = await server.get_namespace_index(URI)
        nodes = []
        for letter in COUNTERS:
            for number in range(1, 1000):
                if number % 100 == 1:
                    folder = await server.nodes.objects.add_object(index, f"{letter}{number}")
                node = ua.NodeId(f"{letter}{number}", index)
                await folder.add_variable(node, f"{letter}{number}", 0, ua.VariantType.UInt32)
                nodes.append(node)
        adapter, desk = adapter_of(server.endpoint.port, counters(), slots=999)
        tally = Tally(desk.bound)
        async with running(adapter, tally):
            await tally.until(lambda: not np.isnan(tally.last).any(), within_s=60.0)
            for round_ in range(1, 4):
                tally.largest = 0
                for node in nodes:
                    value = ua.DataValue(ua.Variant(round_, ua.VariantType.UInt32))
                    await server.write_attribute_value(node, value)
                await tally.until(lambda: bool((tally.last == round_).all()))  # noqa: B023
                assert tally.largest == 5994
        assert not tally.wrong
        assert tally.link.dropped == 0


@pytest.mark.peer
async def test_a_server_that_takes_three_items_a_call_is_asked_in_calls_of_three(node_peers: NodePeers) -> None:
    async with node_peers.server(free_port(), PEER_COUNTERS="abcdef", PEER_ITEMS_A_CALL="3") as server:
        adapter, desk = adapter_of(server.port, [point | {"deadband": 0.5} for point in counters()], slots=10)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 60)
            server.tell("tick")
            await desk.until(lambda: desk.value("S1/slot/10/capacity_wh") == 1.0)


async def show(server: Server, name: str, value: float) -> None:
    index = await server.get_namespace_index(URI)
    await server.write_attribute_value(ua.NodeId(name, index), ua.DataValue(ua.Variant(value)))


def subscriptions(server: Server) -> dict[int, Any]:
    live: dict[int, Any] = server.iserver.subscription_service.subscriptions
    return live


async def test_on_a_long_line_reports_come_as_often_as_they_are_made() -> None:
    async with cabinet(free_port()) as server, Wire(server.endpoint.port).laid() as wire:
        adapter, desk = adapter_of(wire.port, SCALARS)
        wire.one_way_s = 0.2
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            before, begun = len(desk.confirmed), RealClock().monotonic()
            await desk.until(lambda: len(desk.confirmed) >= before + 12)
            # One request under way at a time would bring 2.5 a second.
            assert 12 / (RealClock().monotonic() - begun) > 4.0


async def test_a_line_that_is_cut_without_a_word_is_noticed_in_time_and_data_flow_soon_after_it_is_mended() -> None:
    clock = RealClock()
    async with cabinet(free_port()) as server, Wire(server.endpoint.port).laid() as wire:
        adapter, desk = adapter_of(wire.port, SCALARS, interval_s=5.0)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            wire.cut()
            cut_at = clock.monotonic()
            await desk.until(lambda: not desk.good(), within_s=8.0)
            assert clock.monotonic() - cut_at < 6.0
            assert "no answer for" in desk.link.detail
            wire.mend()
            mended_at = clock.monotonic()
            await desk.until(lambda: len(desk.good()) == 3, within_s=15.0)
            assert clock.monotonic() - mended_at < 10.0


async def test_a_subscription_that_dies_in_a_living_session_is_made_anew_without_the_device_going_away() -> None:
    async with cabinet(free_port()) as server:
        adapter, desk = adapter_of(server.endpoint.port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            (deleted,) = list(subscriptions(server))
            await server.iserver.subscription_service.delete_subscriptions([deleted])
            await desk.until(lambda: bool(subscriptions(server)))
            await show(server, "power", 7.5)
            await desk.until(lambda: desk.value("S1/station/power_w") == 7.5)
            (silent,) = list(subscriptions(server))
            await subscriptions(server)[silent].stop()
            await desk.until(lambda: silent not in subscriptions(server) and bool(subscriptions(server)))
            await show(server, "power", 8.5)
            await desk.until(lambda: desk.value("S1/station/power_w") == 8.5)
            assert "subscribed anew: no publish response for" in desk.link.detail
            assert desk.said == ["connected"]


async def test_a_server_that_never_publishes_is_away_and_what_was_tried_is_said() -> None:
    async with cabinet(free_port()) as server:
        adapter, desk = adapter_of(server.endpoint.port, SCALARS)

        async def mute(*_: Any) -> bool:
            return True

        create = server.iserver.subscription_service.create_subscription

        async def create_mute(*arguments: Any, **more: Any) -> Any:
            created = await create(*arguments, **more)
            subscriptions(server)[created.SubscriptionId].publish_results = mute
            return created

        server.iserver.subscription_service.create_subscription = create_mute
        async with running(adapter, desk):
            await desk.until(lambda: desk.link.state is LinkState.AWAY, within_s=10.0)
            assert "no publish response" in desk.link.detail
            assert "after connecting: opening a new session" in desk.link.detail
            assert desk.said[0].startswith("lost")
            server.iserver.subscription_service.create_subscription = create
            await desk.until(lambda: len(desk.good()) == 3, within_s=15.0)


async def test_where_a_server_makes_keep_alives_rare_its_unchanged_values_are_confirmed_by_reading() -> None:
    async with cabinet(free_port()) as server:
        create = server.iserver.subscription_service.create_subscription

        async def create_lazy(wanted: Any, *arguments: Any, **more: Any) -> Any:
            wanted.RequestedMaxKeepAliveCount = 100
            created = await create(wanted, *arguments, **more)
            created.RevisedMaxKeepAliveCount = 100
            return created

        server.iserver.subscription_service.create_subscription = create_lazy
        adapter, desk = adapter_of(server.endpoint.port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            before = len(desk.confirmed)
            await desk.until(lambda: len(desk.confirmed) >= before + 2, within_s=8.0)
            assert desk.said == ["connected"]


async def test_a_session_that_the_server_ends_is_followed_by_a_new_one() -> None:
    async with cabinet(free_port()) as server:
        adapter, desk = adapter_of(server.endpoint.port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            for session in list(server.iserver._external_sessions.values()):
                await session.close_session(True)
            for transport in list(server.bserver.clients):
                transport.transport.close()
            await desk.until(lambda: desk.link.reconnects == 1)
            await desk.until(lambda: len(desk.good()) == 3)


async def test_a_report_that_is_missing_is_counted_and_all_values_are_read_again() -> None:
    async with cabinet(free_port()) as server:
        adapter, desk = adapter_of(server.endpoint.port, SCALARS)
        async with running(adapter, desk):
            await desk.until(lambda: len(desk.good()) == 3)
            (live,) = subscriptions(server).values()
            samples = len(desk.history)
            live._notification_seq += 2
            await show(server, "swaps", 5.0)
            await desk.until(lambda: desk.link.dropped == 2)
            await desk.until(lambda: len(desk.history) >= samples + 4)
            assert desk.value("S1/station/swap_count") == 5.0


async def test_a_watchdog_that_moves_at_the_server_but_is_not_reported_is_no_frozen_controller() -> None:
    async with cabinet(free_port()) as server:
        adapter, desk = adapter_of(server.endpoint.port, SCALARS, watchdog={"signal": "heartbeat", "timeout_s": 5.0})

        async def beats() -> None:
            for beat in itertools.count(1):
                await show(server, "heartbeat", float(beat))
                await RealClock().sleep(0.1)

        async with running(adapter, desk), meanwhile(beats()):
            await desk.until(lambda: len(desk.good()) == 3)
            # The server forgets the item but keeps the subscription alive.
            index = await server.get_namespace_index(URI)
            node = server.iserver.aspace[ua.NodeId("heartbeat", index)]
            node.attributes[ua.AttributeIds.Value].datachange_callbacks.clear()
            await desk.until(lambda: "reads a moving watchdog" in desk.link.detail, within_s=60.0)
            await desk.until(lambda: len(desk.good()) == 3)
            assert desk.said == ["connected"]


def test_a_server_that_reports_rarer_than_it_samples_keeps_what_it_samples() -> None:
    clock = RealClock()
    points = [SCALARS[0] | {"poll_group": "fast"}, SCALARS[1]]
    groups = {"fast": {"interval_s": 0.1}}
    _, desk = adapter_of(1, points, interval_s=1.0, poll_groups=groups, publish_interval_s=2.0)
    wishes = Wishes(desk.bound, clock)
    assert (wishes.publish_s, wishes.queue_size(0), wishes.queue_size(1)) == (2.0, 20, 2)
    _, desk = adapter_of(1, points, interval_s=30.0, poll_groups={"fast": {"interval_s": 20.0}}, queue_size=5)
    wishes = Wishes(desk.bound, clock)
    assert (wishes.publish_s, wishes.queue_size(0), wishes.sampling_s) == (1.0, 5, [20.0, 30.0])
