"""Waits grow and are bounded; what dies is started again; a frozen heartbeat is noticed. No test here waits."""

import asyncio
import contextlib
import math
import random

import numpy as np
import pytest

from adapters.backoff import CONNECT_CAP_S, RESTART_CAP_S, Backoff
from adapters.base import Batch, LinkState, Sink
from adapters.link import LostError, explain, password_of
from adapters.registry import build
from adapters.supervisor import supervise
from adapters.watchdog import Standstill
from config.clock import ManualClock
from tests.support.adapters import Desk, device
from twin.signals import Quality

HEARTBEAT = {"signal": "heartbeat", "entity": "station", "address": 0, "type": "u16"}


def test_waits_double_up_to_the_cap_and_start_small_again_after_success() -> None:
    backoff = Backoff(ManualClock(), random.Random(1), first_s=0.5)
    waits = [backoff.next_s() for _ in range(8)]
    for wait, ceiling in zip(waits, [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0, 5.0], strict=True):
        assert ceiling / 2.0 <= wait <= ceiling <= CONNECT_CAP_S
    backoff.reset()
    assert backoff.next_s() <= 0.5


async def test_a_wait_is_over_when_the_clock_says_so() -> None:
    clock = ManualClock()
    waiting = asyncio.create_task(Backoff(clock, random.Random(1), first_s=4.0).wait())
    await clock.advance(1.9)
    assert not waiting.done()
    await clock.advance(2.2)
    assert waiting.done()


class Crashing:
    """An adapter that dies at once, or after some seconds."""

    def __init__(self, clock: ManualClock, lives_s: float = 0.0) -> None:
        self.clock, self.lives_s = clock, lives_s
        self.starts: list[float] = []

    async def run(self, sink: Sink) -> None:
        self.starts.append(self.clock.monotonic())
        await self.clock.sleep(self.lives_s)
        raise ZeroDivisionError("a bug")


async def test_an_adapter_that_crashes_is_restarted_ever_more_slowly_and_its_points_say_so() -> None:
    clock = ManualClock()
    adapter, desk = Crashing(clock), Desk(device("modbus://127.0.0.1:1", [HEARTBEAT]))
    task = asyncio.create_task(supervise(adapter, desk, clock, random.Random(1)))
    for _ in range(300):
        await clock.advance(1.0)
    gaps = np.diff(adapter.starts)
    assert 6 <= len(adapter.starts) <= 14
    assert gaps.max() <= RESTART_CAP_S + 1.0
    assert gaps[-1] > gaps[0]
    assert desk.link.state is LinkState.AWAY
    assert "ZeroDivisionError: a bug" in desk.said[0]
    assert not desk.good()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Deaf:
    """An adapter whose library drops the cancellation and carries on, or that is cancelled from within."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.starts = 0

    async def run(self, sink: Sink) -> None:
        self.starts += 1
        if self.starts == 1:
            raise asyncio.CancelledError
        with contextlib.suppress(asyncio.CancelledError):
            await self.clock.sleep(1000.0)


async def test_only_who_is_told_to_end_ends_and_then_does_even_if_a_library_drops_the_word() -> None:
    clock = ManualClock()
    adapter, desk = Deaf(clock), Desk(device("modbus://127.0.0.1:1", [HEARTBEAT]))
    task = asyncio.create_task(supervise(adapter, desk, clock, random.Random(1)))
    await clock.advance(10.0)
    assert adapter.starts == 2
    assert "cancelled from within" in desk.said[0]
    task.cancel()
    await clock.settle()
    assert task.cancelled()


class Hung:
    """An adapter that says that it is connected, brings data for a while, and then hangs within a library."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.starts: list[float] = []
        self.ended = 0

    async def run(self, sink: Sink) -> None:
        self.starts.append(self.clock.monotonic())
        sink.link.state = LinkState.CONNECTED
        try:
            for _ in range(50):
                await self.clock.sleep(1.0)
                sink.link.last_data_time = self.clock.now()
            await self.clock.sleep(1e6)
        finally:
            self.ended += 1


