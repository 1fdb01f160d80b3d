"""A client of swap.v1 can prove that it missed nothing, and is told clearly what it did wrong."""

import asyncio
import socket

import pytest
from stream_support import connected, serving, start
from websockets.exceptions import InvalidStatus

from config.clock import ManualClock, RealClock
from config.errors import ListenError
from gateway.hub import HISTORY
from gateway.server import listen
from gateway.stream import MAX_SUBSCRIPTIONS, MESSAGE_BURST


async def test_a_client_is_greeted_with_what_it_needs_to_know() -> None:
    async with serving(ManualClock(start=1_700_000_000.0)) as gateway, connected(gateway, greet=False) as client:
        assert client.connection.subprotocol == "swap.v1.json"
        assert await client.receive() == {
            "t": "hello",
            "v": 1,
            "server": "0.0.test",
            "epoch": gateway.hub.epoch,
            "now": 1_700_000_000_000,
            "hb_s": 5.0,
            "auth": "none",
            "limits": {"subs": 64, "msg_kb": 64, "msg_per_s": 20.0},
        }


async def test_a_client_that_names_no_subprotocol_is_served_too() -> None:
    async with serving(RealClock()) as gateway, connected(gateway, subprotocols=None) as client:
        assert client.connection.subprotocol is None


async def test_snapshot_and_deltas_join_while_a_fast_publisher_goes_on() -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {f"S{n:03d}": {"ready": 0, "power_w": 0.0} for n in range(200)})
        answer = await client.subscribe("stations")
        assert answer["mode"] == "snapshot"

        async def publish() -> None:
            for step in range(1, 1001):
                gateway.hub.publish("stations", {f"S{step % 200:03d}": {"ready": step}}, delete=[f"S{step // 10:03d}"])
                if step % 7 == 0:
                    await RealClock().sleep(0.0)

        publishing = asyncio.create_task(publish())
        await client.receive_until_seq(answer["sid"], 1001)
        await publishing
        assert client.deltas > 10
        assert client.state[answer["sid"]] == gateway.hub.snapshot("stations")


async def test_a_client_that_comes_back_is_told_only_what_it_missed() -> None:
    async with serving(RealClock()) as gateway:
        gateway.hub.publish("station/S1", {"station": {"ready": 1}, "slot/01": {"soc": 0.5}})
        async with connected(gateway) as client:
            await client.subscribe("station/S1")
            known = await client.receive_kind("snap")
        gateway.hub.publish("station/S1", {"station": {"ready": 2}})
        async with connected(gateway) as client:
            answer = await client.subscribe("station/S1", resume={"epoch": known["epoch"], "seq": known["seq"]})
            assert answer["mode"] == "resumed"
            client.seq[answer["sid"]], client.state[answer["sid"]] = known["seq"], known["data"]
            assert (await client.receive_kind("delta"))["set"] == {"station": {"ready": 2}}
            assert client.state[answer["sid"]] == gateway.hub.snapshot("station/S1")


async def test_after_a_restart_of_the_gateway_nothing_is_resumed() -> None:
    async with serving(RealClock()) as gateway:
        gateway.hub.publish("stations", {"S1": {"ready": 1}})
        old = gateway.hub.epoch
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {"S1": {"ready": 9}})
        assert (await client.subscribe("stations", resume={"epoch": old, "seq": 1}))["mode"] == "snapshot"
        snap = await client.receive_kind("snap")
        assert snap["epoch"] != old
        assert snap["data"] == {"S1": {"ready": 9}}


async def test_a_client_too_far_behind_is_reset_and_subscribes_again() -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {"S1": {"ready": 0}})
        answer = await client.subscribe("stations", max_hz=0.5)
        await client.receive_kind("snap")
        for step in range(1, HISTORY + 2):
            gateway.hub.publish("stations", {"S1": {"ready": step}})
        await clock.advance(2.0)
        assert await client.receive_kind("reset") == {"t": "reset", "sid": answer["sid"], "reason": "overflow"}
        await client.subscribe("stations")
        assert (await client.receive_kind("snap"))["data"] == {"S1": {"ready": HISTORY + 1}}


async def test_a_subscription_is_not_served_more_often_than_it_asked_for() -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {"S1": {"ready": 0}})
        slow = await client.subscribe("stations", max_hz=1.0)
        await client.receive_kind("snap")
        for step in range(1, 11):
            gateway.hub.publish("stations", {"S1": {"ready": step}})
            await client.send(t="ping", id=step)
            assert (await client.receive())["t"] == "pong", "nothing else is sent within the second"
        await clock.advance(1.0)
        delta = await client.receive_kind("delta")
        assert (delta["sid"], delta["prev"], delta["seq"]) == (slow["sid"], 1, 11)
        assert gateway.stream.status()["conflated"] == 9


