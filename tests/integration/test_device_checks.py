"""What a real device on the real protocol shows of itself: lost and doubled reports, and a clock that is wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml

from adapters.registry import build
from adapters.supervisor import supervise
from config.clock import Clock, RealClock
from config.loader import BUNDLED, LoadedSite
from gateway.image import Image
from simulators.broker import EmbeddedBroker
from simulators.face import Face
from simulators.serve import build_faces, build_stations
from simulators.station import PhysicalStation
from tests.support.emulators import one_station
from tests.support.programs import free_ports

TOPIC = "swap/v1/test/S1/state"


def cabinet(folder: Path, port: int, **device: Any) -> LoadedSite:
    """The MQTT cabinet, whose heartbeat is marked as a counter of its reports."""
    profile = yaml.safe_load((BUNDLED / "profiles" / "mqtt-swap-cabinet.yaml").read_text())
    beat = next(point for point in profile["points"] if point["signal"] == "heartbeat")
    beat["sequence"] = {"step": 1}
    (folder / "counting.yaml").write_text(yaml.safe_dump(profile))
    url = f"mqtt://127.0.0.1:{port}"
    return one_station(folder, [{"id": "cabinet", "profile": "counting.yaml", "url": url} | device], broker="external")


class Rig:
    """An emulated device that a test steps, and the gateway's adapter and image at the other end of a broker."""

    def __init__(self, loaded: LoadedSite, clock: Clock) -> None:
        self.clock = clock
        self.ahead_s = 0.0
        bound = loaded.bind()
        self.time = clock.now()
        stations = build_stations(loaded, self.time)
        self.station: PhysicalStation = stations["S1"]
        ((self.face, _),) = build_faces(bound, stations)
        self.image = Image(bound, clock)
        (self.sink,) = self.image.sinks
        self.beat = next(p.number for p in self.image.points if p.point.signal == "heartbeat")

    def report(self, step_s: float = 1.0) -> Face:
        """A step of the device; the caller publishes it, or not."""
        self.time = max(self.clock.now() + self.ahead_s, self.time + step_s)
        self.station.advance(self.time)
        return self.face

    async def seen(self) -> None:
        """Wait until the image has the latest heartbeat."""
        wanted = float(self.station.value("heartbeat") or 0)
        await until(lambda: self.image.value[self.beat] == wanted)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not holds():
            await RealClock().sleep(0.01)


@asynccontextmanager
async def rig(folder: Path, **device: Any) -> AsyncIterator[tuple[Rig, int]]:
    (port,) = free_ports(1)
    broker = EmbeddedBroker("127.0.0.1", port, "test")
    await broker.start()
    loaded = cabinet(folder, port, **device)
    made = Rig(loaded, RealClock())
    (bound,) = loaded.bind()
    await made.face.start()
    task = asyncio.create_task(supervise(build(bound, made.clock), made.sink, made.clock))
    try:
        await until(lambda: made.sink.link.state.value == "connected")
        yield made, port
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await made.face.stop()
        await broker.stop()


async def test_reports_that_are_lost_or_doubled_on_the_way_are_counted_exactly_and_no_others(tmp_path: Path) -> None:
    async with rig(tmp_path) as (device, port):
        for _ in range(5):
            await device.report().publish()
            await device.seen()
        assert (device.sink.link.gaps, device.sink.link.repeats) == (0, 0)
        for _ in range(3):
            device.report()  # made, but lost on the way
        await device.report().publish()
        await device.seen()
        assert (device.sink.link.gaps, device.sink.link.repeats) == (3, 0)

        received: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        echo = paho.Client(paho.CallbackAPIVersion.VERSION2)
        echo.on_message = lambda _client, _data, message: loop.call_soon_threadsafe(
            received.put_nowait, message.payload
        )
        await asyncio.to_thread(echo.connect, "127.0.0.1", port)
        echo.loop_start()
        echo.subscribe(TOPIC)
        payload = await asyncio.wait_for(received.get(), 10.0)  # the retained one: the latest report
        echo.publish(TOPIC, payload)
        await until(lambda: device.sink.link.repeats == 1)
        echo.disconnect()
        await asyncio.to_thread(echo.loop_stop)
        await device.report().publish()
        await device.seen()
        assert (device.sink.link.gaps, device.sink.link.repeats) == (3, 1)


@pytest.mark.parametrize("correct", [False, True])
async def test_a_device_with_a_wrong_clock_is_flagged_or_corrected_but_never_fresh_by_its_own_word(
    tmp_path: Path, correct: bool
) -> None:
    async with rig(tmp_path, correct_clock=correct, interval_s=0.1) as (device, _):
        device.ahead_s = 86_400.0
        while "s ahead" not in device.sink.link.clock_detail:
            await device.report(0.1).publish()
            await device.seen()
            await until(lambda: device.clock.now() + device.ahead_s > device.time + 0.1)
        assert device.sink.link.clock_skew_s == pytest.approx(86_400.0, abs=1.0)
        assert ("corrected" in device.sink.link.clock_detail) == correct
        await device.report(0.1).publish()
        await device.seen()
        ahead_s = device.image.source_time[device.beat] - device.clock.now()
        assert ahead_s == pytest.approx(0.0 if correct else 86_400.0, abs=1.5)
        assert device.image.as_of(slice(device.beat, device.beat + 1))[0] <= device.clock.now()
