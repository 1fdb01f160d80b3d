"""A backtest shows the forecaster telemetry only, says the same twice, and refuses what it cannot use."""

from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from config.errors import ConfigError
from config.loader import LoadedSite, load_site
from gateway.backtest.arrivals import load_arrivals
from gateway.backtest.references import climatology, persistence, ready_only
from gateway.backtest.replay import Job, Replayed, replay
from gateway.backtest.report import page
from gateway.backtest.run import choose_period
from gateway.backtest.scoring import MODELS, summary
from gateway.backtest.telemetry import Telemeter, TelemetrySpec, VirtualClock
from gateway.cli import app
from gateway.image import Image
from gateway.layout import layouts
from simulators.riders import ListedRiders
from simulators.strides import StridingStation
from twin.signals import Quality

ZONE = "America/New_York"
FIRST = date(2026, 3, 16)
SITE = f"""
site: lab
name: Laboratory
timezone: {ZONE}
stations:
  - id: A
    name: A
    latitude: 40.7
    longitude: -74.0
    slots: 6
    grid_limit_w: 3000
    devices: [{{id: cabinet, profile: mqtt-swap-cabinet, url: "mqtt://127.0.0.1:1883"}}]
  - id: B
    name: B
    latitude: 40.7
    longitude: -74.0
    slots: 6
    grid_limit_w: 3000
    devices: [{{id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:5020"}}]
"""


@pytest.fixture
def site(tmp_path: Path) -> LoadedSite:
    file = tmp_path / "lab.yaml"
    file.write_text(SITE)
    return load_site(file)


def _epoch(day: date) -> float:
    return datetime.combine(day, time(), ZoneInfo(ZONE)).timestamp()


def riders(days: int, per_day: float = 24.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hours = np.concatenate([6.0 + 14.0 * rng.beta(2, 2, rng.poisson(per_day)) + 24.0 * day for day in range(days)])
    return np.sort(_epoch(FIRST) + 3600.0 * hours)


def write(file: Path, rows: list[tuple[str, float]]) -> Path:
    file.write_text("station,time\n" + "".join(f"{station},{stamp}\n" for station, stamp in rows))
    return file


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Replayed]:
    file = tmp_path_factory.mktemp("site") / "lab.yaml"
    file.write_text(SITE)
    begin = _epoch(FIRST)
    day = 86_400.0
    telemetry = TelemetrySpec(120.0, gaps_per_day=6.0)
    job = Job(load_site(file), "A", riders(4), begin, begin + 2 * day, begin + 3 * day, 50, 1, telemetry)
    return job, replay(job)


def test_the_same_seed_gives_the_same_backtest(replayed: tuple[Job, Replayed]) -> None:
    job, first = replayed
    second = replay(job)
    assert summary([first], job.replicas) == summary([second], job.replicas)


def test_a_forecast_is_made_every_half_hour_of_the_test_and_every_model_is_scored(
    replayed: tuple[Job, Replayed],
) -> None:
    job, one = replayed
    assert int(one.test.sum()) == 48
    assert len(one.test) == 3 * 48
    assert one.missed_reports > 0
    result = summary([one], job.replicas)
    assert result["forecasts"] == 48
    for scores in (result["scores"], result["stations"]["A"]):
        assert set(scores) == set(MODELS)
        for model in MODELS:
            assert set(scores[model]) == {"900", "1800", "3600", "7200"}
            assert {"brier", "brier_skill", "ece", "log_loss", "auc"} <= set(scores[model]["900"])
    assert sum(result["scores"]["swaptwin"]["3600"]["pit"]) == 48
    assert orjson.loads(orjson.dumps(result)) == result


def test_what_happens_later_does_not_change_what_was_forecast(replayed: tuple[Job, Replayed]) -> None:
    job, one = replayed
    noon = _epoch(FIRST) + 2.5 * 86_400.0
    later = Job(
        job.loaded,
        job.station,
        np.concatenate([job.arrivals[job.arrivals < noon], noon + np.arange(0.0, 7200.0, 20.0)]),
        job.begin,
        job.test,
        job.end,
        job.replicas,
        job.seed,
        job.telemetry,
    )
    other = replay(later)
    assert other.probability["swaptwin"][:25].tolist() == one.probability["swaptwin"][:25].tolist()
    assert other.probability["swaptwin"][26:].tolist() != one.probability["swaptwin"][26:].tolist()
    assert other.probability["oracle"][16:25].tolist() != one.probability["oracle"][16:25].tolist()


def test_an_outcome_counts_from_now_to_the_horizon_both_included(replayed: tuple[Job, Replayed]) -> None:
    _, one = replayed
    assert (np.diff(one.happened.astype(int), axis=1) >= 0).all()  # a longer horizon includes a shorter one
    assert one.happened.any()


def test_references_learn_from_the_training_days_only(replayed: tuple[Job, Replayed]) -> None:
    _, one = replayed
    flipped = np.where(one.test[:, None], ~one.happened, one.happened)
    for model in (climatology, persistence, ready_only):
        said = model(one)
        assert said.tolist() == model(replace(one, happened=flipped)).tolist()
        assert said.shape == (48, 4)
        assert ((said > 0.0) & (said < 1.0)).all()


