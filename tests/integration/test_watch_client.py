"""The terminal view's client of swap.v1: on the gateway's own server, and on a scripted one for what is rare."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from stream_support import serving, start, until
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from config.clock import Clock, ManualClock
from gateway.watch.client import Link, StreamClient
from gateway.watch.frames import Fields
from gateway.watch.topic import TopicState


@dataclass
class Notes:
    """A listener that keeps all it is told."""

    links: list[Link] = field(default_factory=list)
    topics: dict[str, TopicState] = field(default_factory=dict)
    events: list[Fields] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    greetings: int = 0

    def link(self, link: Link) -> None:
        self.links.append(link)

    def hello(self) -> None:
        self.greetings += 1

    def time(self, seconds: float) -> None:
        self.times.append(seconds)

    def topic(self, topic: str, state: TopicState) -> None:
        self.topics[topic] = state

    def event(self, topic: str, event: Fields) -> None:
        self.events.append(event)

    def refused(self, topic: str, message: str) -> None:
        self.refusals.append(topic)


@dataclass
class Script:
    """A server that says what the test says, and keeps what it heard."""

    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)

    async def say(self, **frame: Any) -> None:
        await self.sockets[-1].send(json.dumps(frame))

    async def hello(self, epoch: str = "e1") -> None:
        await self.say(t="hello", v=1, server="script", epoch=epoch, now=1_800_000_000_000, hb_s=5)

    async def snap(self, seq: int, ready: int, *, sid: int = 1, epoch: str = "e1") -> None:
        await self.say(t="sub_ok", id=self.subs()[-1]["id"], sid=sid, mode="snapshot")
        await self.say(t="snap", sid=sid, epoch=epoch, seq=seq, ts=0, data={"S001": {"ready": ready}})

    def subs(self) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["t"] == "sub"]


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()

    async def accept(socket: ServerConnection) -> None:
        script.sockets.append(socket)
        with suppress(ConnectionClosed):
            async for text in socket:
                script.heard.append(json.loads(text))

    async with serve(accept, "127.0.0.1", 0, subprotocols=["swap.v1.json"]) as server:  # type: ignore[list-item]
        script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield script


@asynccontextmanager
async def following(url: str, notes: Notes, clock: Clock, *topics: str) -> AsyncIterator[StreamClient]:
    client = StreamClient(url, notes, clock, chance=lambda: 1.0)
    for topic in topics:
        client.subscribe(topic)
    task = asyncio.create_task(client.run())
    try:
        yield client
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_it_follows_a_topic_of_the_gateway_through_changes() -> None:
    clock, notes = ManualClock(), Notes()
    async with serving(clock) as gateway:
        gateway.hub.publish("stations", {"S001": {"ready": 7}, "S002": {"ready": 1}})
        async with following(gateway.url, notes, clock, "stations"):
            await until(lambda: "stations" in notes.topics)
            assert notes.times == [clock.now()]
            for ready in range(5):
                gateway.hub.publish("stations", {"S001": {"ready": ready}}, delete=["S002"])
                await clock.advance(0.5)
            await until(lambda: notes.topics["stations"].seq == gateway.hub.seq("stations"))
            assert notes.topics["stations"].data == {"S001": {"ready": 4}}


async def test_a_restarted_gateway_is_found_again_and_asked_for_everything() -> None:
    clock, notes = ManualClock(), Notes()
    async with serving(clock) as gateway:
        gateway.hub.publish("stations", {"S001": {"ready": 7}})
        async with following(gateway.url, notes, clock, "stations"):
            await until(lambda: "stations" in notes.topics)
            await gateway.stop()
            await until(lambda: notes.links[-1].phase == "lost")
            # It asked us to go: we come back after up to ten seconds, so that not all clients return at once.
            assert notes.links[-1].retry_at == clock.monotonic() + 10.0
            assert notes.topics["stations"].data == {"S001": {"ready": 7}}


async def test_a_topic_that_the_gateway_does_not_know_yet_is_asked_for_with_each_heartbeat() -> None:
    clock, notes = ManualClock(), Notes()
    async with serving(clock) as gateway, following(gateway.url, notes, clock, "alarms"):
        await until(lambda: notes.refusals == ["alarms"])
        await clock.advance(5.0)
        await until(lambda: notes.refusals == ["alarms", "alarms"])
        gateway.hub.publish("alarms", {})
        await clock.advance(5.0)
        await until(lambda: "alarms" in notes.topics)


async def test_what_is_no_longer_followed_is_ended() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "stations") as client:
        await until(lambda: bool(script.sockets))
        await script.hello()
        await until(lambda: bool(script.subs()))
        client.unsubscribe("stations")
        await script.snap(4, 7, sid=9)
        await until(lambda: script.heard[-1]["t"] == "unsub")
        assert script.heard[-1]["sid"] == 9
        assert notes.topics == {}


async def test_a_gap_is_not_taken_and_leads_to_a_new_snapshot() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "stations"):
        await until(lambda: bool(script.sockets))
        await script.hello()
        await until(lambda: bool(script.subs()))
        await script.snap(4, 7)
        await script.say(t="delta", sid=1, prev=9, seq=10, ts=0, set={"S001": {"ready": 0}})
        await until(lambda: len(script.subs()) == 2)
        assert {key: script.heard[-2][key] for key in ("t", "sid")} == {"t": "unsub", "sid": 1}
        assert "resume" not in script.subs()[-1]
        assert notes.topics["stations"].data == {"S001": {"ready": 7}}
        await script.snap(12, 5, sid=2)
        await until(lambda: notes.topics["stations"].seq == 12)


async def test_a_reset_leads_to_a_new_snapshot_and_events_are_handed_on() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "alarms"):
        await until(lambda: bool(script.sockets))
        await script.hello()
        await until(lambda: bool(script.subs()))
        await script.snap(4, 7)
        await script.say(t="event", sid=1, seq=4, ev={"id": "S001.x", "change": "raised"})
        await script.say(t="event", sid=77, seq=4, ev={"id": "S001.y", "change": "raised"})
        await script.say(t="reset", sid=1, reason="overflow")
        await until(lambda: len(script.subs()) == 2)
        assert notes.events == [{"id": "S001.x", "change": "raised"}]
        assert "resume" not in script.subs()[-1]


async def test_after_a_short_loss_it_resumes_and_at_another_start_it_does_not() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "stations"):
        for count, epoch in enumerate(("e1", "e1", "e2"), start=1):
            await until(lambda count=count: len(script.sockets) == count)  # type: ignore[misc]
            await script.hello(epoch)
            await until(lambda count=count: len(script.subs()) == count)  # type: ignore[misc]
            if count == 1:
                await script.snap(4, 7)
                await until(lambda: "stations" in notes.topics)
            script.sockets[-1].transport.abort()
            await until(lambda count=count: [link.phase for link in notes.links].count("lost") == count)  # type: ignore[misc]
            await clock.advance(notes.links[-1].retry_at - clock.monotonic())
        assert script.subs()[1]["resume"] == {"epoch": "e1", "seq": 4}
        assert "resume" not in script.subs()[2]


async def test_two_and_a_half_silent_heartbeats_are_a_dead_connection() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "stations"):
        await until(lambda: bool(script.sockets))
        await script.hello()
        await until(lambda: bool(script.subs()))
        await clock.advance(12.0)
        await script.say(t="hb", ts=1_800_000_012_000)
        await until(lambda: len(notes.times) == 2)
        await clock.advance(12.4)
        assert notes.links[-1].phase == "live"
        await clock.advance(0.2)
        await until(lambda: notes.links[-1].phase == "lost")
        assert notes.links[-1].why == "it is silent"
        assert notes.links[-1].heard_at == 12.0


async def test_it_comes_back_after_half_a_second_then_ever_more_slowly() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script:
        url = script.url
    async with following(url, notes, clock, "stations"):
        waits = []
        for count in range(1, 10):
            await until(lambda count=count: [link.phase for link in notes.links].count("lost") == count)  # type: ignore[misc]
            waits.append(notes.links[-1].retry_at - clock.monotonic())
            await clock.advance(waits[-1])
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


async def test_what_is_no_gateway_is_named() -> None:
    clock, notes = ManualClock(), Notes()
    async with scripted() as script, following(script.url, notes, clock, "stations"):
        await until(lambda: bool(script.sockets))
        await script.say(hello="world")
        await until(lambda: notes.links[-1].phase == "lost")
        assert "not a frame of swap.v1" in notes.links[-1].why
    gateway = await start(clock)
    other, notes = f"{gateway.url}/elsewhere", Notes()
    async with following(other, notes, clock, "stations"):
        await until(lambda: bool(notes.links) and notes.links[-1].phase == "lost")
        assert notes.links[-1].why == "it answers 403" or "404" in notes.links[-1].why
    await gateway.stop()
