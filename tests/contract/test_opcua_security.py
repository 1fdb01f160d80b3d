"""OPC UA with certificates: our adapter on foreign servers and on our emulator, a foreign client on our emulator."""

import asyncio
import dataclasses
import json
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import Server, ua
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions

from adapters.base import LinkState
from adapters.opcua_security import own_certificate, server_certificate
from adapters.registry import build
from config.clock import RealClock
from config.errors import ConfigError
from config.loader import load_site
from simulators.opcua import OpcUaFace
from simulators.serve import build_faces, build_stations
from tests.support.adapters import Desk, device, running
from tests.support.emulators import one_station
from tests.support.opcua import NodePeers, new_server, node_peers
from tests.support.peers import SOURCES, free_port

URI = "urn:test:cabinet"
POINTS: list[dict[str, Any]] = [{"signal": "power_w", "entity": "station", "address": f"nsu={URI};s=power"}]
SECURE = {"security": "Basic256Sha256"}

__all__ = ["node_peers"]


def desk_of(folder: Path, port: int, **keys: Any) -> tuple[Any, Desk]:
    bound = device(f"opc.tcp://127.0.0.1:{port}", POINTS, device=SECURE | keys, interval_s=0.2)
    bound = dataclasses.replace(bound, pki=folder / "pki")
    return build(bound, RealClock()), Desk(bound)


async def until_away(desk: Desk, *words: str) -> None:
    """Away, for a reason in which all these words are."""
    await desk.until(
        lambda: desk.link.state is LinkState.AWAY and all(word in desk.link.detail for word in words), within_s=30.0
    )


@pytest.mark.peer
async def test_data_of_a_node_opcua_server_flow_encrypted_with_a_certificate_made_at_first_need(
    node_peers: NodePeers, tmp_path: Path
) -> None:
    async with node_peers.server(free_port()) as server:
        adapter, desk = desk_of(tmp_path, server.port)
        async with running(adapter, desk):
            await desk.until(lambda: desk.value("S1/station/power_w") == 1500.5, within_s=30.0)
        key = own_certificate(desk.bound).parent / "private_key.pem"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        # The next start uses the same certificate, and the server is known.
        made = own_certificate(desk.bound).read_bytes()
        adapter, desk = desk_of(tmp_path, server.port)
        async with running(adapter, desk):
            await desk.until(lambda: desk.value("S1/station/power_w") == 1500.5, within_s=30.0)
        assert own_certificate(desk.bound).read_bytes() == made


@pytest.mark.peer
async def test_a_server_that_does_not_know_our_certificate_is_away_and_says_which_file_it_must_trust(
    node_peers: NodePeers, tmp_path: Path
) -> None:
    async with node_peers.server(free_port(), PEER_TRUSTS="nobody") as server:
        adapter, desk = desk_of(tmp_path, server.port)
        async with running(adapter, desk):
            await until_away(desk, "trust", str(own_certificate(desk.bound)), "thumbprint")
            assert not desk.good()


