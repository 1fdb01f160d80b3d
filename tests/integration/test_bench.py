"""The bench of a running demo over HTTP, and what a gateway with real emulators tells of devices, charges and packs."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.api_diagnostics import DiagnosticsAnswer
from gateway.schema import ChargeAnswer, ForecastsAnswer, FrontLayout, HistoriesAnswer, StayAnswer
from tests.support.programs import demo_site, program
from tests.support.web import address_in, get, truth_address

DEVICES = ("S001/cabinet", "S003/cabinet", "S005/cabinet", "S006/chargers")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_site(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def api(site: Path) -> Iterator[str]:
    with program("demo", "--site", site) as running:
        api = address_in(running.wait_for("http://", 60.0)) + "/api/v1"
        until(lambda: all(each["quality"] == "good" for each in get(f"{api}/devices")), 60.0)
        yield api


def until(holds: Callable[[], object], seconds: float) -> None:
    """Another process brings it about; no event of ours announces it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold in time"
        threading.Event().wait(0.1)


def order(method: str, url: str, content: Any = None) -> tuple[int, Any]:
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30.0) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("device", DEVICES)
def test_raw_values_stand_beside_scaled_ones_on_every_protocol(api: str, device: str) -> None:
    found = get(f"{api}/devices/{device}/diagnostics")
    DiagnosticsAnswer.model_validate(found, strict=True)
    assert found["poll_plan"]
    assert found["last_good"] is not None
    good = [point for point in found["points"] if point["quality"] == "good"]
    assert good
    without = [point["path"] for point in good if point["raw"] is None]
    assert not without
    power = next(point for point in good if point["signal"] == "power_w")
    assert isinstance(power["raw"], int | float)


def test_an_unknown_device_is_said_to_be_unknown(api: str) -> None:
    status, answer = order("GET", f"{api}/devices/S001/fridge/diagnostics")
    assert (status, answer["error"]["code"]) == (404, "unknown_device")


def test_the_front_is_that_of_the_site_file(api: str) -> None:
    station = get(f"{api}/stations/S006")
    FrontLayout.model_validate(station["layout"])
    assert station["layout"]["cells"][1] == [5, None, None, 6]
    assert get(f"{api}/stations/S001")["swaps_today"] >= 0


def test_the_truth_is_that_of_the_emulators(api: str, site: Path) -> None:
    truth = get(f"{api}/emulator/truth/S001")
    assert truth.keys() == get(f"{truth_address(site)}/truth")["S001"].keys()
    assert order("GET", f"{api}/emulator/truth/S999")[0] == 404


def test_a_scenario_runs_and_is_stopped_with_its_faults(api: str) -> None:
    assert "comm-loss" in {scenario["name"] for scenario in get(f"{api}/emulator")["scenarios"]}
    status, report = order("POST", f"{api}/emulator/scenarios", {"name": "comm-loss"})
    assert (status, report["running"]["name"]) == (201, "comm-loss")
    until(lambda: get(f"{api}/faults")["active"], 20.0)
    until(lambda: get(f"{api}/emulator")["latest"]["expectations"], 20.0)
    assert order("DELETE", f"{api}/emulator/scenarios") == (200, {"stopped": True})
    report = get(f"{api}/emulator")
    assert report["running"] is None
    assert report["latest"]["stopped"] is True
    assert get(f"{api}/faults")["active"] == []
    assert order("DELETE", f"{api}/emulator/scenarios") == (200, {"stopped": False})


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"name": "comm-loss", "yaml": "scenario: x"}, 422, "invalid"),
        ({"name": "../sites/demo"}, 404, "unknown_scenario"),
        ({"yaml": "scenario: x\ntitle: X\ntimeline: []\n"}, 422, "wrong_scenario"),
        ({"yaml": "scenario: [\n"}, 422, "wrong_scenario"),
        ([], 422, "invalid"),
    ],
)
def test_a_wrong_scenario_is_refused_with_what_is_wrong(api: str, content: Any, status: int, code: str) -> None:
    said, answer = order("POST", f"{api}/emulator/scenarios", content)
    assert (said, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]


