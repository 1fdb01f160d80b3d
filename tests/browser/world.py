"""A small network as the gateway publishes it: the JSON of docs, with numbers that a test can name."""

from typing import Any

from gateway.history import History

Fields = dict[str, Any]

NAMES = ["Harbour", "North Station", "Market Square", "University", "Ring Road West", "Old Mill"]
PROTOCOLS = [["opcua"], ["modbus"], ["mqtt"], ["opcua"], ["modbus"], ["modbus", "mqtt", "opcua"]]
HOUR = [0.02, 0.62, 0.0, 0.27, 0.08, 0.001]
TARGET = 0.05
STATES = ["charging", "full", "charging", "idle", "full", "cooling", "charging", "full", "charging", "charging"]


def probabilities(hour: float) -> Fields:
    return {"900": round(hour * 0.3, 4), "1800": round(hour * 0.6, 4), "3600": hour, "7200": min(1.0, hour * 1.4)}


def summary(index: int, now: float, **changes: Any) -> Fields:
    """The summary of station ``index`` (from 0)."""
    return {
        "id": f"S{index + 1:03d}",
        "name": NAMES[index],
        "latitude": 25.0 + 0.02 * index,
        "longitude": 121.5 + 0.03 * (index % 3),
        "quality": "good",
        "reason": None,
        "data_time": now,
        "data_age_s": 0.0,
        "slots": 10,
        "bays": 1,
        "occupied": 9,
        "ready": 7 - index,
        "ready_quality": "good",
        "ready_reason": None,
        "charging": 5,
        "faulted": 0,
        "power_w": 8120.0 + 900 * index,
        "power_quality": "good",
        "grid_limit_w": 20000.0,
        "swaps_today": 41 + index,
        "lost_today": 1.5 if index == 1 else 0.0,
        "stockout_probability": probabilities(HOUR[index]),
        "forecast_time": now - 8,
        "protocols": PROTOCOLS[index],
        "drifts": [],
    } | changes


def device(index: int, now: float, **changes: Any) -> Fields:
    return {
        "id": f"S{index + 1:03d}/cabinet",
        "station": f"S{index + 1:03d}",
        "protocol": PROTOCOLS[index][0],
        "state": "connected",
        "quality": "good",
        "data_time": now,
    } | changes


def slot(number: int, now: float, **changes: Any) -> Fields:
    """One slot; number 4 is empty."""
    state = STATES[number - 1]
    empty = number == 4
    soc = None if empty else {"full": 0.98, "cooling": 0.11}.get(state, 0.2 + 0.07 * number)
    temperature = None if empty else 24.0 + number
    return {
        "slot": number,
        "quality": "good",
        "reason": None,
        "source_time": now,
        "data_time": now,
        "occupied": not empty,
        "enabled": True,
        "door_open": False,
        "locked": not empty,
        "pack_id": None if empty else f"PK-00{number:02d}7A{number:X}F",
        "soc": soc,
        "soh": None if empty else 0.94,
        "temperature_c": temperature,
        "cycle_count": None if empty else 210 + number,
        "capacity_wh": None if empty else 1480.0,
        "charger_state": state,
        "power_w": 1450.0 if state == "charging" else 0.0,
        "voltage_v": 52.4,
        "current_a": 27.7 if state == "charging" else 0.0,
        "ready": soc is not None and soc >= 0.9,
        "not_good": {},
        "twin": {"soc": soc, "temperature_c": temperature, "quality": "good", "reason": None, "drift": []},
    } | changes


def station(index: int, now: float, **changes: Any) -> dict[str, Fields]:
    return {"station": summary(index, now, **changes)} | {f"slot/{n:02d}": slot(n, now) for n in range(1, 11)}


