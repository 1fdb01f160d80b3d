"""What all addresses of the HTTP interface have in common: how they answer, and how they refuse."""

from typing import Any

import orjson
from starlette.responses import Response

from gateway.hub import Fields, Hub

API = "/api/v1"


class ApiError(Exception):
    """An answer other than 200, in the shape that every error has."""

    def __init__(self, status: int, code: str, message: str, remedy: str) -> None:
        self.status, self.code, self.message, self.remedy = status, code, message, remedy
        super().__init__(message)


def json_answer(content: Any, status: int = 200) -> Response:
    """Plain data as JSON that nobody caches."""
    return Response(orjson.dumps(content), status, {"Cache-Control": "no-store"}, "application/json")


def slots_and_summary(hub: Hub, station: str) -> tuple[Fields, dict[str, Fields]]:
    """A station's summary and its slots. Raises ``ApiError`` where it is not there."""
    try:
        content = hub.snapshot(f"station/{station}")
        return content.pop("station"), content
    except KeyError:  # UnknownTopicError is one: the topic is not there, or not filled yet
        raise ApiError(
            404, "unknown_station", f"no station is called {station[:100]!r}", f"{API}/stations lists them."
        ) from None


def spell(now: float, from_: float | None, to: float | None, width_s: float) -> tuple[float, float]:
    """The time that a query asks about: up to now, and so much before, unless it says otherwise."""
    end = now if to is None else to
    start = end - width_s if from_ is None else from_
    if not 0.0 <= start < end < 1e11:
        raise ApiError(422, "invalid", f"no time lies from {start:g} to {end:g}", "Give from < to in epoch seconds.")
    return start, end
