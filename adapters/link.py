"""The state of a device's link: told to the sink at once, kept in ``Link``, logged once a change."""

import errno
import os
import socket

import structlog

from adapters.base import LinkState, Sink
from config.binding import BoundDevice
from config.clock import Clock

CONNECT_TIMEOUT_S = 5.0
"""Longest time that one connection attempt may take."""

_log = structlog.get_logger()


class LostError(Exception):
    """The link to a device broke, or never came up; the text says why, in an engineer's words."""


class LinkReporter:
    """Writes one device's link. ``up`` and ``down`` may be called as often as is handy: only a change is reported."""

    def __init__(self, device: BoundDevice, sink: Sink, clock: Clock) -> None:
        self._device = device
        self._sink = sink
        self._clock = clock
        self._was_up = False
        sink.link.state = LinkState.CONNECTING
        sink.link.since = clock.now()
        sink.link.detail = f"connecting to {device.device.where}"

    @property
    def is_up(self) -> bool:
        return self._sink.link.state is LinkState.CONNECTED

    @property
    def is_away(self) -> bool:
        return self._sink.link.state is LinkState.AWAY

    def up(self, detail: str) -> None:
        link = self._sink.link
        link.detail = detail
        if self.is_up:
            return
        if self._was_up:
            link.reconnects += 1
        self._was_up = True
        link.state = LinkState.CONNECTED
        link.since = self._clock.now()
        _log.info("device connected", device=self._device.id, detail=detail)
        self._sink.connected()

    def down(self, detail: str) -> None:
        link = self._sink.link
        link.detail = detail
        if self.is_away:
            return
        link.state = LinkState.AWAY
        link.since = self._clock.now()
        _log.warning("device away", device=self._device.id, detail=detail)
        self._sink.lost(detail)


def explain(error: BaseException, host: str, port: int) -> str:
    """An error of a connection in an engineer's words.

    >>> explain(ConnectionRefusedError(), "127.0.0.1", 50200)
    'connection refused at 127.0.0.1:50200'
    """
    where = f"{host}:{port}"
    if isinstance(error, LostError):
        return str(error)
    if isinstance(error, socket.gaierror):
        return f"host name {host!r} cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no answer from {where}"
    # A name with several addresses fails with one OSError that only quotes the errors of each.
    if isinstance(error, ConnectionRefusedError) or f"Errno {errno.ECONNREFUSED}" in str(error):
        return f"connection refused at {where}"
    if isinstance(error, ConnectionError):
        return f"connection to {where} broke: {error or type(error).__name__}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror.lower()} at {where}"
    return f"{type(error).__name__} from {where}: {error}"


def password_of(device: BoundDevice) -> str | None:
    """The device's password from the environment variable that the site file names, ``None`` where it names none.

    Raises ``LostError`` where the variable is not set: the device stays away, and its link says what to do.
    """
    name = device.device.password_env
    if name is None:
        return None
    password = os.environ.get(name)
    if password is None:
        raise LostError(f"environment variable {name} is not set: it should hold the password of {device.id}")
    return password
