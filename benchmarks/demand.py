"""How well demand is foreseen: counts of the next 15, 30, 60 and 120 minutes, on recorded riders.

    python -m benchmarks.demand /path/to/data

Every series is learned for four weeks; then a forecast is made every half hour of the next two from what lies before
it. The constants of ``twin/weekly.py`` and ``twin/level.py`` were chosen on the stations of "tuned on"
and on no others. "Together" learns a correction from all stations for eight weeks, and anew at the start of each of
the next four, which are forecast (needs the extra ``boost``). Prints tables in Markdown; docs/explanation/demand.md
holds them.
"""

import argparse
import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from config.document import read
from config.loader import BUNDLED
from gateway.boost_model import Trees, grow, live_through, quarters_of
from twin.calendar import Calendar
from twin.demand import day_rates_per_s
from twin.learned_demand import DemandModel
from twin.weekly import WeeklyRates

Array = NDArray[np.float64]

QUARTER_S = 900.0
WEEK = 672
TRAIN, TEST = 4 * WEEK, 2 * WEEK
HORIZONS = (1, 2, 4, 8)
PER_DAY = (60, 120, 250)
TUNED_WEEKS, CHECKED_WEEKS = (5, 16, 28, 40), (10, 22, 34, 45)
OSLO = "Europe/Oslo"
OSLO_STARTS = ("2021-12-06", "2022-01-10")
TOGETHER_WEEKS, TOGETHER_TRAIN, TOGETHER_TEST = (8, 20, 31), 8 * WEEK, 4 * WEEK
CLOCK_CHANGES = ("2018-03-11T02:00", "2018-11-04T01:00")
LARGEST = 400
MODELS = ("hour-of-week mean", "Gamma-Poisson", "+ level")
DISPERSED = "+ level + dispersion"
"""The model of the line before, with the spread that it states."""


@dataclass(frozen=True, slots=True)
class Series:
    """Counts per quarter hour from ``start`` (epoch s) on; the first ``train`` of them are for learning."""

    name: str
    zone: str
    start: float
    counts: Array
    train: int = TRAIN
    prior: Array | None = None
    skip: tuple[float, ...] = ()
    """No forecast is judged that touches the hour after one of these times (epoch s)."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Rows are forecasts, columns horizons."""

    seen: Array
    mean: Array
    cv: Array


def foresee(series: Series, model: str) -> Foreseen:
    """All forecasts of a series by one model."""
    total = np.concatenate([[0.0], np.cumsum(series.counts)])
    rows: list[tuple[list[float], list[float], float]] = []
    learner = _Learner(series, model)
    for quarter, count in enumerate(series.counts.tolist()):
        now = series.start + quarter * QUARTER_S
        ends = [quarter + horizon for horizon in HORIZONS]
        if quarter >= series.train and quarter % 2 == 0 and ends[-1] < len(total) and not _skipped(series, now):
            rates, cv = learner.expected(now)
            sums = np.cumsum(rates)
            rows.append(
                (
                    [float(total[end] - total[quarter]) for end in ends],
                    [float(sums[horizon - 1]) for horizon in HORIZONS],
                    cv,
                )
            )
        learner.learn(now, count)
    seen, mean, cvs = (np.array(column) for column in zip(*rows, strict=True))
    return Foreseen(seen, mean, np.repeat(cvs[:, None], len(HORIZONS), axis=1))


