"""What a Modbus line runs over: a TCP connection, or a serial port that the event loop watches."""

import asyncio
import contextlib
import errno
import os
import termios
from typing import Protocol

import serial

from adapters.link import LostError, explain
from config.site import SERIAL, Device

_CHUNK = 4096
_PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_REMEDIES = {
    errno.ENOENT: "there is no such device file; is the adapter plugged in?",
    errno.EACCES: "no permission; the gateway's user must be in the group that owns it, often 'dialout'",
    errno.EAGAIN: "another program has it open",
    errno.EBUSY: "another program has it open",
    errno.ENOTTY: "that is no serial port",
}


class Port(Protocol):
    """What a connection needs of a transport."""

    def write(self, data: bytes) -> None:
        """Send without waiting."""

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""


async def open_port(device: Device, protocol: asyncio.Protocol) -> None:
    """Open a device's address for a protocol. Raises ``LostError``; who calls limits the time."""
    try:
        if device.scheme == SERIAL:
            # Opening may wait for the driver.
            SerialPort(await asyncio.to_thread(_open_serial, device), protocol)
        else:
            await asyncio.get_running_loop().create_connection(lambda: protocol, device.host, device.port)
    except serial.SerialException as error:
        remedy = _REMEDIES.get(error.errno or 0, str(error))
        raise LostError(f"cannot open {device.where}: {remedy}") from error
    except OSError as error:
        raise LostError(explain(error, device.host, device.port)) from error


def _open_serial(device: Device) -> serial.Serial:
    return serial.Serial(
        device.host,
        baudrate=device.baudrate,
        parity=_PARITIES[device.parity],
        stopbits=device.stop_bits,
        timeout=0,
        exclusive=True,
    )


class SerialPort(asyncio.BaseTransport):
    """An open serial port, read whenever bytes arrive."""

    def __init__(self, port: serial.Serial, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._port = port
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(port.fileno(), self._read)
        protocol.connection_made(self)

    def write(self, data: bytes) -> None:
        try:
            sent = os.write(self._port.fileno(), data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._broke(error)
            return
        if sent < len(data):
            # A frame always fits into the driver's buffer, unless nothing goes out of it any more.
            self._broke(OSError(errno.EIO, "takes no data"))

    def abort(self) -> None:
        if not self._port.is_open:
            return
        self._loop.remove_reader(self._port.fileno())
        # An adapter that was pulled out has nothing to drop.
        with contextlib.suppress(OSError, termios.error):
            # Closing would otherwise wait until all is sent, on a line that may be stuck.
            self._port.reset_output_buffer()
        self._port.close()

    def _read(self) -> None:
        try:
            data = os.read(self._port.fileno(), _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._broke(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            # Ready but empty: the adapter was pulled out.
            self._broke(OSError(errno.EIO, "was unplugged"))

    def _broke(self, error: OSError) -> None:
        self._loop.remove_reader(self._port.fileno())
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: OSError) -> None:
        self.abort()
        self._protocol.connection_lost(error)
