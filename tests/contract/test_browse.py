"""Browsing servers that are not ours: node-opcua, libmodbus and Mosquitto."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from adapters import browse_modbus, browse_mqtt, browse_opcua
from config.clock import RealClock
from config.loader import load_profile
from gateway.browse_profile import of_opcua
from gateway.browse_registers import look
from tests.support.peers import SOURCES, free_port, peer

pytestmark = pytest.mark.peer
CLOCK = RealClock()


async def test_the_tree_of_a_node_opcua_server_is_read(tmp_path: Path) -> None:
    folder = os.environ.get("SWAPTWIN_NODE_PEERS", "")
    if not shutil.which("node") or not folder or not (Path(folder) / "node_modules" / "node-opcua").is_dir():
        pytest.skip("needs node, and node-opcua installed in the folder that SWAPTWIN_NODE_PEERS names")
    environment = {"NODE_PATH": f"{folder}/node_modules", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    async with peer("node", SOURCES / "opcua_server.cjs", str(free_port()), "2", **environment) as server:
        url = f"opc.tcp://127.0.0.1:{server.port}"
        async with browse_opcua.session(url, CLOCK) as client:
            tree = await browse_opcua.browse(client)
            server.tell("set power 99")
            async with asyncio.timeout(10.0):
                power = next(number for number, node in enumerate(tree.nodes) if node.name == "power")
                while tree.nodes[power].value != 99.0:
                    await browse_opcua.read(client, tree, [power])
    nodes = {node.address: node for node in tree.nodes}
    soc = nodes["nsu=urn:test:cabinet;s=slot1.soc"]
    assert (soc.value, soc.type, soc.status) == (0.5, "Double", "Good")
    assert nodes["nsu=urn:test:cabinet;s=slot1.id"].value == "PK-1"
    assert not any("ServerDiagnostics" in node.name for node in tree.nodes)
    file = tmp_path / "x.yaml"
    file.write_text(of_opcua(tree, url).text("x"))
    points = {point.signal: point.address for point in load_profile(file).points}
    assert points["soc"] == "nsu=urn:test:cabinet;s=slot{slot}.soc"


@pytest.fixture
def libmodbus(tmp_path: Path) -> Path:
    """Our small server on libmodbus, compiled here."""
    if not shutil.which("gcc") or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip("needs gcc and libmodbus-dev")
    program = tmp_path / "modbus_server"
    subprocess.run(
        ["gcc", "-O1", "-I/usr/include/modbus", "-o", program, SOURCES / "modbus_server.c", "-lmodbus", "-lm"],
        check=True,
        timeout=60,
    )
    return program


async def test_the_registers_of_a_libmodbus_server_are_found_and_understood(libmodbus: Path) -> None:
    async with (
        peer(libmodbus, "0") as server,
        browse_modbus.line(f"modbus://127.0.0.1:{server.port}", CLOCK, pause_s=0.0) as wire,
    ):
        found = await browse_modbus.scan(wire, first=0, last=199)
    assert sorted(found.tables["holding"]) == list(range(100))
    assert sorted(found.tables["coil"]) == list(range(100))
    sights = {sight.address: sight for sight in look(found.tables["holding"])}
    assert [(sights[at].word_order, sights[at].value) for at in (20, 30, 40)] == [
        ("CDAB", 72.25),
        ("BADC", 16.5),
        ("DCBA", 1480.75),
    ]
    assert (sights[50].type, sights[50].value) == ("str", "PK-7")


async def test_what_passes_on_mosquitto_is_heard(tmp_path: Path) -> None:
    if not shutil.which("mosquitto") or not shutil.which("mosquitto_pub"):
        pytest.skip("needs mosquitto and mosquitto_pub (apt-get install mosquitto mosquitto-clients)")
    port = free_port()
    file = tmp_path / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")

    async def publish(topic: str, message: str, *more: str) -> None:
        command = ("mosquitto_pub", "-p", str(port), "-t", topic, "-m", message, *more)
        assert await (await asyncio.create_subprocess_exec(*command)).wait() == 0

    async with peer("mosquitto", "-c", file, port=port):
        await publish("cab/slot/1", '{"pack": {"soc": 55}}', "-r")
        listening = asyncio.create_task(browse_mqtt.listen(f"mqtt://127.0.0.1:{port}", CLOCK, seconds=2.0))
        await publish("spBv1.0/g/NBIRTH/e", "\x08")
        await publish("cab/state", "online")
        heard = await listening
    slot = heard.topics["cab/slot/1"]
    assert (slot.retained, slot.live, slot.fields) == (True, 0, {"pack.soc": 55})
    for name in ("cab/state", "spBv1.0/g/NBIRTH/e"):
        if name in heard.topics:  # the broker may have had it before we listened
            assert heard.topics[name].live == 1
