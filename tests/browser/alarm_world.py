"""Alarms as the gateway publishes them, made from its own catalogue."""

from typing import Any

from config.alarm_catalogue import CATALOGUE

Fields = dict[str, Any]


def alarm(alarm_id: str, since: float, **changes: Any) -> Fields:
    """An alarm that was just raised; station, slot or device and condition stand in its id."""
    path, _, name = alarm_id.rpartition(".")
    station, _, rest = path.partition(".")
    condition = CATALOGUE[name]
    slot = rest.removeprefix("slot.") if rest.startswith("slot.") else None
    values: Fields = {"slot": int(slot)} if slot else {"device": rest} if rest else {}
    text = {part: getattr(condition, part).format(**values) for part in ("title", "cause", "consequence", "action")}
    return (
        {
            "id": alarm_id,
            "station": station,
            "source": path,
            "condition": name,
            "state": "unacknowledged",
            "active": True,
            "priority": condition.priority,
            "text_key": name,
            "text_values": values,
            "respond_s": condition.respond_s,
            "group": condition.group,
            "since": since,
            "returned_at": None,
            "acked_at": None,
            "acked_by": None,
            "shelved_until": None,
            "shelved_by": None,
            "reason": None,
            "value": None,
            "limit": condition.limit,
            "unit": condition.unit,
        }
        | text
        | changes
    )


def line(seq: int, fields: Fields, change: str, time: float, **changes: Any) -> Fields:
    """A line of the journal, as REST and the events tell it."""
    return {
        "seq": seq,
        "time": time,
        "id": fields["id"],
        "station": fields["station"],
        "condition": fields["condition"],
        "priority": fields["priority"],
        "change": change,
        "state": fields["state"],
        "by": None,
        "comment": None,
        "value": None,
    } | changes


def some(now: float) -> dict[str, Fields]:
    """One alarm of every priority and of every state."""
    alarms = [
        alarm("S002.smoke", now - 40),
        alarm("S001.slot.03.charger_fault", now - 600, state="acknowledged", acked_at=now - 300, acked_by="Ana"),
        alarm("S003.cabinet.device_away", now - 1200, state="returned", active=False, returned_at=now - 60),
        alarm("S004.slot.01.pack_hot", now - 90, value=52.4),
        alarm("S005.slot.02.soc_sensor_drift", now - 90_000),
        alarm(
            "S006.cabinet.clock_skew", now - 7200, state="acknowledged", value=12.0, acked_at=now - 60, acked_by="Ana"
        ),
        alarm(
            "S001.slot.04.door_left_open",
            now - 5000,
            state="shelved",
            shelved_until=now + 3000,
            shelved_by="Ana",
            reason="Hinge is ordered",
        ),
        alarm("S003.stockout_expected", now - 300, state="suppressed"),
        alarm("S005.humidity_high", now - 300, state="out_of_service", reason="Sensor is being changed"),
    ]
    return {each["id"]: each for each in alarms}


def flood(now: float, number: int) -> dict[str, Fields]:
    """So many alarms of slots, each of another slot or condition; the first of the list is the newest of priority 1."""
    conditions = [name for name, condition in CATALOGUE.items() if "{slot}" in condition.title]
    places = [f"S{station:03d}.slot.{slot:02d}" for station in range(1, 41) for slot in range(1, 13)]
    ids = [f"{place}.{name}" for name in conditions for place in places][:number]
    return {alarm_id: alarm(alarm_id, now - 5 - i) for i, alarm_id in enumerate(ids)}


def journal(now: float) -> list[Fields]:
    alarms = list(some(now).values())
    lines = [line(i, each, "raised", now - 900 + i) for i, each in enumerate(alarms)]
    lines.append(line(50, alarms[1], "acknowledged", now - 300, by="Ana", comment="On my way"))
    return lines[::-1]


def measures(now: float) -> Fields:
    per_hour = [{"time": now - 86_400 + 3600 * i, "raised": (i * 7) % 13} for i in range(24)]
    return {
        "from": now - 86_400,
        "to": now,
        "raised": sum(hour["raised"] for hour in per_hour),
        "per_hour": per_hour,
        "per_operator_day": 140.0,
        "average_per_10_min": 0.97,
        "peak_per_10_min": 14,
        "flood_share": 0.014,
        "floods": [{"start": now - 7200, "end": now - 6000, "raised": 14}],
        "by_priority": {"1": 6, "2": 30, "3": 90, "4": 14},
        "chattering": [{"id": "S002.slot.07.charger_warning", "raised": 9}],
        "stale": [{"id": "S005.slot.02.soc_sensor_drift", "since": now - 90_000}],
        "top": [
            {
                "id": "S002.slot.07.charger_warning",
                "station": "S002",
                "condition": "charger_warning",
                "raised": 41,
                "share": 0.29,
            }
        ],
        "unacknowledged_s": {"p50": 42.0, "p95": 340.0},
    }
