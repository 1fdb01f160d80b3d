"""Addresses that emulators listen on: loopback only, and really their own."""

import ipaddress
import socket

from config.errors import ListenError


def require_loopback(key: str, host: str, port: int) -> None:
    """Raise ``ListenError`` unless the host is this machine's loopback: emulators have no security of their own."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ListenError(key, host, port, "emulators listen on loopback only; use 127.0.0.1")


def bind(key: str, host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises ``ListenError`` where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ListenError(key, host, port, error.strerror or str(error)) from error
    listener = socket.socket(family, kind, protocol)
    try:
        # As asyncio's servers do: a port whose last connections are still closing is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise ListenError(key, host, port, error.strerror or str(error)) from error
    return listener


def require_free(key: str, host: str, port: int) -> None:
    """Raise ``ListenError`` unless the address can be listened on now, by a library that would hide the reason."""
    bind(key, host, port).close()