@pytest.mark.peer
async def test_user_and_password_are_sent_encrypted_and_a_wrong_one_is_a_clear_state(
    node_peers: NodePeers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {"username": "gateway", "password_env": "CABINET_PASSWORD"}
    async with node_peers.server(free_port(), PEER_USER="gateway", PEER_PASSWORD="secret") as server:
        monkeypatch.setenv("CABINET_PASSWORD", "wrong")
        adapter, desk = desk_of(tmp_path, server.port, **login)
        async with running(adapter, desk):
            await until_away(desk, "user 'gateway'", "password_env")
            monkeypatch.setenv("CABINET_PASSWORD", "secret")
            await desk.until(lambda: desk.value("S1/station/power_w") == 1500.5, within_s=30.0)


@asynccontextmanager
async def plain_server(port: int, policies: list[ua.SecurityPolicyType] | None = None) -> AsyncIterator[Server]:
    server = await new_server()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy(policies or [ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    await server.nodes.objects.add_variable(ua.NodeId("power", index), "power", 1.0)
    async with server:
        yield server


async def test_a_server_without_the_wanted_policy_is_away_and_the_detail_says_what_it_offers(tmp_path: Path) -> None:
    port = free_port()
    async with plain_server(port):
        adapter, desk = desk_of(tmp_path, port)
        async with running(adapter, desk):
            await until_away(desk, "does not offer Basic256Sha256 SignAndEncrypt", "it offers None")
            assert desk.link.errors == 0


def emulated(folder: Path, port: int, **keys: Any) -> tuple[Any, Desk, OpcUaFace]:
    """Our adapter and our emulator of the same device."""
    folder.mkdir(exist_ok=True)
    described = {"id": "d", "profile": "opcua-cabinet-doors", "url": f"opc.tcp://127.0.0.1:{port}"} | keys
    loaded = one_station(folder, [described])
    (bound,) = loaded.bind()
    bound = dataclasses.replace(bound, pki=folder / "pki")
    ((face, _),) = build_faces([bound], build_stations(loaded, RealClock().now()))
    assert isinstance(face, OpcUaFace)
    return build(bound, RealClock()), Desk(bound), face


async def test_the_emulator_is_read_encrypted_with_a_password_and_a_new_certificate_of_its_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CABINET_PASSWORD", "secret")
    keys = {"security": "Aes256Sha256RsaPss", "username": "gateway", "password_env": "CABINET_PASSWORD"}
    port = free_port()
    adapter, desk, face = emulated(tmp_path, port, **keys)
    await face.start()
    try:
        async with running(adapter, desk):
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
            await face.stop()
            await desk.until(lambda: not desk.good())
            # It keeps its certificate over a restart; an emulator elsewhere has another one.
            await face.start()
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
            await face.stop()
            _, _, face = emulated(tmp_path / "other", port, **keys)
            await face.start()
            await until_away(desk, "is trusted", f"delete {server_certificate(desk.bound)}")
            server_certificate(desk.bound).unlink()
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
    finally:
        await face.stop()


async def test_only_the_named_certificate_is_taken_for_the_server_s_and_a_strict_server_takes_ours(
    tmp_path: Path,
) -> None:
    port = free_port()
    _, _, face = emulated(tmp_path, port, security="Basic256Sha256")
    await face.start()
    # It compares the application URI in the certificate with what the client calls itself, and looks at key usages.
    assert face._server is not None
    strict = CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
    face._server.iserver.certificate_validator = CertificateValidator(strict)
    try:
        trusted = next((tmp_path / "pki" / "emulator").rglob("certificate.der"))
        adapter, desk, _ = emulated(tmp_path, port, security="Basic256Sha256", server_certificate=str(trusted))
        async with running(adapter, desk):
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
        another = own_certificate(desk.bound)
        adapter, desk, _ = emulated(tmp_path, port, security="Basic256Sha256", server_certificate=str(another))
        async with running(adapter, desk):
            await until_away(desk, "shows certificate", "correct server_certificate")
    finally:
        await face.stop()


async def test_a_spoiled_file_is_a_clear_state_of_the_link_and_no_crash(tmp_path: Path) -> None:
    port = free_port()
    adapter, desk, face = emulated(tmp_path, port, security="Basic256Sha256")
    await face.start()
    try:
        async with running(adapter, desk):
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
        made = own_certificate(desk.bound).parent
        certificate, key = tmp_path / "own.der", tmp_path / "own.pem"
        certificate.write_bytes((made / "certificate.der").read_bytes())
        key.write_bytes((made / "private_key.pem").read_bytes())
        own = {"certificate": certificate.name, "private_key": key.name}
        adapter, desk, _ = emulated(tmp_path, port, security="Basic256Sha256", **own)
        certificate.write_bytes(b"nonsense")
        async with running(adapter, desk):
            await until_away(desk, "own.der is no certificate")
            certificate.write_bytes((made / "certificate.der").read_bytes())
            key.write_bytes(b"nonsense")
            await until_away(desk, "private key", "own.pem cannot be used")
            key.unlink()
            await until_away(desk, "own.pem", "no such file")
            key.write_bytes((made / "private_key.pem").read_bytes())
            await desk.until(lambda: "S1/station/mains_ok" in desk.good(), within_s=30.0)
    finally:
        await face.stop()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"security": "Basic128Rsa15"}, "security"),
        ({"security": "Basic256Sha256", "certificate": "nobody.der"}, "belong together"),
        ({"security": "Basic256Sha256", "certificate": "no.der", "private_key": "no.pem"}, "there is no file no.der"),
        ({"server_certificate": "s.der"}, "of no use without 'security'"),
    ],
)
def test_wrong_security_in_a_site_file_is_refused_before_anything_starts(
    tmp_path: Path, keys: dict[str, str], said: str
) -> None:
    one_station(tmp_path, [{"id": "d", "profile": "opcua-cabinet-doors", "url": "opc.tcp://127.0.0.1:4840"}])
    site = yaml.safe_load((tmp_path / "site.yaml").read_text())
    site["stations"][0]["devices"][0] |= keys
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    with pytest.raises(ConfigError, match=said):
        load_site(tmp_path / "site.yaml")


@pytest.mark.peer
async def test_node_opcua_reads_and_writes_our_emulator_encrypted(node_peers: NodePeers, tmp_path: Path) -> None:
    port = free_port()
    profile = {
        "profile": "slots",
        "title": "Slots",
        "protocol": "opcua",
        "source": "reference",
        "points": [{"signal": "enabled", "address": "nsu=urn:x;s=S1.{slot}.Enabled", "access": "rw"}],
    }
    (tmp_path / "slots.yaml").write_text(yaml.safe_dump(profile))
    _, _, face = emulated(tmp_path, port, profile="slots.yaml")
    await face.start()
    node = "s=S1.2.Enabled"
    process = await asyncio.create_subprocess_exec(
        *("node", str(SOURCES / "opcua_client.cjs"), f"opc.tcp://127.0.0.1:{port}", "urn:x", node),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | node_peers.environment | {"PEER_POLICY": "Basic256Sha256", "PEER_WRITE": f"{node} false"},
    )
    assert process.stdout
    try:
        said: list[dict[str, Any]] = []
        async with asyncio.timeout(90.0):
            while len(said) < 2:
                line = await process.stdout.readline()
                assert line, "the client ended"
                if line.startswith(b"{"):
                    said.append(json.loads(line))
        assert said[0] == {"written": "Good"}
        assert (said[1]["node"], said[1]["value"], said[1]["status"]) == (node, False, "Good")
    finally:
        process.kill()
        await process.wait()
        await face.stop()