async def test_an_adapter_that_is_connected_but_hangs_is_ended_and_started_again() -> None:
    clock = ManualClock()
    adapter, desk = Hung(clock), Desk(device("modbus://127.0.0.1:1", [HEARTBEAT]))
    task = asyncio.create_task(supervise(adapter, desk, clock, random.Random(1), silence_s=20.0))
    for _ in range(69):
        await clock.advance(1.0)
    assert (len(adapter.starts), adapter.ended) == (1, 0)
    for _ in range(6):
        await clock.advance(1.0)
    assert (len(adapter.starts), adapter.ended) == (2, 1)
    assert "connected, but no data for" in desk.said[0]
    task.cancel()
    await clock.settle()
    assert adapter.ended == 2


def heartbeat(value: float, quality: Quality = Quality.GOOD) -> Batch:
    one = np.ones(1)
    return Batch(
        (0 * one).astype(np.int32), value * one, (quality * one).astype(np.uint8), (0 * one).astype(np.uint8), one, 1.0
    )


async def test_a_heartbeat_that_stands_still_trips_and_only_its_movement_releases() -> None:
    clock = ManualClock()
    bound = device("modbus://127.0.0.1:1", [HEARTBEAT], watchdog={"signal": "heartbeat", "timeout_s": 10.0})
    watchdog = Standstill(bound, clock)
    for beat in range(5):
        watchdog.see(heartbeat(beat))
        await clock.advance(8.0)
        assert watchdog.check() is None
    await clock.advance(3.0)
    watchdog.see(heartbeat(4))
    said = watchdog.check()
    assert said is not None
    assert "heartbeat stands still at 4 for 10 s" in said
    watchdog.begin()
    watchdog.see(heartbeat(4))
    assert watchdog.tripped
    watchdog.see(heartbeat(math.nan, Quality.BAD))
    assert watchdog.tripped
    assert watchdog.see(heartbeat(0))
    assert not watchdog.tripped


async def test_a_heartbeat_that_never_comes_trips_too() -> None:
    clock = ManualClock()
    bound = device("modbus://127.0.0.1:1", [HEARTBEAT], watchdog={"signal": "heartbeat", "timeout_s": 10.0})
    watchdog = Standstill(bound, clock)
    await clock.advance(11.0)
    assert "never came" in (watchdog.check() or "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused at host:1502"),
        (OSError("Multiple exceptions: [Errno 111] ..., [Errno 111] ..."), "connection refused at host:1502"),
        (TimeoutError(), "no answer from host:1502"),
        (OSError(113, "No route to host"), "no route to host at host:1502"),
        (ConnectionResetError(104, "Connection reset by peer"), "connection to host:1502 broke: [Errno 104]"),
    ],
)
def test_connection_errors_read_like_an_engineer_s_note(error: Exception, words: str) -> None:
    assert explain(error, "host", 1502).startswith(words)


def test_a_password_that_is_not_set_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = device("modbus://127.0.0.1:1", [HEARTBEAT], device={"username": "u", "password_env": "CABINET_PASSWORD"})
    monkeypatch.delenv("CABINET_PASSWORD", raising=False)
    with pytest.raises(LostError, match="CABINET_PASSWORD is not set"):
        password_of(bound)
    monkeypatch.setenv("CABINET_PASSWORD", "secret")
    assert password_of(bound) == "secret"


@pytest.mark.parametrize(
    ("url", "point", "name"),
    [
        ("modbus://127.0.0.1:1", HEARTBEAT, "ModbusAdapter"),
        ("mqtt://127.0.0.1:1", {**HEARTBEAT, "type": None, "address": "t", "field": "x"}, "MqttAdapter"),
        ("opc.tcp://127.0.0.1:1", {**HEARTBEAT, "type": None, "address": "nsu=urn:x;s=h"}, "OpcUaAdapter"),
    ],
)
def test_every_protocol_has_its_adapter(url: str, point: dict[str, object], name: str) -> None:
    assert type(build(device(url, [point]), ManualClock())).__name__ == name
