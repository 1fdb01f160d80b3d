"""The demo: emulators in a process of their own, as real devices would be, and the gateway in this one."""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from config.clock import RealClock
from config.errors import ConfigError, ListenError
from config.loader import LoadedSite
from gateway.logs import configure
from gateway.service import run
from simulators.bench import Bench, bench_routes
from simulators.serve import Emulation, serve

STOP_S = 8.0


async def run_demo(loaded: LoadedSite, speed: float, announce: Callable[[str], None]) -> None:
    """Start the emulators, wait until all of them serve, then run the gateway until cancelled."""
    anchor = RealClock().now()
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=_emulate, args=(loaded, speed, anchor, theirs), name="swaptwin-emulators", daemon=True
    )
    child.start()
    theirs.close()
    try:
        truth_url = await _until_serving(ours)
        control = truth_url.removesuffix("/truth")
        await run(loaded, RealClock(speed, anchor), emulated=True, control=control, on_ready=announce)
    finally:
        ours.close()
        await asyncio.to_thread(child.join, STOP_S)
        if child.is_alive():
            child.kill()


async def _until_serving(pipe: Connection) -> str:
    """Wait for the emulators' word: where they tell the truth. Raises what kept them from starting."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(pipe.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(pipe.fileno())
    try:
        said = pipe.recv()
    except EOFError as error:
        raise RuntimeError("the emulators ended before they served; their messages stand above") from error
    if isinstance(said, Exception):
        raise said
    return str(said)


def _emulate(loaded: LoadedSite, speed: float, anchor: float, pipe: Connection) -> None:
    """The child process: serve until the parent closes its end of the pipe, which it also does by dying."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure()
    asyncio.run(_serve_until_closed(loaded, RealClock(speed, anchor), pipe))


async def _serve_until_closed(loaded: LoadedSite, clock: RealClock, pipe: Connection) -> None:
    def ready(emulation: Emulation) -> None:
        emulation.add_routes(bench_routes(Bench(loaded, emulation, clock)))
        pipe.send(emulation.truth_url)

    serving = asyncio.ensure_future(serve(loaded, clock, on_emulation=ready))
    asyncio.get_running_loop().add_reader(pipe.fileno(), serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return
    except (ConfigError, ListenError) as error:
        pipe.send(error)