def test_telemetry_is_noisy_stale_in_gaps_and_good_otherwise(site: LoadedSite) -> None:
    begin = _epoch(FIRST)
    clock = VirtualClock(begin)
    bound = site.bind()
    image = Image(bound, clock)
    layout = layouts(bound)["A"]
    station = StridingStation(site.site.stations[0], ListedRiders([], begin), begin)
    spec = TelemetrySpec(30.0, gaps_per_day=400.0, gap_s=(60.0, 90.0))
    telemeter = Telemeter(station, image, layout, spec, np.random.default_rng(1), begin + 7200.0)
    rows = layout.slot["occupied"]
    qualities = set()
    for tick in np.arange(begin + 30.0, begin + 7200.0, 30.0).tolist():
        station.advance(tick)
        clock.time = tick
        missed = telemeter.missed
        telemeter.send(tick)
        image.sweep()
        sent = telemeter.missed == missed
        assert not sent or (image.quality[rows] == Quality.GOOD).all()
        qualities.add(int(image.quality[rows[0]]))
    assert telemeter.missed > 10
    assert qualities == {int(Quality.GOOD), int(Quality.UNCERTAIN)}
    shown = image.value[layout.slot["soc"]][station.occupied]
    assert 0.0 < np.abs(shown - station.soc[station.occupied]).max() < 0.03


def test_a_report_is_one_page_without_outside_parts(replayed: tuple[Job, Replayed]) -> None:
    job, one = replayed
    head = {"site": "<lab>", "arrivals": "riders.csv", "train_from": "a", "test_from": "b", "test_until": "c"}
    text = page(head | {"timezone": ZONE, "notes": ["a <note>"]} | summary([one], job.replicas))
    assert text.count("<svg") == 10
    assert "&lt;lab&gt;" in text
    assert "a &lt;note&gt;" in text
    for outside in ("http://", "https://", "<script", "url(", "@import"):
        assert outside not in text


def test_arrivals_of_a_station_that_the_site_does_not_have_are_refused(site: LoadedSite, tmp_path: Path) -> None:
    file = write(tmp_path / "riders.csv", [("A", 1.8e9), ("X", 1.8e9)])
    with pytest.raises(ConfigError, match=r"'X' is no station of lab.yaml. It has A, B"):
        load_arrivals(file, site)


def test_repairs_and_doubts_are_told_with_their_numbers(site: LoadedSite, tmp_path: Path) -> None:
    stamp = _epoch(FIRST) + 2.0 * 3600.0 + 0.5  # two at night
    file = write(tmp_path / "riders.csv", [("A", stamp + 10.0), ("A", stamp), ("A", stamp), ("A", stamp + 20.25)])
    read = load_arrivals(file, site)
    notes = "\n".join(read.notes)
    assert len(read.times["A"]) == 3
    assert "1 row is earlier" in notes
    assert "1 row is like another" in notes
    assert "is the zone right?" in notes
    assert "has no riders at B: left out" in notes


@pytest.mark.parametrize(
    ("train", "test", "days", "says"),
    [
        (28, None, None, "28 days before"),
        (0, None, None, "nothing to train on"),
        (7, date(2026, 3, 26), 9, "is not covered"),
        (7, date(2027, 1, 1), 1, "is not covered"),
        (7, date(2026, 3, 24), 0, "empty range"),
    ],
)
def test_days_that_the_file_does_not_cover_are_refused(
    site: LoadedSite, tmp_path: Path, train: int, test: date | None, days: int | None, says: str
) -> None:
    file = write(tmp_path / "riders.csv", [("A", stamp) for stamp in riders(12)])
    with pytest.raises(ConfigError, match=says):
        choose_period(load_arrivals(file, site), ZoneInfo(ZONE), train, test, days)


def test_the_last_days_are_tested_where_none_are_named(site: LoadedSite, tmp_path: Path) -> None:
    file = write(tmp_path / "riders.csv", [("A", stamp) for stamp in riders(12)])
    period = choose_period(load_arrivals(file, site), ZoneInfo(ZONE), 8, None, None)
    assert (period.train, period.test, period.end) == (FIRST, date(2026, 3, 24), date(2026, 3, 28))


def test_the_command_refuses_wrong_input_with_exit_code_2(tmp_path: Path) -> None:
    site_file = tmp_path / "lab.yaml"
    site_file.write_text(SITE)
    file = write(tmp_path / "riders.csv", [("A", stamp) for stamp in riders(9)])
    base = ["backtest", "--arrivals", str(file), "--site", str(site_file)]
    for arguments, says in (
        ([], "days before"),
        (["--train-days", "7", "--from", "yesterday"], "no date"),
        (["--train-days", "7", "--json", str(tmp_path / "no" / "out.json")], "no folder"),
    ):
        told = CliRunner().invoke(app, [*base, *arguments])
        assert told.exit_code == 2
        assert says in told.output.replace("\n", " ")


def test_the_command_writes_scores_and_a_report(tmp_path: Path) -> None:
    site_file = tmp_path / "lab.yaml"
    site_file.write_text(SITE)
    rows = [("A", stamp) for stamp in riders(9)] + [("B", stamp) for stamp in riders(9, seed=2)]
    file = write(tmp_path / "riders.csv", rows)
    arguments = ["--train-days", "7", "--days", "1", "--from", "2026-03-23", "--replicas", "20", "--interval", "300"]
    out, report = tmp_path / "out.json", tmp_path / "out.html"
    writes = ["--json", str(out), "--report", str(report)]
    told = CliRunner().invoke(
        app,
        ["backtest", "--arrivals", str(file), "--site", str(site_file), *arguments, *writes],
    )
    assert told.exit_code == 0, told.output
    assert "2 of 2 stations replayed" in told.stderr
    written = orjson.loads(out.read_bytes())
    assert written["forecasts"] == 96
    assert set(written["stations"]) == {"A", "B"}
    assert report.read_text().startswith("<!doctype html>")
