"""The forecast service: first forecast, a round of many stations, the event loop meanwhile.

The first table wants a warm cache of the compiled model: the benchmarks before it, or a first run, see to that.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import replace

from benchmarks.report import Cell, Table, quantile
from benchmarks.stations import case_at
from config.clock import RealClock
from config.loader import LoadedSite, bundled_site, load_site
from gateway.ensembles import Ensembles
from gateway.forecast_object import Basis, live, prepare
from gateway.forecast_runner import LOOK_S, SOON_S, ForecastRunner
from twin.case import Case

STATIONS = (10, 100, 1000)
REPLICAS = 200
ROUNDS = 5
PACE_S = 0.002
"""Between two looks at the event loop."""
LATENESS_S = 8.0
PER_HOUR = (4.0, 6.0, 8.0, 10.0)
FIRST = """
import time
begun = time.perf_counter()
import asyncio
from benchmarks.forecast_service import first
started = time.perf_counter()
print(started - begun, asyncio.run(first()))
"""


def cases(count: int) -> list[Case]:
    """Stations of the reference kind, each at a moment of its own."""
    kinds = [case_at(per_hour, seed=seed) for seed in range(5) for per_hour in PER_HOUR]
    return [kinds[number % len(kinds)] for number in range(count)]


def site_of(count: int, interval_s: float) -> LoadedSite:
    """The demo's first station, so many times."""
    loaded = load_site(bundled_site("demo"))
    stations = tuple(loaded.site.stations[0].model_copy(update={"id": f"S{number:04d}"}) for number in range(count))
    gateway = loaded.site.gateway.model_copy(update={"replicas": REPLICAS, "forecast_interval_s": interval_s})
    site = loaded.site.model_copy(update={"stations": stations, "gateway": gateway})
    return replace(loaded, site=site)


class Service:
    """A forecast runner over given cases; counts what it makes."""

    def __init__(self, count: int, interval_s: float, target: float = 0.1) -> None:
        self.clock = clock = RealClock()
        loaded = site_of(count, interval_s)
        loaded = replace(loaded, site=loaded.site.model_copy(update={"target_stockout_60min": target}))
        bases = {
            station.id: Basis(case, "ensemble/stated-demand", "good", None, case.now, 0.002)
            for station, case in zip(loaded.site.stations, cases(count), strict=True)
        }
        self.made = 0
        self.whole = asyncio.Event()
        self._count = count
        self.runner = ForecastRunner(loaded, clock, Ensembles(clock, prepare), bases.get, self._take)

    def _take(self, station: str, made: object) -> None:
        self.made += 1
        if self.made >= self._count:
            self.whole.set()


async def first() -> float:
    """Seconds from the start of a service to its first forecast."""
    service = Service(1, 30.0)
    begun = time.perf_counter()
    task = asyncio.ensure_future(service.runner.run())
    await service.whole.wait()
    seconds = time.perf_counter() - begun
    task.cancel()
    await asyncio.wait([task])
    return seconds


async def whole_round(count: int, target: float) -> float:
    """Seconds for a forecast of every station, the model being there."""
    service = Service(count, 3600.0, target)
    task = asyncio.ensure_future(service.runner.run())
    await service.whole.wait()
    await service.clock.sleep(SOON_S)
    begun, service.made = time.perf_counter(), 0
    service.whole.clear()
    for number in range(count):
        service.runner.hurry(f"S{number:04d}")
    await service.whole.wait()
    seconds = time.perf_counter() - begun
    task.cancel()
    await asyncio.wait([task])
    return seconds


def ensembles_alone(count: int) -> float:
    """Seconds for the futures of so many stations in one thread, as the service has it, and nothing else."""
    listed = cases(count)
    begun = time.perf_counter()
    for case in listed:
        live(case, REPLICAS, 1)
    return time.perf_counter() - begun


async def lateness(busy: bool) -> tuple[list[float], int]:
    """How late the loop wakes a paced sleeper, while 100 stations are forecast again and again or at rest."""
    service = Service(100, 0.5, target=1.0)
    task = asyncio.ensure_future(service.runner.run()) if busy else None
    if busy:
        await service.whole.wait()
    loop = asyncio.get_running_loop()
    late: list[float] = []
    end, made = loop.time() + LATENESS_S, service.made
    while loop.time() < end:
        due = loop.time() + PACE_S
        await asyncio.sleep(PACE_S)  # noqa: TID251 - what is measured is the loop's own timer
        late.append(max(loop.time() - due, 0.0))
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
    return late, service.made - made


async def run() -> list[Table]:
    """All of it, one after the other."""
    return [_first_table(), await _round_table(), await _lateness_table()]


def _first_table() -> Table:
    figures = []
    for _ in range(ROUNDS):
        said = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True).stdout
        figures.append([float(each) for each in said.splitlines()[-1].split()])
    imports, seconds = ([figure[column] for figure in figures] for column in (0, 1))
    return Table(
        "First forecast after the start of the service, warm cache (fresh processes)",
        ["", "median s", "worst s"],
        [
            ["start of the service to the first forecast", statistics.median(seconds), max(seconds)],
            ["interpreter's imports before it", statistics.median(imports), max(imports)],
        ],
    )


async def _round_table() -> Table:
    rows: list[list[Cell]] = []
    for count in STATIONS:
        rounds = ROUNDS if count < 1000 else 2
        alone = [await asyncio.to_thread(ensembles_alone, count) for _ in range(rounds)]
        plain = [await whole_round(count, 1.0) for _ in range(rounds)]
        advised = [await whole_round(count, 0.1) for _ in range(rounds)]
        rows.append([count, min(alone), statistics.median(alone), statistics.median(plain), statistics.median(advised)])
    return Table(
        f"A forecast of every station: {REPLICAS} futures of 2 h, one thread (seconds)",
        ["stations", "futures alone, best", "median", "+ ETA, drivers, objects", "+ advice where due"],
        rows,
        [
            f"Reference stations of 20 slots with {', '.join(f'{each:.0f}' for each in PER_HOUR)} riders an hour.",
            f"The service looks for stations that are due every {1000 * LOOK_S:.0f} ms: that is in its figures.",
        ],
    )


async def _lateness_table() -> Table:
    rows: list[list[Cell]] = []
    for name, busy in (("at rest", False), ("forecasting 100 stations without pause", True)):
        late, made = await lateness(busy)
        milliseconds = [1000.0 * each for each in late]
        rows.append([name, len(late), *(quantile(milliseconds, share) for share in (0.5, 0.99, 1.0)), made])
    return Table(
        "Lateness of the event loop (ms)",
        ["", "looks", "p50", "p99", "worst", "forecasts"],
        rows,
        [f"A sleeper of {1000 * PACE_S:.0f} ms on uvloop, whose timers count whole milliseconds."],
    )
