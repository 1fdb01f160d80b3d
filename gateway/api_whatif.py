"""HTTP: what-if questions and advice of one station."""

from collections.abc import Container
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from gateway import schema
from gateway.api import API, ApiError
from gateway.forecast_object import Fields
from gateway.whatif import MOST_AT_ONCE, BusyError, NothingKnownError, PreparingError, Question, WhatIf
from twin.whatif import ChangeError


def whatif_router(whatif: WhatIf, stations: Container[str]) -> APIRouter:
    """The addresses that ask ``whatif``."""
    router = APIRouter()
    refusals: dict[int | str, dict[str, Any]] = {
        code: {"model": schema.ErrorAnswer} for code in (404, 409, 422, 429, 503)
    }

    @router.post(f"{API}/stations/{{station}}/whatif", responses={200: {"model": schema.WhatIfAnswer}, **refusals})
    async def station_whatif(station: str, question: Question) -> Response:
        """What a change would do to a station's risk of a stockout, from its live state."""
        _check(station, stations)
        try:
            return _json(await whatif.ask(station, question))
        except ChangeError as error:
            raise ApiError(422, "invalid_change", f"{error.key}: {error}", error.remedy) from error
        except (NothingKnownError, PreparingError, BusyError) as error:
            raise _refusal(station, error) from error

    @router.get(f"{API}/stations/{{station}}/advice", responses={200: {"model": schema.AdviceAnswer}, **refusals})
    async def station_advice(station: str) -> Response:
        """The smallest single action that brings the risk of a stockout within 60 min under the station's target."""
        _check(station, stations)
        try:
            return _json(await whatif.advice(station))
        except (NothingKnownError, PreparingError, BusyError) as error:
            raise _refusal(station, error) from error

    return router


def _check(station: str, stations: Container[str]) -> None:
    if station not in stations:
        raise ApiError(404, "unknown_station", f"no station is called {station[:100]!r}", f"{API}/stations lists them.")


def _refusal(station: str, error: Exception) -> ApiError:
    if isinstance(error, NothingKnownError):
        return ApiError(
            409, "no_state", f"nothing is known of {station} yet", "Ask again when its devices have reported."
        )
    if isinstance(error, PreparingError):
        return ApiError(503, "preparing", "forecasts are being prepared", "Ask again in a minute; /health tells when.")
    return ApiError(429, "busy", f"{MOST_AT_ONCE} questions are under way already", "Ask again in a second.")


def _json(content: Fields) -> Response:
    return Response(orjson.dumps(content), 200, {"Cache-Control": "no-store"}, "application/json")
