"""A client that stops reading is conflated, then cut off; nobody else notices."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import Iterator

import pytest
from stream_support import Gateway, connected, serving, start, until

from config.clock import ManualClock, RealClock
from gateway.stream import CLOSE_TIMEOUT_S, SEND_TIMEOUT_S

FILLING = "x" * 20_000


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    made: list[socket.socket] = []
    yield made
    for sock in made:
        sock.close()


async def stalled_client(gateway: Gateway, sockets: list[socket.socket]) -> socket.socket:
    """A WebSocket that subscribes to ``stations`` and then never reads, with the smallest receive buffer."""
    sock = socket.socket()
    sockets.append(sock)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect(("127.0.0.1", gateway.port))
    key = base64.b64encode(os.urandom(16)).decode()
    handshake = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    message = json.dumps({"t": "sub", "id": 1, "topic": "stations"}).encode()
    assert len(message) < 126
    frame = bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message  # final text frame, masked with zeros
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, handshake.encode())
    answer = b""
    while b'"hello"' not in answer:
        answer += await loop.sock_recv(sock, 256)
    await loop.sock_sendall(sock, frame)
    return sock


def is_gone(sock: socket.socket) -> bool:
    """Whether the other side dropped the connection: what was in flight comes, then a reset or the end."""
    try:
        while sock.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return True


async def test_a_client_that_stops_reading_delays_no_other_and_is_cut_off(sockets: list[socket.socket]) -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway) as healthy:
        gateway.hub.publish("stations", {"S1": {"step": 0, "filling": FILLING}})
        sid = (await healthy.subscribe("stations"))["sid"]
        await healthy.receive_kind("snap")
        stalled = await stalled_client(gateway, sockets)
        for step in range(1, 201):  # 4 MB, far more than all buffers on the way hold
            gateway.hub.publish("stations", {"S1": {"step": step, "filling": FILLING + str(step)}})
            await healthy.receive_until_seq(sid, step + 1)
        assert healthy.deltas == 200, "the healthy client got every single step while the other hung"
        assert gateway.stream.status() | {"conflated": 0} == {"clients": 2, "conflated": 0, "evicted": 0, "refused": 0}

        await clock.advance(SEND_TIMEOUT_S)
        assert gateway.stream.status()["evicted"] == 1
        await clock.advance(CLOSE_TIMEOUT_S)
        await until(lambda: gateway.stream.status()["clients"] == 1)
        await until(lambda: is_gone(stalled))

        gateway.hub.publish("stations", {"S1": {"step": 201}})
        await healthy.receive_until_seq(sid, 202)
        assert healthy.state[sid] == gateway.hub.snapshot("stations")


async def test_a_client_that_pauses_gets_one_merged_step_when_it_reads_again(sockets: list[socket.socket]) -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway, max_queue=1) as client:
        gateway.hub.publish("stations", {"S1": {"step": 0}})
        sid = (await client.subscribe("stations"))["sid"]
        for step in range(1, 201):
            gateway.hub.publish("stations", {"S1": {"step": step, "filling": FILLING + str(step)}})
            await clock.settle()
        await client.receive_until_seq(sid, 201)
        assert client.state[sid] == gateway.hub.snapshot("stations")
        assert client.deltas < 200
        assert gateway.stream.status()["evicted"] == 0
        assert gateway.stream.status()["conflated"] == 200 - client.deltas


async def test_a_client_that_reads_again_too_late_is_told_why_it_was_dropped() -> None:
    clock = ManualClock()
    async with serving(clock) as gateway, connected(gateway, max_queue=1) as client:
        gateway.hub.publish("stations", {"S1": {"step": 0}})
        await client.subscribe("stations")
        for step in range(1, 201):
            gateway.hub.publish("stations", {"S1": {"step": step, "filling": FILLING + str(step)}})
            await clock.settle()
        await clock.advance(SEND_TIMEOUT_S)
        assert await client.closed() == 4508
        assert gateway.stream.status()["evicted"] == 1


async def test_a_stalled_client_does_not_hold_up_the_stop(sockets: list[socket.socket]) -> None:
    clock = RealClock()
    gateway = await start(clock)
    gateway.hub.publish("stations", {"S1": {"step": 0}})
    stalled = await stalled_client(gateway, sockets)
    async with connected(gateway) as healthy:
        sid = (await healthy.subscribe("stations"))["sid"]
        await healthy.receive_kind("snap")
        for step in range(1, 101):
            gateway.hub.publish("stations", {"S1": {"step": step, "filling": FILLING + str(step)}})
            await healthy.receive_until_seq(sid, step + 1)
        began = clock.monotonic()
        await gateway.stop()
        assert clock.monotonic() - began < 2.0
        assert await healthy.closed() == 4503
    await until(lambda: is_gone(stalled))
