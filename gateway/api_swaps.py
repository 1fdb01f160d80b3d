"""HTTP: the swap log of a station."""

from collections.abc import Callable, Container
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from config.clock import Clock
from gateway import schema, schema_alarms
from gateway.api import API, ApiError, spell
from gateway.csv_text import csv_response
from gateway.ledger import Ledger
from gateway.ledger_tables import COLUMNS

MOST_LINES = 10_000


def swaps_router(
    ledger: Ledger, clock: Clock, stations: Container[str], zone: Callable[[], str], emulated: bool
) -> APIRouter:
    router = APIRouter()
    refusals: dict[int | str, dict[str, Any]] = {code: {"model": schema.ErrorAnswer} for code in (404, 422)}

    @router.get(
        f"{API}/stations/{{station}}/swaps", responses={200: {"model": list[schema_alarms.SwapAnswer]}, **refusals}
    )
    async def station_swaps(
        station: str,
        from_: Annotated[float | None, Query(alias="from", description="default: a day before 'to'")] = None,
        to: Annotated[float | None, Query(description="default: now")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 1000,
        format: Literal["json", "csv"] = "json",  # noqa: A002 - the query's name
    ) -> Response:
        """Swaps that were seen at a station, newest first, with what is known of the packs."""
        if station not in stations:
            message = f"no station is called {station[:100]!r}"
            raise ApiError(404, "unknown_station", message, f"{API}/stations lists them.")
        start, end = spell(clock.now(), from_, to, 86_400.0)
        lines = await ledger.lines("swaps", start, end, limit, station)
        if format == "csv":
            return csv_response(f"swaps-{station}", list(COLUMNS["swaps"]), lines, zone(), emulated=emulated)
        return Response(orjson.dumps(lines), 200, {"Cache-Control": "no-store"}, "application/json")

    return router
