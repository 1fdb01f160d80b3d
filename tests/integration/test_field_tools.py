"""The field engineer's tools on live emulators: browse, check --connect, record and replay, commission."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import Server, ua
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from adapters import browse_modbus, browse_opcua
from adapters.base import LinkState
from adapters.link import LostError
from adapters.registry import build
from config.clock import RealClock
from config.loader import BUNDLED, LoadedSite, load_profile, load_site
from gateway import check_connect, commission_pdf
from gateway.browse_profile import of_modbus, of_opcua
from gateway.commission import examine
from gateway.commission_acceptance import Result
from gateway.commission_html import page
from gateway.commission_questions import AtTerminal, Nobody
from gateway.record import record
from gateway.recording import Recording, encode, header_of
from gateway.replay import Replay
from gateway.replay_site import placed
from gateway.watching import Watched
from tests.support.adapters import Desk, running
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port

CLOCK = RealClock()


def modbus_site(folder: Path) -> LoadedSite:
    url = f"modbus://127.0.0.1:{free_port()}"
    return one_station(folder, [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": url}])


def opcua_site(folder: Path) -> LoadedSite:
    url = f"opc.tcp://127.0.0.1:{free_port()}"
    return one_station(folder, [{"id": "cabinet", "profile": "opcua-swap-cabinet", "url": url}])


def twisted(
    loaded: LoadedSite, folder: Path, change: Callable[[dict[str, Any]], None], name: str = "modbus-swap-cabinet"
) -> LoadedSite:
    """The same site read with a profile in which somebody made a mistake."""
    described = yaml.safe_load((BUNDLED / "profiles" / f"{name}.yaml").read_text())
    described["profile"] = "twisted"
    change(described)
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "twisted.yaml").write_text(yaml.safe_dump(described))
    site = yaml.safe_load(loaded.file.read_text())
    site["stations"][0]["devices"][0]["profile"] = "twisted"
    file = folder / "twisted.yaml"
    file.write_text(yaml.safe_dump(site))
    return load_site(file)


def change_points(signal: str, **keys: Any) -> Callable[[dict[str, Any]], None]:
    def change(profile: dict[str, Any]) -> None:
        for point in profile["points"]:
            if point["signal"] == signal:
                point.update(keys)

    return change


async def test_the_tree_of_an_opcua_cabinet_makes_a_profile_that_loads(tmp_path: Path) -> None:
    loaded = opcua_site(tmp_path)
    url = loaded.site.stations[0].devices[0].url
    async with serving(loaded), browse_opcua.session(url, CLOCK) as client:
        tree = await browse_opcua.browse(client)
    variables = {node.address.rsplit("=", 1)[-1]: node for node in tree.nodes if node.is_variable}
    assert variables["S1.MainsOk"].value is True
    assert variables["S1.MainsOk"].type == "Boolean"
    assert {node.status for node in variables.values()} == {"Good", "BadNoData"}
    file = tmp_path / "x.yaml"
    file.write_text(of_opcua(tree, url).text("x"))
    signals = {(point.entity, point.signal) for point in load_profile(file).points}
    assert {("slot", "soc"), ("slot", "pack_id"), ("slot", "occupied"), ("station", "power_w")} <= signals


async def test_a_scan_finds_the_registers_of_a_cabinet_gently(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    url = loaded.site.stations[0].devices[0].url
    async with serving(loaded), browse_modbus.line(url, CLOCK, pause_s=0.0) as wire:
        found = await browse_modbus.scan(wire, tables=("holding", "coil"))
        later = await browse_modbus.again(wire, found)
    assert sorted(found.tables["holding"]) == [*range(14), *range(100, 180)]
    assert found.tables["coil"] == {}
    assert found.requests < 400
    assert later["holding"].keys() == found.tables["holding"].keys()
    skeleton = of_modbus(found, later, url)
    assert "signal: pack_id, address: 112, stride: 20" in skeleton.points[0]


@asynccontextmanager
async def registers(blocks: dict[int, list[int]]) -> AsyncIterator[str]:
    """A pymodbus server with these holding registers."""
    port = free_port()
    data = [SimData(at, values=words, datatype=DataType.REGISTERS) for at, words in blocks.items()]
    nothing = [SimData(0, datatype=DataType.BITS, values=[False])]
    none = [SimData(65000, datatype=DataType.REGISTERS, values=[0])]
    server = ModbusTcpServer([SimDevice(1, (nothing, nothing, data, none))], address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    try:
        yield f"modbus://127.0.0.1:{port}"
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def test_a_scan_follows_the_chain_of_sunspec_models() -> None:
    chain = [0x5375, 0x6E53, 1, 4, 1, 2, 3, 4, 802, 3, 7, 8, 9, 0xFFFF, 0]
    async with registers({40_000: chain}) as url, browse_modbus.line(url, CLOCK, pause_s=0.0) as wire:
        found = await browse_modbus.scan(wire, tables=("holding",), first=0, last=63)
    assert found.sunspec_base == 40_000
    assert [(model.id, model.address, model.length) for model in found.models] == [(1, 40_002, 4), (802, 40_008, 3)]
    assert found.models[1].name == "battery base"
    assert found.tables["holding"][40_012] == 9


async def test_a_unit_that_does_not_answer_ends_the_scan_with_a_reason() -> None:
    async def swallow(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with browse_modbus.line(f"modbus://127.0.0.1:{port}", CLOCK, timeout_s=0.05) as wire:
        with pytest.raises(LostError, match="no answer to 3 requests"):
            await browse_modbus.scan(wire)
    server.close()


async def test_a_right_site_is_found_right_and_every_point_has_its_raw_value(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    async with serving(loaded):
        devices, image = await check_connect.connect(loaded, CLOCK, 2.5)
    assert check_connect.is_right(devices), [str(found) for found in devices[0].found]
    (watched,) = devices
    by_path = {each.bound.path: each for each in watched.observed}
    full = next(each for path, each in by_path.items() if path.endswith("/soc") and each.value == 0.995)
    assert full.raw == 9950
    assert sum(isinstance(by_path[f"S1/slot/0{slot}/pack_id"].raw, str) for slot in (1, 2, 3, 4)) == 3
    assert all(each.raw is not None for each in watched.observed if each.value is not None)
    assert image.sink(watched.device).link.round_trips_s


MISTAKES = [
    ("soc", {"scale": 0.01}, "scale"),
    ("soc", {"scale": 0.000001}, "scale"),
    ("grid_limit_w", {"word_order": "CDAB"}, "word_order"),
    ("power_w", {"word_order": "CDAB"}, "word_order"),
    ("current_a", {"sign": -1}, "sign"),
    ("charger_state", {"enum": {0: "idle"}}, "enum"),
    ("capacity_wh", {"address": 5000}, "refused"),
]


async def test_mistakes_in_a_profile_are_named(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    bad = [
        twisted(loaded, tmp_path / str(number), change_points(signal, **keys))
        for number, (signal, keys, _) in enumerate(MISTAKES)
    ]
    async with serving(loaded):
        answers = await asyncio.gather(*(check_connect.connect(each, CLOCK, 2.0) for each in bad))
    for (signal, _, kind), (devices, _) in zip(MISTAKES, answers, strict=True):
        assert not check_connect.is_right(devices)
        named = [found for found in devices[0].found if found.is_wrong and found.kind == kind]
        assert any(signal in found.about for found in named), (signal, kind, [str(each) for each in devices[0].found])


async def test_a_map_that_counts_from_one_is_named_as_off_by_one(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    one_off = {"address_base": 1, "watchdog": None}
    bad = twisted(loaded, tmp_path, lambda profile: profile.update(one_off, points=profile["points"][8:]))
    async with serving(loaded):
        devices, _ = await check_connect.connect(bad, CLOCK, 1.5)
    found = [each for each in devices[0].found if each.kind == "address"]
    assert found, [str(each) for each in devices[0].found]
    assert "later" in found[0].message


async def test_a_device_that_does_not_answer_makes_the_check_fail(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    devices, image = await check_connect.connect(loaded, CLOCK, 0.5)
    assert not check_connect.is_right(devices)
    shown = "\n".join(str(part) for part in check_connect.describe(devices, image))
    assert "connection refused" in shown
    assert "no value from S1/cabinet" in shown


def good(devices: list[Watched]) -> dict[str, Any]:
    return {each.bound.path: each.value for watched in devices for each in watched.observed if each.value is not None}


async def test_a_replayed_site_gives_a_gateway_the_recorded_values(tmp_path: Path) -> None:
    devices = [
        {"id": "cabinet", "profile": "opcua-cabinet-doors", "url": f"opc.tcp://127.0.0.1:{free_port()}"},
        {"id": "chargers", "profile": "modbus-charger-rack", "url": f"modbus://127.0.0.1:{free_port()}"},
    ]
    loaded = one_station(tmp_path, devices)
    file = tmp_path / "r.jsonl.gz"
    async with serving(loaded):
        outcome = await record(loaded, CLOCK, file, version="1", seconds=3.0, anonymise=False)
    assert outcome.silent == ()
    recording = Recording(file)
    last = {row["point"]: row["value"] for row in recording.rows() if "point" in row and row.get("value") is not None}
    assert len(last) == sum(len(device.points) for device in loaded.bind())

    place = placed(recording.header, None, free_port())
    play = Replay(recording, place, CLOCK)
    ready = asyncio.Event()
    task = asyncio.create_task(play.run(hold=True, on_ready=lambda _: ready.set()))
    try:
        async with asyncio.timeout(20.0):
            await ready.wait()
            while not play.ended:
                await CLOCK.sleep(0.1)
        watched, _ = await check_connect.connect(place, CLOCK, 3.0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert play.skipped == 0
    assert good(watched) == pytest.approx(last, rel=1e-6)


async def test_what_was_recorded_before_a_kill_is_read_and_packs_are_anonymous(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    file = tmp_path / "r.jsonl.gz"
    flushed = asyncio.Event()
    async with serving(loaded):
        task = asyncio.create_task(
            record(
                loaded,
                CLOCK,
                file,
                version="1",
                seconds=None,
                anonymise=True,
                on_tick=lambda outcome: flushed.set() if outcome.rows > 100 else None,
            )
        )
        async with asyncio.timeout(20.0):
            await flushed.wait()
        (tmp_path / "killed.jsonl.gz").write_bytes(file.read_bytes())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    killed = Recording(tmp_path / "killed.jsonl.gz")
    read = list(killed.rows())
    assert len(read) > 100
    assert killed.truncated
    names = {row["value"] for row in read if row.get("point", "").endswith("pack_id") and "value" in row}
    assert names
    assert all(re.fullmatch(r"PACK\d{4}", name) for name in names)
    whole = Recording(file)
    assert len(list(whole.rows())) >= len(read)
    assert not whole.truncated


class Links(HTMLParser):
    """Collects whatever a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "data", "srcset"}]


