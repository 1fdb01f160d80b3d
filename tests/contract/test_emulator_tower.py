"""The emulated tower cabinet, seen by a gateway written here with plain sockets, and by ours."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.base import LinkState
from adapters.registry import build
from adapters.tower import WritableTowerAdapter
from config.clock import RealClock
from config.loader import BUNDLED, LoadedSite
from simulators.serve import build_faces, build_stations
from simulators.station import PhysicalStation
from tests.support.adapters import Desk, running
from tests.support.emulators import one_station, serving
from tests.support.peers import free_port
from twin.signals import Quality, Reason

START = 1_800_000_000.0


def site(folder: Path, port: int, framing: str = "length", **device: Any) -> LoadedSite:
    profile = yaml.safe_load((BUNDLED / "profiles" / "tower-tcp.yaml").read_text(encoding="utf-8"))
    (folder / "cabinet.yaml").write_text(yaml.safe_dump(profile | {"framing": framing}), encoding="utf-8")
    described = {"id": "d", "profile": "cabinet.yaml", "url": f"tower://127.0.0.1:{port}", "interval_s": 1.0}
    return one_station(folder, [described | device])


class Gateway:
    """The other end of a cabinet's wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: str) -> None:
        self.reader, self.writer, self.framing = reader, writer, framing

    async def said(self) -> dict[str, Any]:
        async with asyncio.timeout(10.0):
            if self.framing == "newline":
                text = await self.reader.readline()
            else:
                (length,) = struct.unpack(">I", await self.reader.readexactly(4))
                text = await self.reader.readexactly(length)
        return json.loads(text)  # type: ignore[no-any-return]

    def send(self, **document: Any) -> None:
        text = json.dumps(document).encode()
        self.writer.write(text + b"\n" if self.framing == "newline" else struct.pack(">I", len(text)) + text)

    def answer(self, message: dict[str, Any], result: int = 1) -> None:
        self.send(msgType=message["msgType"] + 1, txnNo=message["txnNo"], devId=message["devId"], result=result)


@asynccontextmanager
async def gateway(port: int) -> AsyncIterator["asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]"]:
    came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *pair: came.put_nowait(pair), "127.0.0.1", port)
    try:
        yield came
    finally:
        server.close()
        while not came.empty():
            came.get_nowait()[1].transport.abort()


@asynccontextmanager
async def shown(loaded: LoadedSite, framing: str = "length") -> AsyncIterator[tuple[PhysicalStation, Gateway, Any]]:
    """A cabinet that has connected to us; its station stands still unless it is moved."""
    stations = build_stations(loaded, START)
    port = loaded.site.stations[0].devices[0].port
    async with gateway(port) as came:
        ((face, _),) = build_faces(loaded.bind(), stations)
        await face.start()
        try:
            async with asyncio.timeout(10.0):
                reader, writer = await came.get()
            yield stations["S1"], Gateway(reader, writer, framing), face
            writer.transport.abort()
        finally:
            await face.stop()


def by_door(report: dict[str, Any]) -> dict[tuple[str, str | None], Any]:
    return {(entry["id"], entry.get("doorId")): entry["value"] for entry in report["attrList"]}


@pytest.mark.parametrize(("framing", "more"), [("length", 0), ("newline", 10)])
async def test_a_cabinet_logs_in_and_reports_in_full_what_the_station_is(
    tmp_path: Path, framing: str, more: int
) -> None:
    async with shown(site(tmp_path, free_port(), framing, dev_id="CAB-9"), framing) as (station, here, _):
        login = await here.said()
        assert login["msgType"] == 100 + more
        assert login["devId"] == "CAB-9"
        assert {"imsi", "hardVersion", "softVersion", "protocolVersion"} <= set(login)
        here.answer(login)
        report = await here.said()
        assert (report["msgType"], report["isFull"]) == (300 + more, 1)
        assert len(str(report["txnNo"])) == 13
        values = by_door(report)
        if framing == "length":
            assert {type(value) for value in values.values()} == {str}
        for slot in (1, 2, 3, 4):
            door = str(slot)
            assert str(values["02140001", door]) == str(int(bool(station.value("occupied", slot))))
            soc = station.value("soc", slot)
            if soc is None:
                assert values["02109001", door] in {"", None}
            else:
                assert float(values["02109001", door]) == pytest.approx(100.0 * float(soc), abs=1e-3)
                assert values["02106001", door] == station.value("pack_id", slot)
        assert float(values["02120001", None]) == pytest.approx(float(station.value("energy_wh") or 0.0) / 1000.0)


