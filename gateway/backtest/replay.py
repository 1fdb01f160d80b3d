"""One station's recorded riders, lived through by the emulator, watched by the live twin, forecast and compared.

The forecaster sees only telemetry up to now, on the way that live telemetry takes: sinks, image, ``observe``,
``LiveTwin``, the demand learner, the ensemble. What happened is the emulator's own count of ready packs, at the
resolution of its physics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.binding import bind
from config.loader import LoadedSite
from config.site import Station
from gateway.backtest.telemetry import Telemeter, TelemetrySpec, VirtualClock
from gateway.basis import start_of
from gateway.demand_learner import StationDemand
from gateway.image import Image
from gateway.layout import layouts
from gateway.observe import observe
from simulators.riders import ListedRiders
from simulators.strides import StridingStation
from twin import scores
from twin.case import Case
from twin.demand import Intensity
from twin.futures import Futures, futures
from twin.live import LiveTwin
from twin.observation import Estimate
from twin.spec import HORIZONS_S, Floats

ORIGIN_S = 1800.0
"""Between two forecasts: 48 a day."""
BAND_STEP_S = 900.0
ORACLE_STEP_S = 300.0
"""The oracle knows how many riders come in each of these, not when."""
ORIGINS_A_DAY = 48
TRAINING_INTERVALS = 4.0
"""Telemetry comes at so many intervals while nothing is forecast: swaps and stockouts can be learned from it."""
SETTLING_S = 7200.0
"""So long before the first forecast it comes as often as later."""


@dataclass(frozen=True, slots=True)
class Job:
    """A station's replay. Times are UTC epoch seconds: training begins, test begins, no forecast from here on."""

    loaded: LoadedSite
    station: str
    arrivals: Floats
    begin: float
    test: float
    end: float
    replicas: int
    seed: int
    telemetry: TelemetrySpec


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it. Rows are forecast origins, columns horizons; ``half_hour``, ``day`` and ``weekend`` are local.

    Over all origins, training included: ``happened`` (no pack was ready at some time up to the horizon),
    ``seen_ready`` (ready packs as the twin had them), ``riders`` (in the hour before), ``folded`` (beside a clock
    change). Over test origins only: ``probability`` by model, ``ready`` (true count at each horizon), ``crps`` and
    ``pit``.
    """

    station: str
    half_hour: NDArray[np.int64]
    weekend: NDArray[np.bool_]
    day: NDArray[np.int64]
    folded: NDArray[np.bool_]
    test: NDArray[np.bool_]
    seen_ready: NDArray[np.int64]
    happened: NDArray[np.bool_]
    riders: NDArray[np.int64]
    probability: dict[str, Floats]
    ready: Floats
    crps: Floats
    pit: Floats
    arrivals: int
    swaps: int
    lost: int
    missed_reports: int


class _Watched:
    """The gateway's side: image, twin and learned demand of one station. It knows only what telemetry said."""

    def __init__(self, job: Job, station: Station) -> None:
        self.clock = VirtualClock(job.begin)
        site = job.loaded.site.model_copy(update={"stations": (station,)})
        bound = bind(site, job.loaded.profiles)
        self.image = Image(bound, self.clock)
        self._max_age_s = self.image.max_age_s.copy()
        self.layout = layouts(bound)[station.id]
        self._twin = LiveTwin(station.spec(), job.begin)
        self._demand = StationDemand(job.loaded, station)
        self.estimate: Estimate | None = None

    def hear_every(self, seconds: float) -> None:
        """Devices report at the replay's interval, whatever the site file asks of real ones."""
        np.maximum(self._max_age_s, 3.0 * seconds, out=self.image.max_age_s)

    def look(self, time: float) -> Estimate:
        """Bring image, twin and demand to a time."""
        self.clock.time = time
        self.image.sweep()
        self._twin.advance(time)
        self._twin.observe(observe(self.image, self.layout, time))
        estimate, before = self._twin.estimate(), self.estimate
        if before is not None:
            self._demand.stepped(estimate, before)
        self.estimate = estimate
        return estimate

    def case(self, estimate: Estimate, intensity: Intensity | None = None) -> Case:
        """What a forecast starts from now; with the riders that are expected, or with given ones."""
        start, lead_s, _ = start_of(self._twin.spec, estimate)
        if intensity is None:
            self._demand.show()
            intensity = self._demand.model.intensity(start.time, lead_s + HORIZONS_S[-1])
        return Case(self._twin.spec, start, intensity, lead_s)


def replay(job: Job, progress: Callable[[float], None] = lambda share: None) -> Replayed:
    """Live through training and test, and forecast at every origin of the test. ``progress`` hears the share done."""
    station = next(station for station in job.loaded.site.stations if station.id == job.station)
    rng = np.random.default_rng([job.seed, crc32(job.station.encode())])
    emulated = StridingStation(station, ListedRiders(job.arrivals.tolist(), job.begin), job.begin)
    watched = _Watched(job, station)
    until = job.end + HORIZONS_S[-1]
    telemeter = Telemeter(emulated, watched.image, watched.layout, job.telemetry, rng, until)
    report_s = job.telemetry.interval_s
    next_report = job.begin + float(rng.uniform(0.0, report_s))
    origins = np.arange(job.begin, job.end - 1e-6, ORIGIN_S)
    seen_ready = np.zeros(len(origins), dtype=np.int64)
    made: list[tuple[Futures, Futures]] = []
    for number, origin in enumerate(origins.tolist()):
        while next_report <= origin:
            emulated.advance(next_report)
            telemeter.send(next_report)
            watched.look(next_report)
            interval_s = TRAINING_INTERVALS * report_s if next_report < job.test - SETTLING_S else report_s
            watched.hear_every(interval_s)
            next_report += interval_s
        estimate = watched.look(origin)
        seen_ready[number] = estimate.ready
        if origin >= job.test:
            made.append(_forecast(job, watched, estimate))
        if number % ORIGINS_A_DAY == 0:
            progress(number / len(origins))
    emulated.advance(until)
    return _compare(job, emulated, origins, seen_ready, made, telemeter.missed, rng)


