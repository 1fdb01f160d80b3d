"""The compiled kernel beside the SimPy reference: per replica, for 100 stations at once, and against their number.

Processor time decides the ratio, because both engines take turns on the same machine; wall time is given where threads
are used.
"""

from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter, process_time

import numpy as np

from benchmarks.report import Cell, Table
from twin import kernel
from twin.demand import Intensity
from twin.futures import Engine, futures
from twin.spec import PackSpec, SlotPhase, StationSpec, StationState, ThermalSpec

HOUR_S = 3600.0
RATES = (8.0, 12.0, 20.0, 24.0, 16.0, 10.0)
REPLICAS = {"kernel": 2_000, "simpy": 40}
ROUNDS = 7

BSS_20 = StationSpec(
    slots=20,
    bays=2,
    grid_limit_w=16_000.0 / 0.94,
    swap_s=90.0,
    pack=PackSpec(1500.0, 1.02, 720.0),
    thermal=ThermalSpec(ambient_c=30.0),
    returned_temperature_c=(36.0, 46.0),
)


def state() -> StationState:
    """Twelve full packs, eight that charge."""
    return StationState(
        time=0.0,
        phase=np.array([SlotPhase.DONE] * 12 + [SlotPhase.CHARGING] * 8, dtype=np.int8),
        soc=np.concatenate([np.full(12, BSS_20.full_soc), 0.2 + 0.75 * np.random.default_rng(0).random(8)]),
        temperature_c=np.full(20, 30.0),
        derated=np.zeros(20, dtype=np.bool_),
        cooling_until=np.full(20, np.inf),
        bay_until=np.full(2, np.inf),
        bay_slot=np.zeros(2, dtype=np.int64),
    )


def live(engine: Engine, hours: float, replicas: int, seed: int = 1) -> None:
    """Futures of the reference station, with 15 riders an hour."""
    demand = Intensity(0.0, HOUR_S, np.array(RATES) / HOUR_S)
    futures(
        BSS_20, state(), demand, replicas=replicas, seed=seed, horizon_s=hours * HOUR_S, step_s=600.0, engine=engine
    )


def ratio(hours: float) -> list[Cell]:
    """Both engines in turns; medians of processor time per replica."""
    spent: dict[Engine, list[float]] = {"kernel": [], "simpy": []}
    for seed in range(ROUNDS):
        for engine, times in spent.items():
            begun = process_time()
            live(engine, hours, REPLICAS[engine], seed)
            times.append((process_time() - begun) / REPLICAS[engine])
    fast, slow = median(spent["kernel"]), median(spent["simpy"])
    each = [one / other for one, other in zip(spent["simpy"], spent["kernel"], strict=True)]
    return [f"{hours:.0f} h", 1e3 * slow, 1e6 * fast, slow / fast, min(each), max(each)]


def fleet(stations: int, threads: int) -> float:
    """Wall seconds for 200 replicas x 2 h at each station."""
    begun = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda seed: live("kernel", 2.0, 200, seed), range(stations)))
    return perf_counter() - begun


async def run() -> list[Table]:
    """The ratio of both engines, and what a fleet costs."""
    kernel.warm()
    hundred = [fleet(100, 2) for _ in range(ROUNDS)]
    counts = [[count, seconds := fleet(count, 1), 1e3 * seconds / count] for count in (1, 10, 100, 1_000)]
    return [
        Table(
            "Reference station of 20 slots, 15 riders an hour: processor time of one replica",
            ["replica of", "SimPy ms", "kernel us", "ratio", "least", "most"],
            [ratio(hours) for hours in (6.0, 2.0)],
            [f"Both engines in turns, {ROUNDS} rounds; medians, and the least and most ratio of a round."],
        ),
        Table(
            "200 replicas of 2 h at every station, kernel (wall time)",
            ["stations", "threads", "s", "ms a station"],
            [[count, 1, seconds, each] for count, seconds, each in counts]
            + [
                [100, 2, median(hundred), 10.0 * median(hundred)],
                ["100, best round", 2, min(hundred), 10.0 * min(hundred)],
            ],
        ),
    ]
