"""HTTP: the bench of an emulated site: its speed, its scenarios, and what is really so in its devices."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from config.clock import Clock, Paced
from gateway import schema
from gateway.answers import API, ApiError, json_answer
from gateway.emulators import asked, order_of, passed_on
from simulators.faults.rest import LOCAL

SPEEDS = (1, 2, 5, 10, 30, 60)
"""What is offered; others are taken as well."""
LEAD_S = 0.3
"""Wall seconds in which both processes have heard of another speed, before it begins."""


class SpeedOrder(BaseModel):
    """Site seconds per second on the wall."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    speed: Annotated[float, Field(ge=0.01, le=1000.0)]


class Bench:
    """What the gateway of an emulated site does of it itself."""

    def __init__(
        self, control: str, clock: Paced, repace: Callable[[], Awaitable[None]], url: Callable[[], str]
    ) -> None:
        """``control``: where the emulators take orders. ``repace`` has everything read at the pace that fits the speed.
        ``url``: the gateway's own address.
        """
        self.control, self._clock, self._repace, self._url = control, clock, repace, url
        self._turning = asyncio.Lock()

    async def change_speed(self, speed: float) -> None:
        """Let the emulators and the gateway go over to another speed at one moment. Raises ``ApiError``."""
        async with self._turning:
            if speed == self._clock.speed:
                return
            anchor = self._clock.anchored(speed, LEAD_S)
            status, content = await asked("POST", f"{self.control}/clock", orjson.dumps(asdict(anchor)))
            if status != 200:
                raise ApiError(502, "no_emulators", f"the emulators refused: {content[:200]!r}", "Start the demo anew.")
            self._clock.follow(anchor)
            await self._clock.sleep(LEAD_S)
            await self._repace()

    async def report(self) -> dict[str, Any]:
        """What the emulators say of themselves, and which speeds there are."""
        status, content = await asked("GET", f"{self.control}/bench")
        if status != 200:
            raise ApiError(502, "no_emulators", f"the emulators refused: {content[:200]!r}", "Start the demo anew.")
        said: dict[str, Any] = orjson.loads(content)
        return said | {"speeds": SPEEDS, "truth": True}

    async def start(self, order: bytes) -> Response:
        """Start a scenario, whose expectations are held against this gateway."""
        try:
            wanted = orjson.loads(order)
        except orjson.JSONDecodeError as error:
            raise ApiError(422, "invalid", f"no JSON: {error}", "Send an object with 'name' or 'yaml'.") from None
        if not isinstance(wanted, dict):
            raise ApiError(422, "invalid", "no JSON object", "Send an object with 'name' or 'yaml'.")
        url = self._url()
        # The emulators ask nobody outside of this machine; without a gateway they run a scenario and judge nothing.
        gateway = url if urlsplit(url).hostname in LOCAL else None
        return await passed_on("POST", f"{self.control}/scenarios", orjson.dumps(wanted | {"gateway": gateway}))

    async def truth(self, station: str) -> Response:
        """The inner state of a station's emulator."""
        _, content = await asked("GET", f"{self.control}/truth")
        stations = orjson.loads(content)
        if station not in stations:
            message = f"no station is called {station[:100]!r}"
            raise ApiError(404, "unknown_station", message, f"{API}/stations lists them.")
        return json_answer(stations[station])


def emulator_router(bench: Bench | None, clock: Clock) -> APIRouter:
    """The addresses of the bench; on a site with real devices there is none, and they say so."""
    router = APIRouter()
    responses: dict[int | str, dict[str, Any]] = {
        404: {"model": schema.ErrorAnswer},
        502: {"model": schema.ErrorAnswer},
    }

    def there() -> Bench:
        if bench is None:
            message = "this gateway watches devices that it does not emulate"
            raise ApiError(404, "not_emulated", message, "Only 'swaptwin demo' has a bench.")
        return bench

    @router.get(f"{API}/emulator", responses=responses)
    async def emulator() -> Response:
        """Speed, scenarios and what runs of them."""
        return json_answer(await there().report())

    @router.post(f"{API}/emulator/speed", responses=responses)
    async def speed(order: SpeedOrder) -> Response:
        """Let the site's time pass faster or slower; devices are connected anew."""
        await there().change_speed(order.speed)
        return json_answer({"speed": clock.speed, "now": clock.now()})

    @router.get(f"{API}/emulator/truth/{{station}}", responses=responses)
    async def truth(station: str) -> Response:
        """What is really so in the emulated station: for people to compare with, the twin never sees it."""
        return await there().truth(station)

    @router.post(f"{API}/emulator/scenarios", responses=responses)
    async def start(request: Request) -> Response:
        """Start a scenario by ``name``, or from its text (``yaml``), in place of the one that runs."""
        return await there().start(await order_of(request))

    @router.delete(f"{API}/emulator/scenarios", responses=responses)
    async def stop() -> Response:
        """End the scenario that runs, with all faults."""
        return await passed_on("DELETE", f"{there().control}/scenarios")

    return router