class _Learner:
    """One of ``MODELS`` on one series."""

    def __init__(self, series: Series, model: str) -> None:
        self._model = model
        prior = series.prior
        self._demand = DemandModel(series.zone, prior, prior_cv=1.0)
        self._calendar = Calendar(series.zone)
        self._weekly = WeeklyRates(np.full(96, 1.0) if prior is None else np.repeat(prior * QUARTER_S, 2), 1.0)
        self._sums, self._times = np.zeros(168), np.zeros(168)

    def learn(self, now: float, count: float) -> None:
        if self._model == "+ level":
            self._demand.observe(now, now + QUARTER_S, count, QUARTER_S)
            return
        quarter = self._calendar.quarter(now)
        self._weekly.add(quarter, count, 1.0)
        self._sums[quarter // 4] += count
        self._times[quarter // 4] += 1.0
        if quarter % 96 == 95:
            self._weekly.renew(86_400.0)

    def expected(self, now: float) -> tuple[Array, float]:
        """Riders in each of the next quarter hours, and the coefficient of variation of their level."""
        if self._model == "+ level":
            said = self._demand.intensity(now, HORIZONS[-1] * QUARTER_S)
            return said.rates_per_s * QUARTER_S, said.dispersion
        cells = np.array([self._calendar.quarter(now + step * QUARTER_S) for step in range(HORIZONS[-1])])
        if self._model == "Gamma-Poisson":
            rates: Array = self._weekly.rates[cells]
            return rates, 0.0
        return self._sums[cells // 4] / np.maximum(self._times[cells // 4], 1.0), 0.0


def _skipped(series: Series, now: float) -> bool:
    return any(now - 3600.0 < time < now + HORIZONS[-1] * QUARTER_S for time in series.skip)


def log_probability(count: Array, mean: Array, cv: Array) -> Array:
    """Of a Gamma-Poisson number (Poisson where ``cv`` is nothing)."""
    mean = np.maximum(mean, 1e-3)
    shape = np.maximum(cv, 1e-3) ** -2
    found: Array = (
        _log_gamma(shape + count)
        - _log_gamma(shape)
        - _log_gamma(count + 1.0)
        - (shape + count) * np.log1p(mean / shape)
        + count * np.log(mean / shape)
    )
    return found


def crps(foreseen: Foreseen) -> Array:
    """Continuous ranked probability score by horizon: the mean squared distance of distribution functions."""
    scores = np.empty(len(HORIZONS))
    for column in range(len(HORIZONS)):
        seen, mean, cv = (part[:, column] for part in (foreseen.seen, foreseen.mean, foreseen.cv))
        largest = min(int(max(seen.max(), (mean * (1.0 + 6.0 * cv)).max())) + 40, LARGEST)
        numbers = np.arange(largest, dtype=np.float64)
        share = np.exp(log_probability(numbers[None, :], mean[:, None], cv[:, None])).cumsum(axis=1)
        scores[column] = ((share - (numbers >= seen[:, None])) ** 2).sum(axis=1).mean()
    return scores


def _log_gamma(x: Array) -> Array:
    """Stirling's series after eight steps up: absolute error below 1e-9 for positive numbers."""
    x = np.array(x, dtype=np.float64)
    down = np.zeros_like(x)
    small = x < 1e5
    for _ in range(8):
        down -= np.where(small, np.log(x), 0.0)
        x = np.where(small, x + 1.0, x)
    total: Array = (
        down + (x - 0.5) * np.log(x) - x + 0.5 * np.log(2.0 * np.pi) + 1.0 / (12.0 * x) - 1.0 / (360.0 * x**3)
    )
    return total


def table(title: str, series: list[Series]) -> None:
    """Log-loss, CRPS and the ratio of seen to stated variance, by model."""
    print(f"\n{title}: {len(series)} series\n")
    print("| model | log-loss 15/30/60/120 min | CRPS | seen / stated variance |")
    print("| --- | --- | --- | --- |")
    for model in MODELS:
        made = [foresee(one, model) for one in series]
        whole = Foreseen(*(np.concatenate([getattr(one, part) for one in made]) for part in ("seen", "mean", "cv")))
        _line(model, replace(whole, cv=np.zeros_like(whole.cv)))
        if whole.cv.any():
            _line(DISPERSED, whole)


def table_together(title: str, networks: list[list[Series]]) -> None:
    """Scores of the model alone, of its mean with the trees, and of the trees alone; every network learns by itself."""
    print(f"\n{title}: {sum(map(len, networks))} series\n")
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:
        print(f"Not measured: {error}. Install the extra: pip install 'swaptwin[boost]'")
        return
    parts = [boosted(network) for network in networks]
    print("| model | log-loss 15/30/60/120 min | CRPS | seen / stated variance |")
    print("| --- | --- | --- | --- |")
    for row, name in enumerate((DISPERSED, "+ boost", "trees alone")):
        made = [one[row] for one in parts]
        _line(
            name, Foreseen(*(np.concatenate([getattr(one, part) for one in made]) for part in ("seen", "mean", "cv")))
        )


def boosted(network: list[Series]) -> tuple[Foreseen, Foreseen, Foreseen]:
    """All forecasts of stations that learn together: by their own models, by the mean with the trees, by the trees."""
    first = int(network[0].start // QUARTER_S)
    counts = np.stack([one.counts for one in network], axis=1)
    models = [DemandModel(one.zone, one.prior, prior_cv=1.0) for one in network]
    seen = quarters_of([model.calendar for model in models], first, counts, np.ones_like(counts))
    examples = live_through(models, network[0].zone, seen)
    factors = []
    for week in range(TOGETHER_TEST // WEEK):
        begin = first + TOGETHER_TRAIN + week * WEEK
        asked = (examples.number >= begin) & (examples.number < begin + WEEK)
        trees = Trees(grow(examples, begin))
        factors += [trees.factors(given) for given in examples.features[asked]]
    # By forecasts, stations and hours, as the stations' own forecasts stand one station after the other.
    half = np.stack(factors, axis=1).reshape(-1, factors[0].shape[1])
    own = [foresee(one, "+ level") for one in network]
    alone = Foreseen(*(np.concatenate([getattr(one, part) for one in own]) for part in ("seen", "mean", "cv")))
    means = []
    for factor in (half, 2.0 * half - 1.0):
        mean = alone.mean * factor[:, :1]
        mean[:, 3] = mean[:, 2] + (alone.mean[:, 3] - alone.mean[:, 2]) * factor[:, 1]
        means.append(mean)
    return alone, replace(alone, mean=means[0]), replace(alone, mean=means[1])


def _line(model: str, foreseen: Foreseen) -> None:
    seen, mean, cv = foreseen.seen, foreseen.mean, foreseen.cv
    loss = -log_probability(seen, mean, cv).mean(axis=0)
    ratio = ((seen - mean) ** 2).sum(axis=0) / (mean + (cv * mean) ** 2).sum(axis=0)
    print(f"| {model} | {_row(loss, 3)} | {_row(crps(foreseen), 3)} | {_row(ratio, 2)} |", flush=True)


def _row(numbers: Array, digits: int) -> str:
    return " / ".join(f"{number:.{digits}f}" for number in numbers)


def citibike(folder: Path, *, tuned: bool) -> Iterator[Series]:
    """Every other station, each season thinned to another size. Times are local; clock changes are left out."""
    counts, begin, names = _citibike(folder)
    skip = tuple(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in CLOCK_CHANGES)
    for column in range(0 if tuned else 1, counts.shape[1], 2):
        per_day = counts[:, column].mean() * 96.0
        for number, week in enumerate(TUNED_WEEKS if tuned else CHECKED_WEEKS):
            target = PER_DAY[(column // 2 + number) % len(PER_DAY)]
            kept = np.random.default_rng([column, target]).binomial(counts[:, column], min(target / per_day, 1.0))
            part = kept[week * WEEK : week * WEEK + TRAIN + TEST].astype(np.float64)
            name = f"{names[column]} {target} a day, week {week}"
            yield Series(name, "UTC", begin + week * WEEK * QUARTER_S, part, skip=skip)


def citibike_together(folder: Path) -> list[list[Series]]:
    """All stations, thinned to one size or another, at seasons of which nothing was chosen."""
    counts, begin, _ = _citibike(folder)
    networks = []
    for week in TOGETHER_WEEKS:
        network = []
        for column in range(counts.shape[1]):
            target = PER_DAY[column % len(PER_DAY)]
            share = min(target / (counts[:, column].mean() * 96.0), 1.0)
            kept = np.random.default_rng([column, target, week]).binomial(counts[:, column], share)
            part = kept[week * WEEK : week * WEEK + TOGETHER_TRAIN + TOGETHER_TEST].astype(np.float64)
            start = begin + week * WEEK * QUARTER_S
            network.append(Series(f"{column} {target} a day, week {week}", "UTC", start, part, TOGETHER_TRAIN))
        networks.append(network)
    return networks


def oslo(folder: Path) -> Iterator[Series]:
    """Eight sites, two winters' six weeks."""
    times = _oslo(folder)
    for site in sorted(times):
        for text in OSLO_STARTS:
            start = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(OSLO)).timestamp()
            yield Series(f"{site} from {text}", OSLO, start, _counts(times[site], start, TRAIN + TEST))


def oslo_together(folder: Path) -> list[Series]:
    """The same sites, twelve weeks of a winter."""
    start = datetime.fromisoformat(OSLO_STARTS[0]).replace(tzinfo=ZoneInfo(OSLO)).timestamp()
    quarters = TOGETHER_TRAIN + TOGETHER_TEST
    times = _oslo(folder)
    return [Series(site, OSLO, start, _counts(times[site], start, quarters), TOGETHER_TRAIN) for site in sorted(times)]


def _oslo(folder: Path) -> dict[str, list[float]]:
    """Times (epoch s) by site."""
    times: dict[str, list[float]] = {}
    with gzip.open(folder / "oslo-bysykkel" / "oslo_bysykkel_2021-12_2022-02.csv.gz", "rt") as stream:
        for row in csv.DictReader(stream):
            times.setdefault(row["site"], []).append(datetime.fromisoformat(row["started_at_utc"]).timestamp())
    return times


def swap_day(folder: Path) -> Iterator[Series]:
    """The twenty busiest stations on their only day, with no history: the prior is an average station's day."""
    zone = "Asia/Kolkata"
    start = datetime(2026, 1, 30, tzinfo=ZoneInfo(zone)).timestamp()
    times: dict[str, list[float]] = {}
    with (folder / "swap-day" / "swaps.csv").open() as stream:
        for row in csv.DictReader(stream):
            times.setdefault(row["station"], []).append(start + float(row["second_of_day"]))
    shape = tuple(read(BUNDLED / "demand" / "lucknow.yaml").data["half_hourly"])
    prior = day_rates_per_s(shape, sum(map(len, times.values())) / len(times))
    for station in sorted(times, key=lambda name: -len(times[name]))[:20]:
        yield Series(station, zone, start, _counts(times[station], start, 96), 0, prior)


def _citibike(folder: Path) -> tuple[NDArray[np.int64], float, list[str]]:
    """Counts (quarter hours by stations), their start as if local time were UTC, names of the stations."""
    with gzip.open(folder / "citibike" / "pickups_15min_2018.csv.gz", "rt") as stream:
        rows = list(csv.reader(stream))
    counts = np.array([[int(float(cell or 0)) for cell in row[1:]] for row in rows[1:]], dtype=np.int64)
    return counts, datetime.fromisoformat(rows[1][0]).replace(tzinfo=UTC).timestamp(), rows[0][1:]


def _counts(times: list[float], start: float, quarters: int) -> Array:
    numbers = ((np.array(times) - start) // QUARTER_S).astype(np.int64)
    inside = numbers[(numbers >= 0) & (numbers < quarters)]
    return np.bincount(inside, minlength=quarters).astype(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    if not (given.data / "citibike").is_dir():
        raise SystemExit(f"{given.data}: no recorded riders there (folders citibike, oslo-bysykkel, swap-day)")
    table("Citi Bike, tuned on", list(citibike(given.data, tuned=True)))
    table("Citi Bike, other stations and seasons", list(citibike(given.data, tuned=False)))
    table("Oslo Bysykkel", list(oslo(given.data)))
    table("Swap day, without history", list(swap_day(given.data)))
    table_together("Citi Bike, together", citibike_together(given.data))
    table_together("Oslo Bysykkel, together", [oslo_together(given.data)])


if __name__ == "__main__":
    main()