async def test_clients_of_one_rate_are_served_at_one_moment_with_one_text() -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway) as early, connected(gateway) as late:
        gateway.hub.publish("stations", {"S1": {"ready": 0}})
        await early.subscribe("stations", max_hz=1.0)
        await early.receive_kind("snap")
        await clock.advance(0.07)
        await late.subscribe("stations", max_hz=1.0)
        await late.receive_kind("snap")
        for step in range(1, 4):
            gateway.hub.publish("stations", {"S1": {"ready": step}})
        await clock.advance(0.93)
        deltas = [await client.receive_kind("delta") for client in (early, late)]
        assert deltas[0] == deltas[1]
        gateway.hub.publish("stations", {"S1": {"ready": 9}})
        await clock.advance(1.0)
        assert [(await client.receive_kind("delta"))["seq"] for client in (early, late)] == [5, 5]


async def test_a_silent_gateway_still_beats() -> None:
    clock = ManualClock(start=1_000.0)
    async with serving(clock) as gateway, connected(gateway) as client:
        await client.send(t="ping", id=1)
        await client.receive_kind("pong")
        await clock.advance(5.0)
        assert await client.receive() == {"t": "hb", "ts": 1_005_000, "lag_ms": 0, "conflated": 0}


async def test_nothing_comes_after_unsub() -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {"S1": {"ready": 0}})
        answer = await client.subscribe("stations")
        await client.receive_kind("snap")
        await client.send(t="unsub", id=7, sid=answer["sid"])
        assert await client.receive() == {"t": "unsub_ok", "id": 7, "sid": answer["sid"]}
        gateway.hub.publish("stations", {"S1": {"ready": 1}})
        await client.send(t="ping", id=8)
        assert (await client.receive())["t"] == "pong"
        await client.send(t="unsub", id=9, sid=answer["sid"])
        assert (await client.receive())["code"] == "not_found"


async def test_subscribing_again_to_a_topic_replaces_the_subscription() -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        gateway.hub.publish("stations", {"S1": {"ready": 0}})
        first = await client.subscribe("stations")
        second = await client.subscribe("stations")
        await client.receive_until_seq(second["sid"], 1)
        gateway.hub.publish("stations", {"S1": {"ready": 1}})
        delta = await client.receive_kind("delta")
        assert delta["sid"] == second["sid"] != first["sid"]


async def test_a_wrong_request_is_refused_and_the_connection_stays() -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        for number in range(MAX_SUBSCRIPTIONS + 1):
            gateway.hub.publish(f"station/S{number}", {})
        assert (await client.subscribe("station/none"))["code"] == "not_found"
        assert (await client.subscribe("station/S1", fields=["ready"]))["code"] == "unsupported"
        assert (await client.subscribe("station/S1", max_hz=0))["code"] == "bad_request"
        await client.send(t="auth", token="secret")
        assert await client.receive() | {"message": ""} == {
            "t": "err",
            "id": None,
            "code": "bad_request",
            "message": "",
        }
        for number in range(MAX_SUBSCRIPTIONS):
            assert (await client.subscribe(f"station/S{number}"))["t"] == "sub_ok"
        assert (await client.subscribe(f"station/S{MAX_SUBSCRIPTIONS}"))["code"] == "too_many"


@pytest.mark.parametrize(
    ("message", "code"),
    [("{", 4400), ("[1]", 4400), ("", 4400), ("[" * 30_000, 4400), (b"\x00", 4400), ('"' + "x" * 70_000 + '"', 1009)],
    ids=["broken", "not an object", "empty", "deep", "binary", "oversize"],
)
async def test_who_does_not_speak_the_protocol_is_disconnected(message: str | bytes, code: int) -> None:
    async with serving(RealClock()) as gateway, connected(gateway) as client:
        await client.connection.send(message)
        assert await client.closed() == code


async def test_a_flood_of_messages_is_cut_off() -> None:
    async with serving(ManualClock()) as gateway, connected(gateway) as client:
        for number in range(MESSAGE_BURST + 1):
            await client.send(t="ping", id=number)
        assert await client.closed() == 4429


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://[broken"])
async def test_a_page_of_another_origin_may_not_connect(origin: str) -> None:
    async with serving(RealClock()) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            async with connected(gateway, additional_headers={"Origin": origin}):
                pass
        assert refused.value.response.status_code == 403
        async with connected(gateway, additional_headers={"Origin": gateway.url}):
            pass


async def test_at_a_stop_clients_are_told_and_the_port_is_free_again() -> None:
    clock = RealClock()
    gateway = await start(clock)
    gateway.hub.publish("stations", {"S1": {"x": "y" * 4000}})
    async with connected(gateway) as client:
        await client.subscribe("stations")
        began = clock.monotonic()
        await asyncio.gather(gateway.stop(), client.connection.wait_closed())
        assert clock.monotonic() - began < 2.0
        assert client.connection.close_code == 4503
    (await listen("127.0.0.1", gateway.port)).close()


async def test_a_port_in_use_is_named_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match=rf"gateway\.port: cannot listen on 127\.0\.0\.1:{port}: .*in use"):
            await listen("127.0.0.1", port)
