"""A relay in front of an emulated device, or of its broker, on which faults of the wire act. Else it only copies."""

import asyncio
import itertools
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import cast

from config.clock import Clock
from config.errors import ListenError
from simulators.faults.base import WireFault
from simulators.faults.frames import Delivery, Frame, Framer
from simulators.listen import bind

HOST = "127.0.0.1"
WAITING = 4_000_000
"""Bytes that may wait on one way; nothing more is read then until some have gone."""

FROZEN, PEER, FULL = "frozen", "peer", "full"
"""Why one side is not read."""

Address = tuple[str, int]


class Proxy:
    """Listens where the device is expected and passes on to where it really is."""

    def __init__(self, protocol: str, framing: str, clock: Clock, *, dialled: bool) -> None:
        """``dialled``: emulated devices connect to it, instead of standing behind it."""
        self.protocol, self.framing, self.clock, self.dialled = protocol, framing, clock, dialled
        self.device: Address | None = None
        """Where the device really is; ``None`` while it is down, which nobody can tell from a closed port."""
        self.concerns: Callable[[WireFault, Frame], bool] = lambda fault, frame: True
        """Whether a fault is meant for a frame: several devices may share an address."""
        self.first: bytes = b""
        """What the latest connection began with."""
        self._faults: list[WireFault] = []
        self._relays: dict[int, _Relay] = {}
        self._numbers = itertools.count(1)
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None

    async def open(self, key: str, host: str, port: int) -> Address:
        """Hold the address; it is listened on while there is a device. Raises ``ListenError``. 0 is any free port."""
        # One that the system chose would be another one each time that it is listened on.
        self._socket = bind(key, host, port or free_port())
        self._key = key
        self._socket.setblocking(False)
        await self.settle()
        name: Address = self._socket.getsockname()[:2]
        return name

    async def close(self) -> None:
        """End all connections and free the address."""
        self._shut()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.break_all()

    async def take(self, faults: list[WireFault], begun: list[WireFault], ended: list[WireFault]) -> None:
        """Let exactly these faults act from now on."""
        self._faults = faults
        broken = any(fault.breaks() or fault.refuses() for fault in begun)
        if broken or any(fault.breaks_at_end() for fault in ended):
            self.break_all()
        await self.settle()
        for relay in list(self._relays.values()):
            relay.thaw()
        for fault in ended:
            await fault.leave(self)
        for fault in begun:
            await fault.strike(self)

    async def settle(self) -> None:
        """Listen, or do not, as device and faults are now."""
        if self._socket is None:
            return
        if self.device is None or any(fault.refuses() for fault in self._faults):
            self._shut()
        elif self._server is None:
            self._socket.listen()
            # The library closes what it is given; a copy of the descriptor keeps the address ours.
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._accepted, sock=self._socket.dup())

    def _shut(self) -> None:
        if self._server is None or self._socket is None:
            return
        self._server.close()
        self._server = None
        # No longer listening but still bound: clients are refused, and nobody else gets the port.
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError as error:
            host, port = self._socket.getsockname()[:2]
            raise ListenError(self._key, host, port, f"cannot stop listening: {error}") from error

    def break_all(self) -> None:
        """Break every connection, as a crash does."""
        for relay in list(self._relays.values()):
            relay.reset()

    @property
    def connections(self) -> int:
        return len(self._relays)

    @property
    def frozen(self) -> bool:
        return any(fault.freezes() for fault in self._faults)

    def passed(self, frame: Frame) -> list[Delivery]:
        """What becomes of a frame under all faults, in the order in which they began."""
        here = [Delivery(frame.data)]
        for fault in self._faults:
            after: list[Delivery] = []
            for delivery in here:
                one = Frame(delivery.data, frame.from_device, frame.protocol, frame.framing, frame.connection)
                if delivery.back or not self.concerns(fault, one):
                    after.append(delivery)
                    continue
                made = fault.passes(one) if fault.aim.acts() else [Delivery(delivery.data)]
                after += [Delivery(each.data, each.delay_s + delivery.delay_s, each.back) for each in made]
            here = after
        return here

    def _accepted(self) -> asyncio.Protocol:
        relay = _Relay(self, next(self._numbers))
        return relay.client

    def joined(self, relay: "_Relay") -> None:
        self._relays[relay.number] = relay
        if any(fault.resets() for fault in self._faults):
            relay.reset()

    def left(self, relay: "_Relay") -> None:
        self._relays.pop(relay.number, None)