async def yes(_question: str) -> str:
    return "y"


async def test_a_good_station_is_accepted_and_the_protocol_needs_nothing_else(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    said: list[str] = []
    async with serving(loaded):
        acceptance = await examine(
            loaded, CLOCK, AtTerminal(yes, writes=False), seconds=6.0, version="1", say=said.append
        )
    results = {step.title: step.result for step in acceptance.steps}
    assert results["Reachability"] is Result.PASS
    assert results["Points"] is Result.PASS
    assert results["Units and ranges"] is Result.PASS
    assert results["Scales, signs, word orders and clocks"] is Result.PASS
    assert results["Write and read back"] is Result.SKIPPED
    assert results["Confirmed on site"] is Result.PASS
    assert said[0] == "connecting to 1 device"
    acceptance.engineer = "A. <Kumar> & Co"
    html = page(acceptance)
    links = Links()
    links.feed(html)
    assert links.found == []
    assert "url(" not in html
    assert "@import" not in html
    assert "A. &lt;Kumar&gt; &amp; Co" in html
    assert acceptance.site_hash in html
    pytest.importorskip("reportlab", reason="needs reportlab (extra pdf)")
    commission_pdf.write(acceptance, tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


async def test_a_station_that_is_away_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commission.CONNECT_S", 0.5)
    loaded = modbus_site(tmp_path)
    acceptance = await examine(
        loaded, CLOCK, Nobody("no terminal", writes=False), seconds=0.2, version="1", say=lambda _: None
    )
    results = {step.title: step.result for step in acceptance.steps}
    assert not acceptance.passed
    assert results["Reachability"] is Result.FAIL
    assert results["Points"] is Result.FAIL
    assert results["Confirmed on site"] is Result.SKIPPED


async def test_a_device_that_was_away_when_it_was_recorded_is_away_in_the_replay(tmp_path: Path) -> None:
    loaded = modbus_site(tmp_path)
    common = {"monotonic_s": 0.0, "device": "S1/cabinet"}
    sample = {"point": "S1/station/heartbeat", "raw": 5, "value": 5.0, "quality": "good", "reason": "none"}
    rows = [
        {"received_time": 100.0, **common, **sample, "source_time": 100.0},
        {"received_time": 106.0, **common, "link": "lost", "detail": "power cut"},
        {"received_time": 112.0, **common, **sample, "raw": 9, "value": 9.0, "source_time": 112.0},
    ]
    head = header_of(loaded, started=100.0, monotonic_s=0.0, version="1", anonymised=False)
    file = tmp_path / "r.jsonl"
    file.write_bytes(b"".join(encode(row) for row in [head, *rows]))
    place = placed(Recording(file).header, None, free_port())
    port = place.site.stations[0].devices[0].port

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    async def until(expected: bool) -> None:
        async with asyncio.timeout(10.0):
            while await answers() is not expected:
                await CLOCK.sleep(0.05)

    play = Replay(Recording(file), place, RealClock(10.0))
    ready = asyncio.Event()
    task = asyncio.create_task(play.run(hold=True, on_ready=lambda _: ready.set()))
    try:
        await ready.wait()
        await until(True)
        await until(False)
        await until(True)
        assert play.stations["S1"].value("heartbeat") == 9
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("protocol", ["opcua", "modbus"])
async def test_faults_strike_a_replay_on_the_wire_and_leave_what_was_recorded(tmp_path: Path, protocol: str) -> None:
    # Two values are recorded, and no heartbeat, which a watchdog would miss.
    loaded = {"opcua": opcua_site, "modbus": modbus_site}[protocol](tmp_path)
    loaded = twisted(loaded, tmp_path, lambda profile: profile.pop("watchdog"), f"{protocol}-swap-cabinet")
    common = {"monotonic_s": 0.0, "device": "S1/cabinet", "quality": "good", "reason": "none"}
    socs = {1: 0.5, 2: 0.7}
    rows = [
        {"received_time": 100.0, "source_time": 100.0, "point": f"S1/slot/{slot:02d}/soc", "value": soc} | common
        | {"raw": soc * 10_000 if protocol == "modbus" else soc * 100}
        for slot, soc in socs.items()
    ]  # fmt: skip
    head = header_of(loaded, started=100.0, monotonic_s=0.0, version="1", anonymised=False)
    file = tmp_path / "r.jsonl"
    file.write_bytes(b"".join(encode(row) for row in [head, *rows]))
    place = placed(Recording(file).header, None, free_port())
    (bound,) = place.bind()
    desk = Desk(bound)
    said: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(Replay(Recording(file), place, CLOCK).run(hold=True, on_ready=said.set_result))
    try:
        async with asyncio.timeout(20.0):
            url = (await said).rsplit(" ", 1)[1]
        async with running(build(bound, CLOCK), desk):
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.5))

            identity = await command("fault", "inject", "bias", "S1", "offset=-0.2", "--slots", "1", "--url", url)
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.3))
            assert desk.value("S1/slot/02/soc") == pytest.approx(0.7)
            await command("fault", "clear", identity, "--url", url)
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.5))

            await command("fault", "inject", "comm_loss", "S1/cabinet", "mode=refuse", "--url", url)
            await desk.until(lambda: desk.link.state is LinkState.AWAY)
            await command("fault", "clear", "--url", url)
            await desk.until(lambda: desk.value("S1/slot/01/soc") == pytest.approx(0.5))

            refusal = await command("fault", "inject", "pack_swapped", "S1", "--url", url, code=2)
            assert "this one is recorded" in refusal
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def command(*words: str, code: int = 0) -> str:
    """What a command of ours says; in a process of its own, as it waits for the loop of this one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60.0):
        out, _ = await process.communicate()
    assert process.returncode == code, out.decode()
    return out.decode().strip()


async def test_a_server_that_refuses_us_is_asked_what_it_would_take() -> None:
    server = Server()
    await server.init()
    port = free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.set_identity_tokens([ua.UserNameIdentityToken])
    async with server:
        with pytest.raises(LostError, match="the server offers None/None for UserName"):
            async with browse_opcua.session(f"opc.tcp://127.0.0.1:{port}", CLOCK):
                pass
