"""The HTTP server inside the gateway's process: uvicorn, bound before anything starts and gone within two seconds.

uvicorn keeps the socket of a WebSocket client that does not read for ever: it waits for its buffer to drain before it
closes. So this server hands every WebSocket a function that drops its connection, and makes sure that the socket of
one that has ended is gone.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from config.clock import Clock
from config.errors import ListenError
from gateway.stream import ABORT_EXTENSION, MAX_CLIENTS, MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from uvicorn.server import Protocols

Client = tuple[str, int]
"""Address and port of the other side: what uvicorn's connections and ASGI scopes have in common."""

LINGER_S = 2.0
"""How long the socket of a WebSocket that has ended may take to send what is left."""
DRAIN_S = 0.7
"""How long clients have, at a stop, to hear that the gateway goes."""
SEND_BUFFER_BYTES = 128 * 1024
"""The kernel's buffer per client. Its default grows to megabytes, that is minutes of state which nobody will read."""


async def listen(host: str, port: int) -> socket.socket:
    """A bound, listening socket. Raises ListenError, which names ``gateway.port`` or ``gateway.host``."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError("gateway.host", host, port, error.strerror or str(error)) from error
    family, _, _, _, address = found[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(socket.SOMAXCONN)
    except OSError as error:
        sock.close()
        raise ListenError("gateway.port", host, port, error.strerror or str(error)) from error
    return sock


class Server:
    """Serves ``app`` on a socket of ``listen`` until cancelled."""

    def __init__(self, app: ASGIApp, sock: socket.socket, clock: Clock, *, drain: Callable[[], None]) -> None:
        """``drain`` asks all WebSocket clients to go (``Stream.drain``)."""
        self._app = app
        self._sock = sock
        self._clock = clock
        self._drain = drain
        self._websockets: dict[asyncio.Task[object], Client] = {}
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                self._serve_one,
                interface="asgi3",
                http="httptools",
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_ping_interval=20.0,
                ws_ping_timeout=20.0,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=1,
                # Beyond the WebSocket clients, room for as many plain requests; more get 503.
                limit_concurrency=2 * MAX_CLIENTS,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host, port = self._sock.getsockname()[:2]
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "localhost"
        return f"http://[{host}]:{port}" if address.version == 6 and host != "localhost" else f"http://{host}:{port}"

    async def run(self) -> None:
        """Serve until cancelled; then tell the clients, stop, and leave no socket behind."""
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._sock]))
        try:
            await asyncio.shield(serving)
        finally:
            try:
                await self._stop(serving)
            finally:  # also when cancelled once more while stopping
                serving.cancel()
                for connection in list(self._uvicorn.server_state.connections):
                    connection.transport.abort()
                self._sock.close()

    async def _stop(self, serving: "asyncio.Task[None]") -> None:
        self._drain()
        if self._websockets:
            with contextlib.suppress(TimeoutError):  # who did not go by now is dropped
                async with self._clock.timeout(DRAIN_S):
                    await asyncio.wait(self._websockets)
        for client in list(self._websockets.values()):
            self._abort(client)
        self._uvicorn.should_exit = True
        await serving

    async def _serve_one(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        client = scope["client"]
        task = cast("asyncio.Task[object]", asyncio.current_task())
        self._websockets[task] = client
        scope["extensions"][ABORT_EXTENSION] = lambda: self._abort(client)
        try:
            await self._app(scope, receive, send)
            await self._see_off(client, receive)
        finally:
            del self._websockets[task]

    async def _see_off(self, client: Client, receive: Receive) -> None:
        try:
            async with self._clock.timeout(LINGER_S):
                while self._connection(client) is not None:
                    await receive()  # the last of its events tells that the connection is lost
        except TimeoutError:
            self._abort(client)

    def _connection(self, client: Client) -> "Protocols | None":
        return next((c for c in self._uvicorn.server_state.connections if getattr(c, "client", None) == client), None)

    def _abort(self, client: Client) -> None:
        connection = self._connection(client)
        if connection is not None:
            connection.transport.abort()


class _Uvicorn(uvicorn.Server):
    """uvicorn without signal handlers: Ctrl-C belongs to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