class _Relay:
    """One client's connection and the one to the device behind it."""

    def __init__(self, proxy: Proxy, number: int) -> None:
        self.proxy, self.number = proxy, number
        self.client = _End(self, to_device=True)
        self.device = _End(self, to_device=False)
        self._connecting: asyncio.Task[None] | None = None

    def opened(self, end: "_End") -> None:
        if end is self.client:
            self.proxy.joined(self)
            self._connecting = asyncio.ensure_future(self._connect())
        else:
            self.device.flush()
        if self.proxy.frozen:
            end.pause()

    async def _connect(self) -> None:
        address = self.proxy.device
        try:
            if address is None or self.client.transport is None:
                raise ConnectionRefusedError
            await asyncio.get_running_loop().create_connection(lambda: self.device, *address)
        except OSError:
            self.reset()

    def other(self, end: "_End") -> "_End":
        return self.device if end is self.client else self.client

    def thaw(self) -> None:
        for end in (self.client, self.device):
            if self.proxy.frozen:
                end.pause()
            else:
                end.resume()

    def reset(self) -> None:
        """Break both connections at once, unsent data lost."""
        for end in (self.client, self.device):
            end.abort()
        self.proxy.left(self)

    def lost(self, end: "_End") -> None:
        """One side has gone: the other goes too, once it has what was sent to it."""
        self.other(end).finish()
        if self._connecting is not None and end is self.client:
            self._connecting.cancel()
        self.proxy.left(self)


class _End(asyncio.Protocol):
    """One side of a relay: reads what its peer sends, and writes what the other side's peer sent."""

    def __init__(self, relay: _Relay, *, to_device: bool) -> None:
        self._relay, self._to_device = relay, to_device
        self.transport: asyncio.Transport | None = None
        self._from_device = to_device == relay.proxy.dialled
        self._began = False
        self._framer = Framer(relay.proxy.framing)
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._waiting_bytes = 0
        self._sender: asyncio.Task[None] | None = None
        self._held: set[str] = set()
        self._frozen = bytearray()
        self._finishing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._relay.opened(self)

    def data_received(self, data: bytes) -> None:
        if FROZEN in self._held:
            # Not every event loop lets a connection be paused before it has begun to read.
            self._frozen += data
            self.hold(FROZEN)
            return
        proxy = self._relay.proxy
        other = self._relay.other(self)
        for whole in self._framer.feed(data):
            if self._to_device and not self._began:
                self._began, proxy.first = True, whole
            frame = Frame(whole, self._from_device, proxy.protocol, proxy.framing, self._relay.number)
            for delivery in proxy.passed(frame):
                (self if delivery.back else other).put(delivery.data, delivery.delay_s)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        self._stop_sending()
        self._relay.lost(self)

    def pause_writing(self) -> None:
        self._relay.other(self).hold(PEER)

    def resume_writing(self) -> None:
        self._relay.other(self).release(PEER)

    def put(self, data: bytes, delay_s: float) -> None:
        """Write to this side's peer; never before what was put earlier."""
        if self.transport is not None and delay_s <= 0.0 and not self._waiting:
            self.transport.write(data)
            return
        due = self._relay.proxy.clock.monotonic() + delay_s
        self._waiting.append((max(due, self._waiting[-1][0]) if self._waiting else due, data))
        self._waiting_bytes += len(data)
        if self._waiting_bytes > WAITING:
            self._relay.other(self).hold(FULL)
        if self.transport is not None and self._sender is None:
            self._sender = asyncio.ensure_future(self._send())

    def flush(self) -> None:
        """Send what came before the connection stood."""
        if self._waiting and self._sender is None:
            self._sender = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        clock = self._relay.proxy.clock
        while self._waiting:
            due, data = self._waiting[0]
            wait_s = due - clock.monotonic()
            if wait_s > 0.0:
                await clock.sleep(wait_s)
            self._waiting.popleft()
            self._waiting_bytes -= len(data)
            if self.transport is None:
                break
            self.transport.write(data)
        self._relay.other(self).release(FULL)
        self._sender = None
        if self._finishing and self.transport is not None:
            self.transport.close()

    def hold(self, why: str) -> None:
        """Read no more until every reason for it has gone."""
        self._held.add(why)
        if self.transport is not None and self.transport.is_reading():
            self.transport.pause_reading()

    def release(self, why: str) -> None:
        self._held.discard(why)
        if not self._held and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause(self) -> None:
        self.hold(FROZEN)

    def resume(self) -> None:
        if FROZEN not in self._held:
            return
        self.release(FROZEN)
        late, self._frozen = bytes(self._frozen), bytearray()
        if late:
            self.data_received(late)

    def finish(self) -> None:
        """Close once everything has been sent."""
        self._finishing = True
        if not self._waiting and self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close with a reset."""
        self._stop_sending()
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _stop_sending(self) -> None:
        self._waiting.clear()
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
