"""Chromium against the gateway's own server, fed by the test."""

import asyncio
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import world
from playwright.sync_api import Page

from config.clock import RealClock
from gateway.api import create_app
from gateway.history import History
from gateway.hub import Hub
from gateway.server import Server, listen
from gateway.stream import Stream
from gateway.ui import STATIC

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "gateway" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    why = None
    if CHROMIUM is None:
        why = "Chromium is not installed (Debian: apt install chromium)"
    elif not (STATIC / "index.html").is_file():
        why = "the web app is not built (pip install -e . builds it where npm or the network is there)"
    for item in here:
        item.add_marker(pytest.mark.browser)
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "UTC"}


class Bench:
    """The gateway's own server, API, hub and stream in a thread; the test publishes what stations would."""

    def __init__(self, port: int = 0) -> None:
        self.clock = RealClock()
        self.hub = Hub(self.clock)
        self.url = ""
        self._port = port
        self._serving: Future[asyncio.AbstractEventLoop] = Future()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def _serve(self) -> None:
        async def history(path: str, start: float, end: float, buckets: int) -> History:
            return world.history(end)

        stream = Stream(self.hub, self.clock, version="test")
        app = create_app(
            self.hub,
            clock=self.clock,
            stream=stream,
            history=history,
            health=world.health,
            ready=lambda: True,
            loopback=True,
            version="test",
        )
        server = Server(app, await listen("127.0.0.1", self._port), self.clock, drain=stream.drain)
        self.url = server.url
        running = asyncio.create_task(server.run())
        self._serving.set_result(asyncio.get_running_loop())
        await self._stop.wait()
        running.cancel()
        await asyncio.wait([running])

    def start(self) -> "Bench":
        self._thread.start()
        self._serving.result(10)
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._serving.result(0).call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def publish(self, topic: str, updates: dict[str, Any], delete: Iterable[str] = ()) -> None:
        """Publish on the server's own loop, and come back when that is done."""
        done: Future[int] = Future()
        work = lambda: done.set_result(self.hub.publish(topic, updates, delete))  # noqa: E731
        self._serving.result(0).call_soon_threadsafe(work)
        done.result(5)

    def publish_station(self, index: int, **changes: Any) -> None:
        """Publish a station's new summary, where the network page and its own page read it."""
        fields = world.summary(index, self.clock.now(), **changes)
        self.publish("stations", {fields["id"]: fields})
        self.publish(f"station/{fields['id']}", {"station": fields})

    def publish_slot(self, index: int, number: int, **changes: Any) -> None:
        fields = world.slot(number, self.clock.now(), **changes)
        self.publish(f"station/S{index + 1:03d}", {f"slot/{number:02d}": fields})

    def publish_network(self) -> None:
        now = self.clock.now()
        for index in range(len(world.NAMES)):
            self.publish_station(index)
            for number in range(1, 11):
                self.publish_slot(index, number)
            self.publish(f"forecast/S{index + 1:03d}", {"forecast": world.forecast(index, now)})
            device = world.device(index, now)
            self.publish("devices", {device["id"]: device})


@pytest.fixture
def bench() -> Iterator[Bench]:
    running = Bench().start()
    running.publish_network()
    yield running
    running.stop()


@pytest.fixture
def addresses(page: Page) -> list[str]:
    """Every address that the page asked for, so that a test can show that none was foreign."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """A page that must not throw while a test looks at it."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not errors


def choose(page: Page, **choices: str) -> None:
    """What a user has chosen in the header's menu or on the map, before the page is opened: theme, language, zone …"""
    for name, value in choices.items():
        page.add_init_script(f"localStorage.setItem('swaptwin.{name}', '{value}')")
