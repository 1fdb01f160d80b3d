"""Numbers and reasons in words, the same as the web app's. Pure."""

from math import floor
from typing import Any

UNKNOWN = "–"
HORIZONS = {"900": "15 min", "1800": "30 min", "3600": "60 min", "7200": "2 h"}

CHARGER = {
    "idle": ("I", "idle"),
    "charging": ("C", "charging"),
    "full": ("F", "full"),
    "cooling": ("T", "cooling"),
    "fault": ("X", "fault"),
    "disabled": ("D", "disabled"),
}
"""Letter and word of each charger state."""

_REASONS = {
    "out_of_range": "out of range",
    "sensor_failure": "sensor fault",
    "substituted": "estimated",
    "not_configured": "not configured",
}


def percent(share: float | None) -> str:
    """In whole percent.

    >>> percent(0.624), percent(None)
    ('62 %', '–')
    """
    return UNKNOWN if share is None else f"{floor(share * 100 + 0.5)} %"


def probable(share: float | None) -> str:
    """A probability, never rounded to certainty.

    >>> probable(0.001), probable(0.999), probable(0.0)
    ('<1 %', '>99 %', '0 %')
    """
    if share is not None and 0.0 < share < 0.005:
        return "<1 %"
    return ">99 %" if share is not None and 0.995 <= share < 1.0 else percent(share)


def kilowatts(watts: float | None) -> str:
    """With one digit.

    >>> kilowatts(8120.0)
    '8.1'
    """
    return UNKNOWN if watts is None else f"{watts / 1000:.1f}"


def span(seconds: float) -> str:
    """In one or two units.

    >>> span(42), span(185), span(7800), span(273600)
    ('42 s', '3 min 05 s', '2 h 10 min', '3 d 4 h')
    """
    whole = max(0, floor(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def roughly(seconds: float) -> str:
    """In its largest unit, for a narrow place.

    >>> roughly(99), roughly(100), roughly(7200), roughly(200000)
    ('99 s', '1 min', '2 h', '2 d')
    """
    whole = max(0, floor(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 172_800 else f"{whole // 86_400} d"


def age_s(time: float | None, now: float | None) -> float | None:
    """How old something is; ``None`` where it never came."""
    return None if time is None or now is None else max(0.0, now - time)


def trouble(quality: str, reason: str | None, silence_s: float | None) -> str:
    """Why a value is not good, with its age where silence is the reason.

    >>> trouble("bad", "stale", 42.0), trouble("good", None, None), trouble("bad", None, None)
    ('no data 42 s', 'good', 'bad')
    """
    if quality == "good":
        return "good"
    since = "" if silence_s is None else f" {roughly(silence_s)}"
    if reason == "stale":
        return f"no data{since}"
    if reason == "no_communication":
        return f"no contact{since}"
    return _REASONS.get(reason or "", quality)


def silent(reason: str | None) -> bool:
    """Whether the age of the last data says how bad it is."""
    return reason in {"stale", "no_communication"}


def ready_in(at: float | None, now: float) -> str:
    """When a charging pack is ready; ``None`` is never, as power is shared now.

    >>> ready_in(None, 0), ready_in(30, 0), ready_in(700, 0), ready_in(9000, 0)
    ('waiting', 'in <1 min', 'in 12 min', 'in 2 h')
    """
    if at is None:
        return "waiting"
    left_s = at - now
    if left_s < 60:
        return "in <1 min"
    return f"in {round(left_s / 60)} min" if left_s < 5400 else f"in {roughly(left_s)}"


def drift(alarm: dict[str, Any]) -> str:
    """What telemetry keeps saying against the site file, with its size."""
    size = float(alarm["magnitude"])
    sign = "−" if size < 0 else "+"
    if alarm["kind"] == "degraded charger":
        return f"charger weaker than expected, {sign}{abs(size) * 100:.0f} %"
    if alarm["kind"] == "soc sensor drift":
        return f"state of charge does not follow the charge, {sign}{abs(size) * 100:.1f} % per hour"
    if alarm["kind"] == "station power mismatch":
        return f"station draws {'less' if size < 0 else 'more'} than its parts explain, {sign}{abs(size) * 100:.0f} %"
    return str(alarm["kind"])
