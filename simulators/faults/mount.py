"""An emulated address as faults can strike it: a relay in front, and behind it a face that can be changed."""

import asyncio
from collections.abc import Callable, Sequence

from config.binding import BoundDevice
from config.clock import Clock
from config.errors import ListenError
from simulators.face import Face
from simulators.faults.base import Fault, MapFault, RestartFault, WireFault
from simulators.faults.frames import Frame, framing_of, modbus_frame
from simulators.faults.proxy import HOST, Proxy, free_port

DIALLING = frozenset({"mqtt", "sparkplug", "tower"})
"""Protocols whose devices connect, to a broker or to the gateway itself; all others are connected to."""
ATTEMPTS = 5
"""A free port that was looked up may be gone when it is wanted."""

Build = Callable[[Sequence[BoundDevice], tuple[str, int]], Face]
"""The face of some devices: it listens at the address, or dials it."""


class Mount:
    """The devices of one address; a face itself (``simulators.face.Face``)."""

    def __init__(self, devices: Sequence[BoundDevice], key: str, build: Build, clock: Clock) -> None:
        """``key``: the site file's key of the address, for errors."""
        first = devices[0]
        protocol = first.profile.protocol
        self.devices = tuple(devices)
        self.proxy = Proxy(protocol, framing_of(protocol, first.device.scheme), clock, dialled=protocol in DIALLING)
        self.proxy.concerns = self._concerns
        self._key, self._build = key, build
        self._face: Face | None = None
        self._mounted: tuple[BoundDevice, ...] = ()
        self._present = True
        self._struck: tuple[Fault, ...] = ()
        self._lock = asyncio.Lock()
        self._proxied: tuple[str, int] = (HOST, 0)

    @property
    def protocol(self) -> str:
        return self.proxy.protocol

    async def start(self) -> None:
        own = (self.devices[0].device.host, self.devices[0].device.port)
        if self.proxy.dialled:
            self.proxy.device = own
            self._proxied = await self.proxy.open(self._key, HOST, 0)
        else:
            await self.proxy.open(self._key, *own)
        try:
            await self.settle(())
        except BaseException:
            await self.proxy.close()
            raise

    async def publish(self) -> None:
        # While the face is being changed there is nobody to publish: the next round is for the new one.
        if self._lock.locked():
            return
        async with self._lock:
            if self._face is not None:
                await self._face.publish()

    async def stop(self) -> None:
        async with self._lock:
            await self._unmount()
        await self.proxy.close()

    async def settle(self, faults: Sequence[Fault]) -> None:
        """Be what these faults make of the devices: another map, or nothing at all."""
        self._struck = tuple(faults)
        down = not self._present or any(isinstance(fault, RestartFault) for fault in faults)
        wanted = () if down else self._remapped([fault for fault in faults if isinstance(fault, MapFault)])
        if wanted == self._mounted:
            return
        async with self._lock:
            await self._unmount()
            if wanted:
                await self._mount(wanted)

    async def appear(self, present: bool) -> None:
        """Be there or not, whatever faults do besides: a device that was away when it was recorded."""
        self._present = present
        await self.settle(self._struck)

    async def take(self, faults: list[WireFault], begun: list[WireFault], ended: list[WireFault]) -> None:
        await self.proxy.take(faults, begun, ended)

    def _remapped(self, faults: Sequence[MapFault]) -> tuple[BoundDevice, ...]:
        changed = []
        for device in self.devices:
            for fault in faults:
                if any(struck.id == device.id for struck in fault.aim.devices):
                    device = fault.remap(device)
            changed.append(device)
        return tuple(changed)

    async def _mount(self, devices: tuple[BoundDevice, ...]) -> None:
        for attempt in range(ATTEMPTS):
            address = self._proxied if self.proxy.dialled else (HOST, free_port())
            face = self._build(devices, address)
            try:
                await face.start()
                break
            except ListenError:
                if attempt == ATTEMPTS - 1:
                    raise
        self._face, self._mounted = face, devices
        if not self.proxy.dialled:
            self.proxy.device = address
        await self.proxy.settle()

    async def _unmount(self) -> None:
        face, self._face, self._mounted = self._face, None, ()
        if not self.proxy.dialled:
            self.proxy.device = None
            await self.proxy.settle()
        if face is not None:
            await face.stop()
            self.proxy.break_all()

    def _concerns(self, fault: WireFault, frame: Frame) -> bool:
        if len(self.devices) == 1:
            return True
        message = modbus_frame(frame)
        if message is None:
            return True
        return any(device.device.unit_id == message.unit for device in fault.aim.devices)