async def test_after_a_full_report_come_changes_only(tmp_path: Path) -> None:
    async with shown(site(tmp_path, free_port())) as (station, here, face):
        here.answer(await here.said())
        full = by_door(await here.said())
        station.advance(START + 30.0)
        await face.publish()
        report = await here.said()
        changed = by_door(report)
        assert report["isFull"] == 0
        assert 0 < len(changed) < len(full)
        assert all(full[key] != value for key, value in changed.items())
        station.advance(START + 61.0)
        await face.publish()
        assert (await here.said())["isFull"] == 1


async def test_commands_reach_the_station_and_are_reported(tmp_path: Path) -> None:
    async with shown(site(tmp_path, free_port())) as (station, here, _):
        here.answer(await here.said())
        await here.said()
        for value, door, result, enabled in (
            ("06", "2", 1, False),
            ("07", "2", 1, True),
            ("07", "9", 0, True),
            ("11", "2", 0, True),
        ):
            here.send(
                msgType=500, txnNo=7, devId="S1-d", paramList=[{"id": "02301001", "value": value, "doorId": door}]
            )
            reply = await here.said()
            assert (reply["msgType"], reply["txnNo"], reply["result"]) == (501, 7, result)
            assert station.value("enabled", 2) is enabled
            if result:
                assert by_door(await here.said())["02118001", "2"] == str(int(enabled))


async def test_a_refused_login_is_tried_again(tmp_path: Path) -> None:
    loaded = site(tmp_path, free_port())
    async with gateway(loaded.site.stations[0].devices[0].port) as came, serving(loaded):
        for result in (0, 1):
            async with asyncio.timeout(15.0):
                here = Gateway(*await came.get(), "length")
            here.answer(await here.said(), result)
            if result:
                assert (await here.said())["msgType"] == 300
            else:
                assert await here.reader.read() == b""
            here.writer.transport.abort()


@pytest.mark.parametrize("framing", ["length", "newline"])
async def test_our_adapter_sees_what_the_station_is_and_commands_it(tmp_path: Path, framing: str) -> None:
    loaded = site(tmp_path, free_port(), framing)
    (bound,) = loaded.bind()
    adapter = build(bound, RealClock(), writable=True)
    assert isinstance(adapter, WritableTowerAdapter)
    desk = Desk(bound)
    async with running(adapter, desk), serving(loaded):
        await desk.until(lambda: len(desk.latest) == len(bound.points))
        assert desk.link.state is LinkState.CONNECTED
        for point in bound.points:
            seen = desk.latest[point.path]
            assert seen.quality is Quality.GOOD or seen.reason is Reason.NOT_CONFIGURED, point.path
        assert sum(desk.value(f"S1/slot/0{slot}/occupied") or 0.0 for slot in (1, 2, 3, 4)) == 3.0
        number = next(point.number for point in bound.points if point.path == "S1/slot/02/enabled")
        assert await adapter.write(number, 0.0) == 0.0
        assert desk.value("S1/slot/02/enabled") == 0.0
        assert await adapter.write(number, 1.0) == 1.0
    assert desk.link.errors == 0


async def test_data_flow_again_after_the_emulators_return(tmp_path: Path) -> None:
    loaded = site(tmp_path, free_port())
    (bound,) = loaded.bind()
    desk = Desk(bound)
    async with running(build(bound, RealClock()), desk):
        for _ in range(2):
            async with serving(loaded):
                await desk.until(lambda: desk.value("S1/station/voltage_v") == 230.0)
            await desk.until(lambda: desk.reason("S1/station/voltage_v") is Reason.NO_COMMUNICATION)
    assert desk.link.reconnects == 1