def forecast(index: int, now: float, **changes: Any) -> Fields:
    """A forecast that falls from seven ready packs and widens."""
    steps = range(121)
    middle = [max(0.0, 7 - index - 0.04 * i) for i in steps]

    def band(width: float) -> list[int]:
        return [round(max(0.0, min(10.0, m + width * (i / 120) ** 0.5))) for i, m in zip(steps, middle, strict=True)]

    return {
        "station": f"S{index + 1:03d}",
        "generated_at": now - 8,
        "valid_until": now + 7192,
        "model": "ensemble/learned-demand",
        "replicas": 500,
        "seed": 7,
        "quality": "good",
        "reason": None,
        "data_age_s": 0.4,
        "stockout_probability": probabilities(HOUR[index]),
        "lost_swaps": {"900": 0.0, "1800": 0.2, "3600": 1.1, "7200": 3.4},
        "time_to_stockout_s": {"p10": 1900.0, "p50": 4600.0, "p90": None},
        "ready": {"t": [now - 8 + 60 * i for i in steps]}
        | {"p05": band(-3.2), "p25": band(-1.3), "p50": band(0), "p75": band(1.3), "p95": band(3.2)},
        "eta": [
            {"slot": 1, "ready_s": 728.0, "full_s": 2400.0},
            {"slot": 3, "ready_s": None, "full_s": None},
            {"slot": 7, "ready_s": 9008.0, "full_s": 12_008.0},
        ],
        "drivers": {"demand": 0.31, "charging": 0.22, "faults": 0.0} if HOUR[index] >= 0.02 else None,
        "advice": advice(HOUR[index]) if HOUR[index] > TARGET else None,
    } | changes


def advice(probability: float) -> Fields:
    """What would bring such a risk under the target."""
    return {
        "target": TARGET,
        "probability": probability,
        "text": f"Bring 1 full pack: the risk of a stockout within 60 min falls from {100 * probability:.0f} % to 4 %.",
        "options": [
            {"action": "packs_added", "amount": 1, "slots": [], "probability": 0.04},
            {"action": "grid_limit_w", "amount": 24_000.0, "slots": [], "probability": 0.046},
        ],
    }


def futures(index: int, now: float, hour: float) -> Fields:
    """One ensemble of a what-if answer."""
    made = forecast(index, now, stockout_probability=probabilities(hour))
    return {key: made[key] for key in ("replicas", "stockout_probability", "lost_swaps", "time_to_stockout_s", "ready")}


def whatif(index: int, now: float, hour: float) -> Fields:
    """The answer to a question whose change makes a stockout within the hour as likely as ``hour``."""
    base, changed = futures(index, now, HOUR[index]), futures(index, now, hour)
    changed["ready"] = changed["ready"] | {"p50": [6] * 121, "p05": [5] * 121, "p95": [8] * 121}
    difference = {
        horizon: {"mean": after - before, "low": after - before - 0.02, "high": after - before + 0.02}
        for (horizon, before), after in zip(
            base["stockout_probability"].items(), changed["stockout_probability"].values(), strict=True
        )
    }
    none = {horizon: {"mean": 0.0, "low": 0.0, "high": 0.0} for horizon in difference}
    return {
        "station": f"S{index + 1:03d}",
        "generated_at": now,
        "model": "ensemble/learned-demand",
        "quality": "good",
        "reason": None,
        "seed": 7,
        "replicas": 500,
        "base": base,
        "changed": changed,
        "difference": {"stockout_probability": difference, "lost_swaps": none},
        "changes": [{"what": "packs_added", "before": 9, "after": 10, "slots": [4]}],
    }


def swap(station: str, time: float, **changes: Any) -> Fields:
    return {
        "time": time,
        "station": station,
        "kind": "swap",
        "slot": 2,
        "pack_out": "PK-00027A2F",
        "pack_in": "PK-00910B1C",
        "soc_out": 0.98,
        "soc_in": 0.12,
    } | changes


def skill(**hour: Any) -> Fields:
    """What is scored of the forecasts of the next hour; nothing, where nothing is given."""
    return {"station": "S001", "as_of": 0.0, "window_s": 2_419_200.0, "scores": {"3600": hour} if hour else {}}


def history(now: float) -> History:
    """The last hour of ready packs, a bucket of 12 s each, with five minutes that nobody knows."""
    times = [now - 3600 + 12 * i for i in range(300)]
    values: list[float | None] = [7.0 + (i // 40 * 5) % 4 - 2 for i in range(300)]
    for i in range(100, 125):
        values[i] = None
    quality = [None if value is None else "good" for value in values]
    return History(times, values, values, values, values, quality)


def health(**changes: Any) -> Fields:
    return {
        "status": "ok",
        "version": "0.1.0",
        "site": "demo",
        "name": "Demo city",
        "timezone": "Asia/Taipei",
        "speed": 1.0,
        "emulated": True,
    } | changes