def _forecast(job: Job, watched: _Watched, estimate: Estimate) -> tuple[Futures, Futures]:
    """Ours, and what the same twin says where it knows the riders to come."""
    seed = crc32(f"{job.station}@{estimate.time:.0f}".encode())
    ours = watched.case(estimate)
    oracle = watched.case(estimate, _true_intensity(job.arrivals, ours))
    return _live(ours, job.replicas, seed), _live(oracle, job.replicas, seed)


def _live(case: Case, replicas: int, seed: int) -> Futures:
    return futures(
        case.spec,
        case.state,
        case.intensity,
        replicas=replicas,
        seed=seed,
        horizon_s=HORIZONS_S[-1],
        step_s=BAND_STEP_S,
        lead_s=case.lead_s,
    )


def _true_intensity(arrivals: Floats, case: Case) -> Intensity:
    steps = int(np.ceil((case.lead_s + HORIZONS_S[-1]) / ORACLE_STEP_S))
    edges = case.state.time + ORACLE_STEP_S * np.arange(steps + 1)
    return Intensity(case.state.time, ORACLE_STEP_S, np.diff(np.searchsorted(arrivals, edges)) / ORACLE_STEP_S)


def _compare(
    job: Job,
    emulated: StridingStation,
    origins: Floats,
    seen_ready: NDArray[np.int64],
    made: list[tuple[Futures, Futures]],
    missed: int,
    rng: np.random.Generator,
) -> Replayed:
    changes = np.array(emulated.ready_since)
    happened = np.stack([_stockout_within(changes, origins, horizon) for horizon in HORIZONS_S], axis=1)
    local = [datetime.fromtimestamp(time, UTC).astimezone(ZoneInfo(job.loaded.site.timezone)) for time in origins]
    test = origins >= job.test
    times = origins[test]
    columns = np.searchsorted(np.arange(0.0, HORIZONS_S[-1] + 1.0, BAND_STEP_S), HORIZONS_S)
    ready = np.stack([_ready_at(changes, times + horizon) for horizon in HORIZONS_S], axis=1)
    members = np.stack([ours.ready[:, columns] for ours, _ in made]).astype(np.float64)
    return Replayed(
        station=job.station,
        half_hour=np.array([moment.hour * 2 + moment.minute // 30 for moment in local]),
        weekend=np.array([moment.weekday() >= 5 for moment in local]),
        day=np.array([moment.toordinal() for moment in local]),
        folded=np.array([_near_clock_change(moment) for moment in local]),
        test=test,
        seen_ready=seen_ready,
        happened=happened,
        riders=np.searchsorted(job.arrivals, origins) - np.searchsorted(job.arrivals, origins - 3600.0),
        probability={
            "swaptwin": np.array([_shares(ours) for ours, _ in made]),
            "oracle": np.array([_shares(oracle) for _, oracle in made]),
        },
        ready=ready,
        crps=np.stack([scores.crps(members[:, :, h], ready[:, h]) for h in range(len(HORIZONS_S))], axis=1),
        pit=np.stack([scores.pit(members[:, :, h], ready[:, h], rng) for h in range(len(HORIZONS_S))], axis=1),
        arrivals=int(np.count_nonzero((job.arrivals > job.begin) & (job.arrivals <= job.end))),
        swaps=emulated.swaps,
        lost=emulated.lost,
        missed_reports=missed,
    )


def _shares(made: Futures) -> Floats:
    return np.array([np.mean(made.wait_s <= horizon) for horizon in HORIZONS_S])


def _ready_at(changes: Floats, times: Floats) -> Floats:
    standing: Floats = changes[np.searchsorted(changes[:, 0], times, side="right") - 1, 1]
    return standing


def _stockout_within(changes: Floats, times: Floats, horizon: float) -> NDArray[np.bool_]:
    """Whether no pack was ready at some time in [t, t + horizon]."""
    empty = changes[changes[:, 1] == 0, 0]
    next_empty = np.append(empty, np.inf)[np.searchsorted(empty, times, side="left")]
    within: NDArray[np.bool_] = (next_empty <= times + horizon) | (_ready_at(changes, times) == 0)
    return within


def _near_clock_change(moment: datetime) -> bool:
    """Within the hour that clocks skip or repeat, or right before it: its name does not say which hour it is."""
    before, after = (moment.astimezone(UTC) + timedelta(hours=shift) for shift in (-1, 1))
    return before.astimezone(moment.tzinfo).utcoffset() != after.astimezone(moment.tzinfo).utcoffset()
