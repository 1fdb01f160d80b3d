"""What the gateway answers on the pages of slots, packs and devices, with numbers that a test can name."""

from typing import Any

from playwright.sync_api import Page, Route
from world import Fields

NORMAL: dict[str, list[float | None] | None] = {
    "soc": [0.0, 1.0],
    "temperature_c": [0.0, 45.0],
    "soh": [0.8, None],
    "power_w": [0.0, 1575.0],
    "voltage_v": [37.4, 56.2],
    "charger_state": None,
    "occupied": None,
    "door_open": None,
}
"""The signals that the station's devices report, with their normal ranges."""
SILENT = ("locked", "enabled", "cycle_count", "capacity_wh", "current_a")


def signals() -> list[Fields]:
    return [
        {"entity": "slot", "signal": name, "unit": "", "normal": normal, "reported": True}
        for name, normal in NORMAL.items()
    ] + [{"entity": "slot", "signal": name, "unit": "", "normal": None, "reported": False} for name in SILENT]


def charge(now: float) -> Fields:
    """A charge that began 20 min ago and is five points of SoC behind what was expected."""
    times = [now - 1200 + 60 * i for i in range(21)]
    later = [now - 1200 + 60 * i for i in range(41)]
    return {
        "slot": 1,
        "pack_id": "PK-00017A1F",
        "since": now - 1200,
        "until": None,
        "measured": {"t": times, "soc": [0.2 + 0.0125 * i for i in range(21)], "power_w": [1200.0] * 21},
        "expected": {"t": later, "soc": [0.2 + 0.015 * i for i in range(41)], "power_w": [1400.0] * 41},
    }


def stays(now: float) -> list[Fields]:
    """A pack that charged in slot 7 of S002 yesterday and stands in slot 1 of S001 now."""
    keys = ("from", "to", "station", "slot", "soc_first", "soc_last", "temperature_max_c")
    rows = [
        (now - 1800, None, "S001", 1, 0.12, 0.27, 31.5),
        (now - 90_000, now - 80_000, "S002", 7, 0.2, 1.0, 38.2),
    ]
    return [dict(zip(keys, row, strict=True)) for row in rows]


def truth(now: float) -> Fields:
    return {"time": now, "ready": 5, "occupied": [True] * 10, "soc": [0.25] * 10}


def device(number: int, now: float, **changes: Any) -> Fields:
    """One of many devices, calm as they come."""
    name = f"S{number:03d}/cabinet"
    return {
        "id": name,
        "station": f"S{number:03d}",
        "protocol": "modbus",
        "profile": "modbus-swap-cabinet",
        "url": f"modbus://10.0.0.{number % 250}:502",
        "state": "connected",
        "detail": "",
        "since": now - 86_400,
        "quality": "good",
        "reason": None,
        "points": 140,
        "good": 140,
        "stale": 0,
        "frozen": 0,
        "bad": 0,
        "data_time": now - 0.4,
        "data_age_s": 0.4,
        "reconnects": 0,
        "errors": 0,
        "missed_cycles": 0,
        "dropped": 0,
        "gaps": 0,
        "repeats": 0,
        "clock_skew_s": None,
        "round_trip_p50_ms": 3.2,
        "round_trip_p95_ms": 7.8,
    } | changes


def diagnostics(now: float) -> Fields:
    reading = {"slot": 3, "quality": "good", "reason": None, "source_time": now - 1, "age_s": 1.0}
    bad = {"quality": "bad", "reason": "sensor_failure"}
    return {
        "id": "S001/cabinet",
        "protocol": "modbus",
        "url": "modbus://10.0.0.1:502",
        "profile": "modbus-swap-cabinet",
        "state": "connected",
        "detail": "",
        "since": now - 86_400,
        "last_good": now - 0.4,
        "reconnects": 2,
        "errors": 9,
        "errors_by_class": {"no_answer": 7, "refused": 2},
        "missed_cycles": 1,
        "dropped": 0,
        "gaps": 0,
        "repeats": 0,
        "clock_skew_s": None,
        "round_trip_s": {"p50": 0.0032, "p95": 0.0078, "max": 0.052},
        "poll_plan": ["every 1 s: holding 100 to 219 in 1 request", "every 60 s: holding 400 to 423 in 1 request"],
        "points": [
            reading
            | {
                "path": "S001/slot/03/soc",
                "signal": "soc",
                "address": "holding 104",
                "raw": 413,
                "value": 0.413,
                "unit": "1",
            },
            reading
            | {
                "path": "S001/slot/03/temperature_c",
                "signal": "temperature_c",
                "address": "holding 105",
                "raw": 65535,
                "value": None,
                "unit": "C",
            }
            | bad,
        ],
    }


def answer(page: Page, now: float, *, missing: frozenset[str] = frozenset()) -> list[str]:
    """Answer the addresses of these pages; returns the addresses that were asked. ``missing`` ones are refused."""
    asked: list[str] = []

    def serve(pattern: str, content: Any) -> None:
        def reply(route: Route) -> None:
            asked.append(route.request.url)
            if pattern in missing:
                error = {"code": "not_found", "message": "not there", "remedy": "Wait."}
                route.fulfill(status=404, json={"error": error})
            else:
                route.fulfill(json=content)

        page.route(pattern, reply)

    serve("**/stations/*/signals", signals())
    serve("**/slots/*/charge", charge(now))
    serve("**/packs/*/history**", stays(now))
    serve("**/emulator/truth/*", truth(now))
    serve("**/devices/*/cabinet/diagnostics", diagnostics(now))
    return asked
