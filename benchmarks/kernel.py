"""The compiled kernel beside the SimPy reference: per replica, for 100 stations at once, and against their number.

``python -m benchmarks.kernel``: prints a table. Processor time decides the ratio, because both engines take turns on
the same machine; wall time is given where threads are used.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter, process_time

import numpy as np

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


def ratio(hours: float) -> None:
    """Both engines in turns; medians of processor time per replica."""
    spent: dict[Engine, list[float]] = {"kernel": [], "simpy": []}
    for seed in range(ROUNDS):
        for engine, times in spent.items():
            begun = process_time()
            live(engine, hours, REPLICAS[engine], seed)
            times.append((process_time() - begun) / REPLICAS[engine])
    fast, slow = median(spent["kernel"]), median(spent["simpy"])
    print(f"{hours:.0f} h: SimPy {1e3 * slow:.2f} ms, kernel {1e6 * fast:.1f} us a replica: {slow / fast:.0f} times")


def fleet(stations: int, threads: int) -> float:
    """Wall seconds for 200 replicas x 2 h at each station."""
    begun = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda seed: live("kernel", 2.0, 200, seed), range(stations)))
    return perf_counter() - begun


def first_forecast() -> float:
    """Wall seconds of a fresh process that imports the kernel and makes one forecast."""
    begun = perf_counter()
    subprocess.run([sys.executable, "-c", "from benchmarks.kernel import live; live('kernel', 2.0, 200)"], check=True)
    return perf_counter() - begun


def main() -> None:
    kernel.warm()
    for hours in (6.0, 2.0):
        ratio(hours)
    print(f"100 stations x 200 replicas x 2 h, two threads: {median(fleet(100, 2) for _ in range(5)):.2f} s")
    for stations in (1, 10, 100, 1_000):
        print(f"{stations:5d} stations, one thread: {1e3 * fleet(stations, 1) / stations:.2f} ms a station")
    print(f"first forecast of a fresh process, cache warm: {median(first_forecast() for _ in range(3)):.2f} s")


if __name__ == "__main__":
    main()
