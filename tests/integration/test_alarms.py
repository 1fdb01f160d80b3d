"""Alarms of a live emulated site, over REST and the stream, through what operators do and through a restart."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from websockets.asyncio.client import ClientConnection, connect

from config.clock import RealClock
from config.loader import LoadedSite, load_site
from gateway.service import run
from tests.support.emulators import serving
from tests.support.programs import free_ports, program

Json = Any
FAULT = "S1.slot.01.charger_fault"
AWAY = "S1.cabinet.device_away"


def site(folder: Path, **alarms: Json) -> LoadedSite:
    gateway, device = free_ports(2)
    described = {
        "site": "test",
        "name": "Test",
        "timezone": "Asia/Kolkata",
        "gateway": {"port": gateway, "data": str(folder / "data"), "replicas": 10},
        "emulation": {"truth_port": 0},
        "alarms": {
            "device_away": {"on_delay_s": 1, "off_delay_s": 0},
            "charger_fault": {"on_delay_s": 0, "off_delay_s": 0.5},
        }
        | alarms,
        "stations": [
            {
                "id": "S1",
                "name": "One",
                "latitude": 0,
                "longitude": 0,
                "slots": 4,
                "grid_limit_w": 4000,
                "devices": [{"id": "cabinet", "profile": "modbus-swap-cabinet", "url": f"modbus://127.0.0.1:{device}"}],
                "emulation": {"packs": 4, "seed": 1},
            }
        ],
    }
    file = folder / "site.yaml"
    file.write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return load_site(file)


@asynccontextmanager
async def gateway(loaded: LoadedSite) -> AsyncIterator[str]:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(run(loaded, RealClock(), emulated=True, on_ready=ready.set_result))
    try:
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield f"{ready.result()}/api/v1"
    finally:
        task.cancel()
        async with asyncio.timeout(15.0):
            await asyncio.wait([task])
    assert task.cancelled()


async def ask(url: str, body: Json = None, method: str | None = None) -> tuple[int, Json]:
    def once() -> tuple[int, Json]:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10.0) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text[:1] in b"[{" else text.decode()
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return await asyncio.to_thread(once)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():
            await RealClock().sleep(0.05)


async def shown(api: str) -> dict[str, Json]:
    return {alarm["id"]: alarm for alarm in (await ask(f"{api}/alarms"))[1]}


async def shows(api: str, name: str, state: str | None) -> None:
    async def holds() -> bool:
        found = (await shown(api)).get(name)
        return (found["state"] if found else None) == state

    await until(holds)


async def inject(truth: str, **order: Json) -> str:
    status, made = await ask(truth.removesuffix("/truth") + "/faults", order)
    assert status == 201, made
    return str(made["id"])


async def end(truth: str, fault: str) -> None:
    status, _ = await ask(f"{truth.removesuffix('/truth')}/faults/{fault}", method="DELETE")
    assert status == 200


async def good(api: str) -> None:
    async def holds() -> bool:
        return bool((await ask(f"{api}/stations/S1"))[1]["quality"] == "good")

    await until(holds)


class Follower:
    """A client of the topic ``alarms``: what it holds, and the events that it was sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.state: dict[str, Json] = {}
        self.events: list[Json] = []
        self.numbers: list[int] = []

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(20.0):
            while not holds():
                frame = json.loads(await self._connection.recv())
                match frame["t"]:
                    case "snap":
                        self.state = frame["data"]
                    case "delta":
                        for key, fields in frame["set"].items():
                            self.state.setdefault(key, {}).update(fields)
                        for key in frame["del"]:
                            self.state.pop(key, None)
                    case "event":
                        self.events.append(frame["ev"])
                        self.numbers.append(frame["seq"])


@asynccontextmanager
async def follower(api: str, topic: str = "alarms") -> AsyncIterator[Follower]:
    async with connect(f"{api.replace('http', 'ws')}/stream", subprotocols=["swap.v1.json"]) as connection:  # type: ignore[list-item]
        await connection.send(json.dumps({"t": "sub", "id": 1, "topic": topic}))
        yield Follower(connection)


