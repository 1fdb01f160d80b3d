"""HTTP: everything about one device."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway import schema
from gateway.answers import API, ApiError, json_answer
from gateway.hub import Fields


class PointAnswer(schema.Shape):
    """``raw`` is as the device gave it, before scale, sign and names; ``value`` is null where it is bad."""

    path: str
    signal: str
    slot: int | None
    address: str
    raw: int | float | str | bool | None
    value: int | float | str | bool | None
    unit: str
    quality: schema.QualityName
    reason: str | None
    source_time: float | None
    age_s: float | None


class RoundTrips(schema.Shape):
    p50: float | None
    p95: float | None
    max: float | None


class DiagnosticsAnswer(schema.Shape):
    """A device as in the list of devices, with all there is to know of its link and its points."""

    id: str
    station: str
    protocol: str
    profile: str
    url: str
    state: str
    detail: str | None
    since: float | None
    last_good: float | None
    reconnects: int
    errors: int
    errors_by_class: dict[str, int]
    missed_cycles: int
    dropped: int
    round_trip_s: RoundTrips
    poll_plan: list[str]
    points: list[PointAnswer]


def diagnostics_router(diagnose: Callable[[str], Fields | None]) -> APIRouter:
    """``diagnose(device id)``: what is known of it, ``None`` where there is no such device."""
    router = APIRouter()
    responses: dict[int | str, dict[str, Any]] = {200: {"model": DiagnosticsAnswer}, 404: {"model": schema.ErrorAnswer}}

    @router.get(f"{API}/devices/{{device:path}}/diagnostics", responses=responses)
    async def device_diagnostics(device: str) -> Response:
        """One device's link, its errors by class, how it is read, and every point raw and scaled."""
        found = diagnose(device)
        if found is None:
            raise ApiError(404, "unknown_device", f"no device is called {device[:100]!r}", f"{API}/devices lists them.")
        return json_answer(found)

    return router
