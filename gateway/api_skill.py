"""HTTP: how good a station's forecasts were, as far as their time has passed."""

from collections.abc import Container
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from gateway import schema
from gateway.api import API, ApiError
from gateway.skill import Skill


class SkillScores(schema.Shape):
    """Over the forecasts of one horizon. ``brier_skill`` is against the station's own past at the same half hour."""

    forecasts: int
    brier: float
    brier_skill: float | None
    ece: float
    log_loss: float
    base_rate: float


class SkillAnswer(schema.Shape):
    station: str
    as_of: float | None
    window_s: float
    scores: dict[str, SkillScores]


def skill_router(skill: Skill, stations: Container[str]) -> APIRouter:
    """The address that shows what ``skill`` has found."""
    router = APIRouter()
    responses: dict[int | str, dict[str, Any]] = {200: {"model": SkillAnswer}, 404: {"model": schema.ErrorAnswer}}

    @router.get(f"{API}/stations/{{station}}/skill", responses=responses)
    async def station_skill(station: str) -> Response:
        """How good a station's forecasts were; ``scores`` is empty until the first have matured."""
        if station not in stations:
            message = f"no station is called {station[:100]!r}"
            raise ApiError(404, "unknown_station", message, f"{API}/stations lists them.")
        return Response(orjson.dumps(skill.of(station)), 200, {"Cache-Control": "no-store"}, "application/json")

    return router