async def test_an_alarm_from_the_device_to_the_operator_and_back(tmp_path: Path) -> None:
    loaded = site(tmp_path)
    async with serving(loaded) as truth, gateway(loaded) as api, follower(api) as client:
        await good(api)
        fault = await inject(truth, fault="charger_fault", target="S1", slots="1")
        await client.until(lambda: FAULT in client.state)
        alarm = client.state[FAULT]
        assert (alarm["state"], alarm["active"], alarm["priority"]) == ("unacknowledged", True, 2)
        assert alarm["title"] == "Charger of slot 1 has failed"
        assert alarm["text_values"] == {"station": "S1", "slot": 1}
        assert all(alarm[text] for text in ("cause", "consequence", "action"))

        _, metrics = await ask(api.replace("/api/v1", "/metrics"))
        assert "\nswaptwin_alarms_active_priority_2 1.0\n" in metrics
        foreign = urllib.request.Request(
            f"{api}/alarms/{FAULT}/acknowledge", b"{}", {"Origin": "http://evil.example"}, method="POST"
        )
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await asyncio.to_thread(urllib.request.urlopen, foreign, timeout=10.0)

        status, answer = await ask(f"{api}/alarms/{FAULT}/acknowledge", {"by": "ana", "comment": "on my way"})
        assert (status, answer["state"], answer["acked_by"]) == (200, "acknowledged", "ana")
        status, answer = await ask(f"{api}/alarms/{FAULT}/shelve", {"by": "ana", "duration_s": 600, "reason": "part"})
        assert (status, answer["state"], answer["reason"]) == (200, "shelved", "part")
        status, answer = await ask(f"{api}/alarms/{FAULT}/unshelve", {"by": "ana"})
        assert (status, answer["state"]) == (200, "unacknowledged")
        await end(truth, fault)
        await shows(api, FAULT, "returned")
        status, answer = await ask(f"{api}/alarms/acknowledge", {"by": "ana", "ids": [FAULT, "S1.slot.09.smoke"]})
        assert (status, answer["acknowledged"]) == (200, [FAULT])
        assert answer["refused"][0]["code"] == "unknown_alarm"
        await shows(api, FAULT, None)

        changes = ["raised", "acknowledged", "shelved", "unshelved", "returned", "acknowledged"]
        await client.until(lambda: len([each for each in client.events if each["id"] == FAULT]) == len(changes))
        assert [each["change"] for each in client.events if each["id"] == FAULT] == changes
        assert client.numbers == list(range(client.numbers[0], client.numbers[0] + len(client.numbers)))
        _, lines = await ask(f"{api}/alarms/journal?station=S1")
        assert [line["change"] for line in reversed(lines) if line["id"] == FAULT] == changes
        _, text = await ask(f"{api}/alarms/journal?format=csv")
        assert text.startswith("# EMULATED\r\nseq,time,id,station,condition,priority,change,state,by,comment,value\r\n")
        assert "+05:30,S1.slot.01.charger_fault" in text
        _, said = await ask(f"{api}/alarms/measures?hours=1")
        assert said["raised"] >= 1
        assert said["top"][0]["id"] == FAULT or said["by_priority"]["2"] >= 1


async def test_a_device_that_goes_away_is_one_alarm_and_hides_those_of_its_slots(tmp_path: Path) -> None:
    loaded = site(tmp_path)
    async with serving(loaded) as truth, gateway(loaded) as api:
        await good(api)
        await inject(truth, fault="charger_fault", target="S1", slots="1-4")
        await shows(api, FAULT, "unacknowledged")
        cut = await inject(truth, fault="comm_loss", target="S1/cabinet")
        await shows(api, AWAY, "unacknowledged")
        alarms = await shown(api)
        assert {each["state"] for name, each in alarms.items() if name.endswith("charger_fault")} == {"suppressed"}
        told = [name for name, each in alarms.items() if each["state"] == "unacknowledged"]
        assert [name for name in told if alarms[name]["group"] not in ("forecast", "twin")] == [AWAY]
        await end(truth, cut)
        await shows(api, FAULT, "unacknowledged")
        assert (await shown(api))[AWAY]["state"] == "returned"


async def test_the_state_survives_a_kill_and_a_restart_is_no_flood(tmp_path: Path) -> None:
    loaded = site(tmp_path)
    async with serving(loaded) as truth:
        with program("run", loaded.file) as running:
            running.wait_for("gateway serves", 60.0)
            api = f"http://127.0.0.1:{loaded.site.gateway.port}/api/v1"
            await good(api)
            await inject(truth, fault="charger_fault", target="S1", slots="1,2")
            await shows(api, FAULT, "unacknowledged")
            await shows(api, FAULT.replace("01", "02"), "unacknowledged")
            assert (await ask(f"{api}/alarms/{FAULT}/acknowledge", {"by": "ana"}))[0] == 200
            running.signal(signal.SIGKILL)
            running.wait(20.0)
        async with gateway(loaded) as api:
            alarms = await shown(api)
            assert (alarms[FAULT]["state"], alarms[FAULT]["acked_by"]) == ("acknowledged", "ana")
            assert alarms[FAULT.replace("01", "02")]["state"] == "unacknowledged"
            _, before = await ask(f"{api}/alarms/journal")
            await good(api)
            # A later fault has its alarm: by then those before would have been raised anew, had they been forgotten.
            third = FAULT.replace("01", "03")
            await inject(truth, fault="charger_fault", target="S1", slots="3")
            await shows(api, third, "unacknowledged")
            _, after = await ask(f"{api}/alarms/journal")
            new = [line["id"] for line in after if line["seq"] > before[0]["seq"] and "charger" in line["id"]]
            assert new == [third]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("S1.slot.01.charger_falt/acknowledge", {"by": "ana"}, 404, "unknown_alarm"),
        (f"{FAULT}/acknowledge", {"by": "ana"}, 409, "wrong_state"),
        (f"{FAULT}/acknowledge", {"by": " "}, 422, "invalid"),
        (f"{FAULT}/acknowledge", {"by": "ana", "reason": "x"}, 422, "invalid"),
        (f"{FAULT}/shelve", {"by": "ana", "duration_s": 0, "reason": "x"}, 422, "invalid"),
        (f"{FAULT}/shelve", {"by": "ana", "duration_s": 1e9, "reason": "x"}, 422, "invalid"),
        (f"{FAULT}/shelve", {"by": "ana", "duration_s": 60}, 422, "invalid"),
        (f"{FAULT}/in_service", {"by": "ana"}, 409, "wrong_state"),
        ("acknowledge", {"by": "ana", "ids": []}, 422, "invalid"),
    ],
)
async def test_wrong_orders_are_refused_with_a_reason(
    tmp_path: Path, path: str, body: Json, status: int, code: str
) -> None:
    async with gateway(site(tmp_path)) as api:
        answered, said = await ask(f"{api}/alarms/{path}", body)
        assert (answered, said["error"]["code"]) == (status, code)
        assert said["error"]["message"]
        assert said["error"]["remedy"]
