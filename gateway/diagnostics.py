"""All that is known of one device's link and points, for the engineer who looks for what is wrong."""

from math import isfinite
from typing import Any

import numpy as np

from adapters.raw_values import RawValues
from config.binding import BoundPoint
from gateway.image import Image
from gateway.layout import Layout
from gateway.read_plan import read_plan
from gateway.sink import DeviceSink
from gateway.tap import raw_seen
from gateway.views import Fields, device_view, quality_name, reason_name
from twin.signals import SIGNALS, ChargerState, Kind, Quality

DIGITS = 6


def diagnostics(image: Image, layout: Layout, sink: DeviceSink, raw: RawValues | None, now: float) -> Fields:
    """The device as in the topic ``devices``, and its errors by class, its read plan and its points."""
    link = sink.link
    known = image.as_of(np.arange(sink.rows.start, sink.rows.stop, dtype=np.int32))
    heard = known[np.isfinite(known)]
    last = link.last_data_time if link.last_data_time is not None else (float(heard.max()) if len(heard) else None)
    return device_view(image, layout, sink, now) | {
        "last_good": None if last is None else round(last, 3),
        "errors_by_class": dict(sorted(link.errors_by_class.items())),
        "round_trip_s": _round_trips(link.round_trips_s),
        "poll_plan": read_plan(sink.device),
        "points": [
            _point(image, bound, None if raw is None else raw.of(row), float(known[row]), now)
            for row, bound in enumerate(sink.device.points)
        ],
    }


def _round_trips(seconds: list[float]) -> dict[str, float | None]:
    if not seconds:
        return {"p50": None, "p95": None, "max": None}
    p50, p95 = np.percentile(seconds, [50.0, 95.0]).tolist()
    return {"p50": round(p50, 5), "p95": round(p95, 5), "max": round(max(seconds), 5)}


def _point(image: Image, bound: BoundPoint, raw: Any, known: float, now: float) -> Fields:
    row, signal = bound.number, SIGNALS[bound.point.entity, bound.point.signal]
    quality, reason = int(image.quality[row]), int(image.reason[row])
    source_time = float(image.source_time[row])
    return {
        "path": bound.path,
        "signal": signal.name,
        "slot": bound.slot,
        "address": address_of(bound),
        "raw": raw_seen(bound, raw, quality, reason),
        "value": _value(image, bound, quality),
        "unit": "" if signal.unit == "1" else signal.unit,
        "quality": quality_name(quality),
        "reason": reason_name(reason),
        "source_time": round(source_time, 3) if isfinite(source_time) else None,
        "age_s": round(max(now - known, 0.0), 1) if isfinite(known) else None,
    }


def _value(image: Image, bound: BoundPoint, quality: int) -> float | int | str | bool | None:
    value, kind = float(image.value[bound.number]), bound.signal.kind
    if quality == Quality.BAD or not isfinite(value):
        return None
    if kind is Kind.TEXT:
        return image.text(value) or None
    if kind is Kind.BOOL:
        return value != 0.0
    if kind is Kind.ENUM:
        return ChargerState(int(value)).name.lower()
    return int(value) if kind is Kind.COUNTER else round(value, DIGITS)


def address_of(bound: BoundPoint) -> str:
    """Where a point stands in its protocol, in words."""
    if isinstance(bound.address, int):
        bit = f".{bound.point.bit}" if bound.point.bit is not None else ""
        where = f"model {bound.model} +" if bound.model is not None else f"{bound.point.table} "
        return f"{where}{bound.address}{bit}"
    if bound.field:
        return f"{bound.address} {bound.field}"
    # The namespace is the same for all points of a device, and long.
    return bound.address.rsplit(";", 1)[-1]
