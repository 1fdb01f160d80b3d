"""HTTP: the vocabulary as one station speaks it, with the range in which each value is normal there."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway import schema
from gateway.answers import API, ApiError, json_answer
from gateway.layout import Layout
from gateway.normal_ranges import normal_range
from twin.signals import SIGNALS, Kind


class SignalAnswer(schema.Shape):
    """``minimum`` and ``maximum`` bound what can be true anywhere; ``normal`` is null where no range is."""

    entity: str
    signal: str
    kind: str
    unit: str
    minimum: float | None
    maximum: float | None
    normal: tuple[float | None, float | None] | None
    reported: bool
    """Whether a device of the station reports it (of a slot: of at least one)."""
    description: str


def signals_router(layouts: Mapping[str, Layout]) -> APIRouter:
    """The address that lists the signals of one of the stations."""
    router = APIRouter()
    responses: dict[int | str, dict[str, Any]] = {
        200: {"model": list[SignalAnswer]},
        404: {"model": schema.ErrorAnswer},
    }

    @router.get(f"{API}/stations/{{station}}/signals", responses=responses)
    async def signals(station: str) -> Response:
        """All signals, with unit, limits and the range that is normal at this station."""
        layout = layouts.get(station)
        if layout is None:
            message = f"no station is called {station[:100]!r}"
            raise ApiError(404, "unknown_station", message, f"{API}/stations lists them.")
        return json_answer(_signals(layout))

    return router


def _signals(layout: Layout) -> list[dict[str, Any]]:
    found = []
    for (entity, name), signal in SIGNALS.items():
        reported = bool((layout.slot[name] >= 0).any()) if entity == "slot" else layout.own[name] >= 0
        bounded = signal.kind is not Kind.TEXT
        found.append(
            {
                "entity": entity,
                "signal": name,
                "kind": signal.kind.value,
                "unit": signal.unit,
                "minimum": signal.minimum if bounded else None,
                "maximum": signal.maximum if bounded else None,
                "normal": normal_range(layout.station, entity, name),
                "reported": reported,
                "description": signal.description,
            }
        )
    return found
