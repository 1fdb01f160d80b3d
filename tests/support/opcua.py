"""Foreign OPC UA programs: node-opcua as server and client, where it is installed."""

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from asyncua import Server, ua

from tests.support.peers import SOURCES, Peer, peer

URI = "urn:test:cabinet"
"""The namespace of all test servers' nodes."""


async def new_server() -> Server:
    """A server with the standard address space: 100,000 objects, half of whose cost would be the collector."""
    server = Server()
    gc.disable()
    try:
        await server.init()
    finally:
        gc.enable()
    return server


@asynccontextmanager
async def cabinet(port: int) -> AsyncIterator[Server]:
    """A server of the client's own library, with three numbers: it needs no Node."""
    server = await new_server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    for name in ("power", "swaps", "heartbeat"):
        await server.nodes.objects.add_variable(ua.NodeId(name, index), name, 1.0)
    async with server:
        yield server


@dataclass(frozen=True)
class NodePeers:
    """node-opcua's programs; they keep their certificates in a home folder of the test."""

    environment: dict[str, str]

    def server(self, port: int, namespaces: int = 0, **environment: str) -> AbstractAsyncContextManager[Peer]:
        """``tests/contract/peers/opcua_server.cjs``, which says what it takes."""
        command = ("node", SOURCES / "opcua_server.cjs", str(port), str(namespaces))
        return peer(*command, **(self.environment | environment))


@pytest.fixture
def node_peers(tmp_path_factory: pytest.TempPathFactory) -> NodePeers:
    """Skips, saying so, where Node or node-opcua is missing."""
    folder = os.environ.get("SWAPTWIN_NODE_PEERS", "")
    if not shutil.which("node") or not folder or not (Path(folder) / "node_modules" / "node-opcua").is_dir():
        pytest.skip("needs node, and node-opcua installed in the folder that SWAPTWIN_NODE_PEERS names")
    # One home a run: making a certificate takes node-opcua seconds.
    home = tmp_path_factory.getbasetemp() / "node-home"
    home.mkdir(exist_ok=True)
    return NodePeers({"NODE_PATH": str(Path(folder) / "node_modules"), "HOME": str(home), "XDG_CONFIG_HOME": str(home)})


class Wire:
    """A cable between a client and a server on loopback: it can be long, and it can be cut without anybody noticing."""

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.one_way_s = 0.0
        self._server_port = server_port
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Nothing arrives any more, and no connection ends."""
        self._whole.clear()

    def mend(self) -> None:
        """What is connected from now on works; what hung in the cable stays lost, as after a router's restart."""
        for task in self._tasks:
            task.cancel()
        self._whole.set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole.is_set():
            self._keep(asyncio.create_task(self._nothing(writer)))
            return
        there = await asyncio.open_connection("127.0.0.1", self._server_port)
        self._keep(asyncio.create_task(self._pass_on(reader, there[1])))
        self._keep(asyncio.create_task(self._pass_on(there[0], writer)))

    async def _nothing(self, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await reader.read(65_536):
                await self._whole.wait()
                if self.one_way_s:
                    loop.call_later(self.one_way_s, writer.write, data)
                else:
                    writer.write(data)
        finally:
            writer.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
