"""Events on the socket: none is left out, none is merged, and who cannot have them all is told."""

import json

from config.clock import RealClock
from gateway.hub import EVENTS, Hub
from tests.integration.stream_support import Client, connected, serving
from tests.unit.test_gateway_asyncapi import check


def tell(hub: Hub, *numbers: int) -> int:
    """Each event changes the same field: as state they are merged."""
    return hub.publish(
        "alarms", {"S1.smoke": {"n": numbers[-1]}}, events=[(number, {"n": number}) for number in numbers]
    )


async def events(client: Client, count: int) -> list[int]:
    numbers = []
    while len(numbers) < count:
        frame = await client.receive()
        check(frame)
        if frame["t"] == "event":
            assert frame["ev"] == {"n": frame["seq"]}
            numbers.append(frame["seq"])
    return numbers


async def test_all_events_come_in_order_however_few_steps_of_state() -> None:
    clock = RealClock()
    async with serving(clock) as gateway, connected(gateway) as client:
        tell(gateway.hub, 1)
        answer = await client.subscribe("alarms", max_hz=2.0)
        snap = await client.receive_kind("snap")
        check(snap)
        for number in range(2, 52):
            tell(gateway.hub, number)
            await clock.sleep(0.0)
        assert await events(client, 50) == list(range(2, 52))
        await client.receive_until_seq(answer["sid"], gateway.hub.seq("alarms"))
        assert client.state[answer["sid"]]["S1.smoke"] == {"n": 51}
        assert client.deltas < 5


async def test_resuming_brings_what_was_missed() -> None:
    async with serving(RealClock()) as gateway:
        async with connected(gateway) as client:
            tell(gateway.hub, 1, 2)
            await client.subscribe("alarms")
            snap = await client.receive_kind("snap")
        tell(gateway.hub, 3)
        tell(gateway.hub, 4, 5)
        async with connected(gateway) as client:
            answer = await client.subscribe("alarms", resume={"epoch": snap["epoch"], "seq": snap["seq"]})
            assert answer["mode"] == "resumed"
            client.state[answer["sid"]], client.seq[answer["sid"]] = snap["data"], snap["seq"]
            assert await events(client, 3) == [3, 4, 5]
            await client.receive_until_seq(answer["sid"], gateway.hub.seq("alarms"))


async def test_who_resumes_too_late_gets_a_snapshot() -> None:
    async with serving(RealClock()) as gateway:
        seq = tell(gateway.hub, 1)
        tell(gateway.hub, *range(2, EVENTS + 3))
        async with connected(gateway) as client:
            answer = await client.subscribe("alarms", resume={"epoch": gateway.hub.epoch, "seq": seq})
            assert answer["mode"] == "snapshot"


async def test_a_client_too_far_behind_is_reset() -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        tell(gateway.hub, 1)
        answer = await client.subscribe("alarms")
        await client.receive_kind("snap")
        tell(gateway.hub, *range(2, EVENTS + 4))
        reset = await client.receive_kind("reset")
        check(reset)
        assert reset == {"t": "reset", "sid": answer["sid"], "reason": "overflow"}
        answer = await client.subscribe("alarms")
        assert (await client.receive_kind("snap"))["data"] == {"S1.smoke": {"n": EVENTS + 3}}
        tell(gateway.hub, EVENTS + 4)
        assert await events(client, 1) == [EVENTS + 4]


async def test_a_client_that_reads_nothing_holds_nothing_in_the_gateway() -> None:
    text = "x" * 20_000
    clock = RealClock()
    async with serving(clock) as gateway, connected(gateway) as slow, connected(gateway) as quick:
        for client in (slow, quick):
            gateway.hub.publish("alarms", {})
            await client.subscribe("alarms")
            await client.receive_kind("snap")
        for number in range(1, 301):
            gateway.hub.publish("alarms", {}, events=[(number, {"n": number, "text": text})])
            frame = await quick.receive_kind("event")
            assert frame["seq"] == number
        assert json.loads(await slow.connection.recv())["seq"] == 1
