"""Foreign OPC UA programs: node-opcua as server and client, where it is installed."""

import os
import shutil
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.peers import SOURCES, Peer, peer


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
