"""What a user gets from ``swaptwin demo``: six live stations in step with the truth, forecast and pushed."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.client import Stream, stream
from tests.support.programs import Program, demo_site, program
from tests.support.web import address_in, get, truth_address

HORIZONS = {"900", "1800", "3600", "7200"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_site(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def demo(site: Path) -> Iterator[Program]:
    with program("demo", "--site", site) as running:
        yield running


@pytest.fixture(scope="module")
def address(demo: Program) -> str:
    return address_in(demo.wait_for("http://", 30.0))


def all_live(client: Stream) -> bool:
    stations = client.state.get("stations", {})
    return len(stations) == 6 and all(
        station["quality"] == "good" and station["stockout_probability"] for station in stations.values()
    )


def test_every_station_is_good_and_forecast_within_30_s_and_deltas_join(address: str) -> None:
    with stream(address, "stations") as client:
        client.until(all_live, 30.0)
        client.until(lambda c: c.deltas >= 10, 20.0)
    for station in get(f"{address}/api/v1/stations"):
        assert station["quality"] == "good"
        assert station["data_age_s"] < 5.0
        assert set(station["stockout_probability"]) == HORIZONS
        assert all(0.0 <= p <= 1.0 for p in station["stockout_probability"].values())


def test_ready_counts_equal_the_ground_truth_within_one_cycle(address: str, site: Path) -> None:
    with stream(address, "stations") as client:
        client.until(all_live, 30.0)

        def equal(c: Stream) -> bool:
            truth = get(f"{truth_address(site)}/truth")
            return all(c.state["stations"][name]["ready"] == truth[name]["ready"] for name in truth)

        client.until(equal, 10.0)


def test_slots_equal_the_ground_truth(address: str, site: Path) -> None:
    truth = get(f"{truth_address(site)}/truth")
    for name, true in truth.items():
        station = get(f"{address}/api/v1/stations/{name}")
        assert len(station["slots"]) == len(true["occupied"])
        known = [slot for slot in station["slots"] if slot["occupied"] == true["occupied"][slot["slot"] - 1]]
        assert len(known) >= len(station["slots"]) - 1  # a swap may be under way
        for slot in known:
            if slot["occupied"]:
                assert slot["soc"] == pytest.approx(true["soc"][slot["slot"] - 1], abs=0.02)
                assert slot["pack_id"]
            else:
                assert slot["soc"] is None


def test_a_fault_of_an_emulated_device_is_injected_seen_and_cleared_through_the_gateway(address: str) -> None:
    faults = f"{address}/api/v1/faults"

    def is_in(state: str) -> Callable[[Stream], bool]:
        return lambda c: c.state.get("devices", {}).get("S004/cabinet", {}).get("state") == state

    with httpx.Client(timeout=30.0) as client, stream(address, "devices") as watching:
        watching.until(is_in("connected"), 30.0)
        order = {"fault": "comm_loss", "target": "S004", "parameters": {"mode": "refuse"}}
        made = client.post(faults, json=order)
        assert made.status_code == 201
        try:
            watching.until(is_in("no_communication"), 10.0)
            assert [entry["id"] for entry in client.get(faults).json()["active"]] == [made.json()["id"]]
        finally:
            assert client.delete(f"{faults}/{made.json()['id']}").json() == {"cleared": 1}
        watching.until(is_in("connected"), 15.0)
        wrong = client.post(faults, json=order | {"target": "S404"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid")
        assert client.post(faults, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert client.delete(f"{faults}/f1.f2").status_code == 404
        assert client.delete(faults).json() == {"cleared": 0}


def test_the_forecast_says_what_it_is_made_of(address: str) -> None:
    with stream(address, "stations") as client:
        client.until(all_live, 30.0)
    forecast = get(f"{address}/api/v1/stations/S006/forecast")
    assert forecast["station"] == "S006"
    assert forecast["valid_until"] > forecast["generated_at"]
    assert forecast["replicas"] > 0
    assert set(forecast["stockout_probability"]) == set(forecast["lost_swaps"]) == HORIZONS
    assert set(forecast["time_to_stockout_s"]) == {"p10", "p50", "p90"}
    ready = forecast["ready"]
    for low, high in (("p05", "p25"), ("p25", "p50"), ("p50", "p75"), ("p75", "p95")):
        assert all(a <= b for a, b in zip(ready[low], ready[high], strict=True))
    assert len(ready["t"]) == len(ready["p50"])


def test_a_retrofitted_station_is_one_picture_of_three_devices(address: str) -> None:
    with stream(address, "devices") as client:
        client.until(
            lambda c: all(
                c.state.get("devices", {}).get(f"S006/{name}", {}).get("quality") == "good"
                for name in ("cabinet", "chargers", "packs")
            ),
            30.0,
        )
    devices = {device["id"]: device for device in get(f"{address}/api/v1/devices")}
    assert [devices[f"S006/{n}"]["protocol"] for n in ("cabinet", "chargers", "packs")] == ["opcua", "modbus", "mqtt"]
    assert all(device["state"] == "connected" for device in devices.values())


def test_history_fills_as_time_goes_by(address: str) -> None:
    with stream(address, "stations") as client:
        client.until(lambda c: c.deltas >= 20, 30.0)
    history = get(f"{address}/api/v1/stations/S001/history?signal=ready")
    assert any(value is not None for value in history["last"])
    assert len(history["t"]) == len(history["last"]) == len(history["quality"])


def test_health_measures_lateness(address: str) -> None:
    health = get(f"{address}/api/v1/health")
    assert health["emulated"] is True
    assert health["speed"] == 1.0
    assert health["twin"]["lateness_s"]["p99"] < 5.0
    assert health["loop_lateness_s"]["p50"] < 0.1


def test_ctrl_c_ends_it_cleanly(demo: Program, address: str) -> None:
    demo.signal(signal.SIGINT)
    assert demo.wait(15.0) == 0
    assert not [line for line in demo.lines if "Traceback" in line], demo.lines


def test_an_accelerated_demo_stays_in_step(tmp_path: Path) -> None:
    with program("demo", "--speed", "60", "--site", demo_site(tmp_path)) as running:
        address = address_in(running.wait_for("http://", 30.0))
        with stream(address, "stations") as client:
            client.until(all_live, 40.0)
            client.until(lambda c: c.deltas >= 30, 30.0)
        health = get(f"{address}/api/v1/health")
        assert health["speed"] == 60.0
        assert health["twin"]["lateness_s"]["p50"] < 60.0
        running.signal(signal.SIGINT)
        assert running.wait(15.0) == 0
