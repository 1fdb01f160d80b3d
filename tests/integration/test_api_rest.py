"""The REST answers: the promised shapes, ages at the time of asking, errors that say what to do."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from stream_support import Gateway, serving

from config.clock import ManualClock
from gateway import schema
from gateway.health import Health, LoopMonitor
from gateway.history import History
from gateway.ui import ui_status

NOW = 1_700_000_000.0
SUMMARY: Mapping[str, Any] = {
    "id": "S001",
    "name": "Harbour",
    "latitude": 52.5,
    "longitude": 13.4,
    "quality": "good",
    "reason": None,
    "data_time": NOW - 2.0,
    "data_age_s": 2.0,
    "slots": 2,
    "bays": 1,
    "occupied": 1,
    "ready": 1,
    "ready_quality": "good",
    "ready_reason": None,
    "charging": 0,
    "faulted": 0,
    "power_w": 150.0,
    "power_quality": "good",
    "grid_limit_w": 5000.0,
    "stockout_probability": None,
    "forecast_time": None,
    "protocols": ["opcua"],
    "drifts": [],
}
SLOT: Mapping[str, Any] = dict.fromkeys(schema.Slot.model_fields) | {
    "slot": 1,
    "quality": "good",
    "source_time": NOW - 1.0,
    "data_time": NOW - 3.0,
    "soc": 0.5,
    "not_good": {},
    "twin": {"soc": 0.5, "temperature_c": 25.0, "quality": "good", "reason": None, "drift": []},
}
FORECAST: Mapping[str, Any] = {
    "station": "S001",
    "generated_at": NOW - 10.0,
    "valid_until": NOW + 50.0,
    "model": "ensemble/stated-demand",
    "replicas": 200,
    "seed": 1,
    "quality": "good",
    "reason": None,
    "data_age_s": 1.5,
    "stockout_probability": {"900": 0.1},
    "lost_swaps": {"900": 0.2},
    "time_to_stockout_s": {"p10": None, "p50": None, "p90": None},
    "ready": {"t": [NOW], "p05": [1.0], "p25": [1.0], "p50": [2.0], "p75": [2.0], "p95": [3.0]},
    "eta": [{"slot": 1, "ready_s": 1200.0, "full_s": None}],
    "drivers": {"demand": 0.05, "charging": 0.02, "faults": 0.0},
    "advice": None,
}
DEVICE: Mapping[str, Any] = {
    "id": "S001/cabinet",
    "station": "S001",
    "protocol": "opcua",
    "profile": "cabinet",
    "url": "opc.tcp://127.0.0.1:48400",
    "state": "connected",
    "detail": None,
    "quality": "good",
    "reason": None,
    "points": 10,
    "good": 10,
    "stale": 0,
    "frozen": 0,
    "bad": 0,
    "data_time": NOW - 2.0,
    "data_age_s": 2.0,
    "gaps": 0,
    "repeats": 0,
    "clock_skew_s": None,
}


def publish(gateway: Gateway) -> None:
    slots = {f"slot/{number:02d}": dict(SLOT) | {"slot": number} for number in (2, 1)}
    gateway.hub.publish("stations", {"S001": SUMMARY})
    gateway.hub.publish("station/S001", {"station": SUMMARY, **slots})
    gateway.hub.publish("forecast/S001", {"forecast": FORECAST})
    gateway.hub.publish("devices", {"S001/cabinet": DEVICE})


async def get(gateway: Gateway, address: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        return await client.get(address, **options)


@pytest.mark.parametrize(
    ("address", "shape"),
    [
        ("/api/v1/stations", list[schema.StationSummary]),
        ("/api/v1/stations/S001", schema.StationDetail),
        ("/api/v1/stations/S001/forecast", schema.ForecastAnswer),
        ("/api/v1/devices", list[schema.DeviceAnswer]),
    ],
)
async def test_answers_have_the_shapes_that_openapi_promises(address: str, shape: Any) -> None:
    async with serving(ManualClock(start=NOW)) as gateway:
        publish(gateway)
        response = await get(gateway, address)
        assert response.status_code == 200
        TypeAdapter(shape).validate_json(response.content, strict=True)


async def test_ages_are_those_of_the_moment_of_asking() -> None:
    clock = ManualClock(start=NOW)
    async with serving(clock) as gateway:
        publish(gateway)
        await clock.advance(5.0)
        assert (await get(gateway, "/api/v1/stations")).json()[0]["data_age_s"] == 7.0
        detail = (await get(gateway, "/api/v1/stations/S001")).json()
        assert detail["data_age_s"] == 7.0
        assert [(slot["slot"], slot["age_s"]) for slot in detail["slots"]] == [(1, 8.0), (2, 8.0)]
        assert (await get(gateway, "/api/v1/stations/S001/forecast")).json()["data_age_s"] == 16.5
        assert (await get(gateway, "/api/v1/devices")).json()[0]["data_age_s"] == 7.0


async def test_a_gateway_that_has_just_started_answers_and_is_not_ready() -> None:
    async with serving(ManualClock()) as gateway:
        assert (await get(gateway, "/api/v1/stations")).json() == []
        assert (await get(gateway, "/api/v1/devices")).json() == []
        assert (await get(gateway, "/api/v1/ready")).status_code == 503
        gateway.ready.append(True)
        response = await get(gateway, "/api/v1/ready")
        assert (response.status_code, response.json()) == (200, {"ready": True})


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ("/api/v1/stations/S999", 404, "unknown_station"),
        ("/api/v1/stations/S999/forecast", 404, "unknown_station"),
        ("/api/v1/stations/S002/forecast", 404, "no_forecast"),
        ("/api/v1/stations/S999/history?signal=ready", 404, "unknown_station"),
        ("/api/v1/stations/S001/history", 422, "invalid"),
        ("/api/v1/stations/S001/history?signal=soc", 422, "unknown_signal"),
        ("/api/v1/stations/S001/history?signal=pack_id&slot=1", 422, "unknown_signal"),
        ("/api/v1/stations/S001/history?signal=soc&slot=3", 404, "unknown_slot"),
        ("/api/v1/stations/S001/history?signal=ready&from=5&to=4", 422, "invalid"),
        ("/api/v1/stations/S001/history?signal=ready&from=nan", 422, "invalid"),
        ("/api/v1/stations/S001/history?signal=ready&buckets=100000", 422, "invalid"),
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/stations", 404, "not_found"),
    ],
)
async def test_a_wrong_request_gets_an_error_that_says_what_to_do(address: str, status: int, code: str) -> None:
    async with serving(ManualClock(start=NOW)) as gateway:
        publish(gateway)
        gateway.hub.publish("station/S002", {"station": SUMMARY})
        response = await get(gateway, address)
        answer = schema.ErrorAnswer.model_validate(response.json())
        assert (response.status_code, answer.error.code) == (status, code)
        assert answer.error.message
        assert answer.error.remedy


async def test_nothing_can_be_written() -> None:
    async with serving(ManualClock()) as gateway, httpx.AsyncClient(base_url=gateway.url) as client:
        for address in ("/api/v1/stations", "/api/v1/health", "/"):
            response = await client.post(address, json={})
            assert response.status_code == 405
            assert response.json()["error"]["code"] == "method_not_allowed"


async def test_history_is_asked_of_the_store_by_path() -> None:
    asked: list[tuple[str, float, float, int]] = []

    async def history(path: str, start: float, end: float, buckets: int) -> History:
        asked.append((path, start, end, buckets))
        return History([start], [0.1], [0.2], [0.3], [None], ["good"])

    async with serving(ManualClock(start=NOW), history=history) as gateway:
        publish(gateway)
        response = await get(gateway, "/api/v1/stations/S001/history?signal=soc&slot=2&from=100&to=200&buckets=10")
        TypeAdapter(schema.HistoryAnswer).validate_json(response.content, strict=True)
        content = response.json()
        assert (content["station"], content["signal"], content["slot"]) == ("S001", "soc", 2)
        assert (content["from"], content["to"], content["mean"]) == (100.0, 200.0, [0.2])
        await get(gateway, "/api/v1/stations/S001/history?signal=ready")
    assert asked == [("S001/slot/02/soc", 100.0, 200.0, 10), ("S001/station/ready", NOW - 3600.0, NOW, 300)]


async def test_health_and_metrics_tell_the_same() -> None:
    clock = ManualClock(start=NOW)
    report = Health(
        clock,
        LoopMonitor(clock),
        {"version": "1", "site": "demo", "name": "Demo", "timezone": "UTC", "emulated": True},
        {"devices": lambda: {"connected": 5, "away": 1}, "stream": lambda: {"clients": 0, "evicted": 3}},
    )
    async with serving(clock, health=report.report) as gateway:
        health = (await get(gateway, "/api/v1/health")).json()
        assert (health["status"], health["reasons"]) == ("degraded", ["devices_away"])
        assert (health["now"], health["speed"], health["devices"]["away"]) == (NOW, 1.0, 1)
        metrics = (await get(gateway, "/metrics")).text
        assert "swaptwin_devices_away 1.0" in metrics
        assert "swaptwin_stream_evicted_total 3.0" in metrics
        assert "process_resident_memory_bytes" in metrics


async def test_every_answer_carries_the_security_headers() -> None:
    async with serving(ManualClock()) as gateway:
        for address in ("/", "/docs", "/api/v1/stations", "/api/v1/nothing"):
            headers = (await get(gateway, address)).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


async def test_on_loopback_a_foreign_name_is_refused_which_defeats_dns_rebinding() -> None:
    async with serving(ManualClock()) as gateway:
        foreign = await get(gateway, "/api/v1/stations", headers={"Host": "evil.example:8000"})
        assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "foreign_host")
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            assert (await get(gateway, "/api/v1/stations", headers={"Host": host})).status_code == 200
    async with serving(ManualClock(), loopback=False) as gateway:
        assert (await get(gateway, "/api/v1/stations", headers={"Host": "site.example"})).status_code == 200


async def test_no_page_of_the_gateway_asks_another_origin_for_anything() -> None:
    async with serving(ManualClock()) as gateway:
        for address in ("/", "/docs"):
            page = (await get(gateway, address)).text
            assert re.findall(r"(?:src|href)=[\"']?(?:https?:)?//", page) == []
        assert "/api/v1/stations/{station}/history" in (await get(gateway, "/docs")).text
        assert (await get(gateway, "/openapi.json")).json()["info"]["title"] == "swaptwin"


async def test_without_a_built_web_app_a_page_says_how_to_build_it() -> None:
    async with serving(ManualClock()) as gateway:
        for address in ("/", "/stations/S001"):
            page = await get(gateway, address)
            assert page.status_code == 200
            assert "make ui" in page.text
        assert (await get(gateway, "/api/ui")).json() == {"built": False, "hash": None}
        assert (await get(gateway, "/api/asyncapi.json")).json()["info"]["version"] == "0.0.test"


async def test_the_built_web_app_is_served_and_cached_rightly(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>app</title>")
    (tmp_path / "assets" / "main-1a2b.js").write_text("1")
    (tmp_path / "favicon.svg").write_text("<svg/>")
    (tmp_path.parent / "secret.txt").write_text("no")
    async with serving(ManualClock(), static=tmp_path) as gateway:
        for address in ("/", "/stations/S001"):
            page = await get(gateway, address)
            assert "<title>app</title>" in page.text
            assert page.headers["cache-control"] == "no-cache"
        again = await get(gateway, "/", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304
        asset = await get(gateway, "/assets/main-1a2b.js")
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await get(gateway, "/favicon.svg")).headers["cache-control"] == "no-cache"
        for missing in ("/assets/old-ffff.js", "/%2e%2e/secret.txt", "/x.php", "/api/v1/x"):
            assert (await get(gateway, missing)).status_code == 404
        status = (await get(gateway, "/api/ui")).json()
        assert status == ui_status(tmp_path)
        assert status["built"] is True