def test_a_scenario_that_is_written_at_the_bench_runs(api: str) -> None:
    text = (
        "scenario: mine\ntitle: One value wrong\nduration_s: 300\ntimeline:\n"
        "  - at: 0\n    inject: {fault: bias, target: S001, slots: '3', signals: [soc], parameters: {offset: -0.1}}\n"
    )
    status, report = order("POST", f"{api}/emulator/scenarios", {"yaml": text})
    assert (status, report["running"]["title"]) == (201, "One value wrong")
    until(lambda: [fault["fault"] for fault in get(f"{api}/faults")["active"]] == ["bias"], 10.0)
    order("DELETE", f"{api}/emulator/scenarios")


@pytest.mark.parametrize("speed", [0, -1, 5000, "fast", None])
def test_a_speed_that_no_clock_has_is_refused(api: str, speed: Any) -> None:
    assert order("POST", f"{api}/emulator/speed", {"speed": speed})[0] == 422


def test_a_day_passes_faster_and_slower_again_and_stays_in_step_with_the_truth(api: str) -> None:
    """Last, because site time stays ahead from here on."""
    before = get(f"{api}/health")["now"]
    status, answer = order("POST", f"{api}/emulator/speed", {"speed": 60})
    assert (status, answer["speed"]) == (200, 60.0)
    assert get(f"{api}/emulator")["speed"] == 60.0
    until(lambda: get(f"{api}/health")["now"] > before + 900.0, 40.0)
    good: set[str] = set()

    def each_was_good() -> bool:
        # Values are stale after 0.75 s now; on a busy machine it takes some looks to find each of them younger.
        good.update(each["id"] for each in get(f"{api}/stations") if each["quality"] == "good")
        return len(good) == 6

    until(each_was_good, 40.0)
    assert abs(get(f"{api}/emulator/truth/S001")["time"] - get(f"{api}/health")["now"]) < 120.0
    until(lambda: sum(each["swaps_today"] for each in get(f"{api}/stations")) > 0, 40.0)
    status, answer = order("POST", f"{api}/emulator/speed", {"speed": 1})
    assert (status, answer["speed"]) == (200, 1.0)
    assert answer["now"] > before + 900.0
    until(lambda: all(each["quality"] == "good" for each in get(f"{api}/devices")), 60.0)
    until(lambda: abs(get(f"{api}/emulator/truth/S001")["time"] - get(f"{api}/health")["now"]) < 3.0, 10.0)
    assert get(f"{api}/health")["forecast"]["cost_s"]["p50"] > 0.0
    _past(api)


def _past(api: str) -> None:
    """What was recorded in that quarter of an hour."""
    series = get(f"{api}/stations/S001/history?slot=1&signals=soc,twin_soc&buckets=30")
    HistoriesAnswer.model_validate(series)
    for name in ("soc", "twin_soc"):
        assert any(value is not None for value in series["series"][name]["mean"]), name
    forecasts = get(f"{api}/stations/S001/forecasts?horizon=3600")
    ForecastsAnswer.model_validate(forecasts)
    assert forecasts["t"] == sorted(forecasts["t"])
    assert forecasts["stockout_probability"]
    slots = get(f"{api}/stations/S001")["slots"]
    charging = [slot for slot in slots if slot["charger_state"] == "charging"]
    for slot in charging:
        charge = get(f"{api}/stations/S001/slots/{slot['slot']}/charge")
        ChargeAnswer.model_validate(charge)
        assert charge["pack_id"] == slot["pack_id"]
        assert charge["since"] is not None
        assert charge["until"] is None
        assert charge["expected"]["soc"]
    packs = [slot["pack_id"] for slot in slots if slot["pack_id"]]
    stays = get(f"{api}/packs/{packs[0]}/history")
    for stay in stays:
        StayAnswer.model_validate(stay)
    assert (stays[0]["station"], stays[0]["to"]) == ("S001", None)
    assert stays[0]["from"] <= get(f"{api}/health")["now"]
