"""Ground truth of the emulated stations, for scoring only: the gateway never reads it."""

import contextlib
from collections.abc import Generator, Iterable, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from simulators.faults.engine import Faults
from simulators.faults.rest import fault_routes
from simulators.listen import bind
from simulators.station import PhysicalStation

HOST = "127.0.0.1"
OF_SLOTS = (
    "enabled",
    "door_open",
    "locked",
    "charger_state",
    "power_w",
    "voltage_v",
    "current_a",
    "energy_wh",
    "soh",
    "cycle_count",
    "capacity_wh",
)
"""Signals that are told as the station has them; faults of devices are in what the devices say, not here."""


def truth_of(station: PhysicalStation) -> dict[str, object]:
    """A station's inner state. Item ``i`` of a list is slot ``i + 1``."""
    return {
        "time": station.time,
        "ready": station.ready,
        "occupied": [slot.pack is not None for slot in station.slots],
        "soc": [slot.pack.soc if slot.pack else None for slot in station.slots],
        "temperature_c": [slot.pack.temperature_c if slot.pack else None for slot in station.slots],
        "queue": station.queue,
        "swaps": station.swaps,
        "lost": station.lost,
        **{signal: [station.value(signal, slot.number) for slot in station.slots] for signal in OF_SLOTS},
    }


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals belong to the process that runs the emulators."""
        yield


class TruthServer:
    """``GET /truth`` and the control of faults under ``/faults``, on loopback."""

    def __init__(self, stations: Mapping[str, PhysicalStation], port: int, key: str, faults: Faults) -> None:
        """Raises ``ListenError`` (naming ``key``) where the port cannot be had; 0 takes any free one."""
        self._socket = bind(key, HOST, port)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}/truth"

        async def truth(_: Request) -> JSONResponse:
            return JSONResponse({name: truth_of(station) for name, station in stations.items()})

        self._app = Starlette(routes=[Route("/truth", truth), *fault_routes(faults)])
        self._server = _Server(
            uvicorn.Config(self._app, log_level="warning", access_log=False, lifespan="off", ws="none")
        )

    def add_routes(self, routes: Iterable[Route]) -> None:
        """Serve these too."""
        self._app.router.routes.extend(routes)

    async def run(self) -> None:
        """Serve until cancelled or stopped."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Let ``run`` end."""
        self._server.should_exit = True
