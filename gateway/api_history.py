"""HTTP: a station's past, thinned to what a chart can draw."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from config.clock import Clock
from gateway import schema
from gateway.answers import API, ApiError, json_answer, slots_and_summary, spell
from gateway.csv_text import csv_response
from gateway.history import History
from gateway.hub import Hub
from gateway.record_twin import SERIES as TWIN_SERIES
from gateway.recorder import COUNTS
from twin.signals import SIGNALS, Kind, path
from twin.spec import HORIZONS_S

SERIES = {
    "station": frozenset({*COUNTS, *(f"stockout_probability_{horizon:.0f}" for horizon in HORIZONS_S)}),
    "slot": frozenset(TWIN_SERIES),
}
"""Series in the store that no device sends."""
MAX_BUCKETS = 2000
MAX_SIGNALS = 12
DEFAULT_WINDOW_S = 3600.0
COLUMNS = ("min", "mean", "max", "last", "quality")

HistorySource = Callable[[str, float, float, int], Awaitable[History]]
"""Of a signal's path, from and to (UTC epoch seconds) and a number of buckets."""

From = Annotated[float | None, Query(alias="from", description="default: an hour before 'to'")]
To = Annotated[float | None, Query(description="default: now")]
Buckets = Annotated[int, Query(ge=1, le=MAX_BUCKETS)]
Format = Annotated[Literal["json", "csv"], Query()]
REFUSALS: dict[int | str, dict[str, Any]] = {404: {"model": schema.ErrorAnswer}, 422: {"model": schema.ErrorAnswer}}


def history_router(
    hub: Hub, clock: Clock, history: HistorySource, health: Callable[[], Mapping[str, Any]]
) -> APIRouter:
    """``health`` says the time zone and whether the site is emulated."""
    router = APIRouter()

    @router.get(
        f"{API}/stations/{{station}}/history",
        responses={200: {"model": schema.HistoryAnswer | schema.HistoriesAnswer}, **REFUSALS},
    )
    async def station_history(
        station: str,
        signal: Annotated[
            str | None, Query(description="of the vocabulary, or a series such as ready, twin_soc")
        ] = None,
        signals: Annotated[str | None, Query(description="several, separated by commas")] = None,
        slot: Annotated[int | None, Query(ge=1, description="for a slot's signal")] = None,
        from_: From = None,
        to: To = None,
        buckets: Buckets = 300,
        format: Format = "json",  # noqa: A002 - the parameter's name in the address
    ) -> Response:
        """The past of one signal or of several, thinned to buckets of equal width."""
        require_slot(hub, station, slot)
        names = _names(signal, signals)
        for name in names:
            _check_signal(name, slot)
        start, end = spell(clock.now(), from_, to, DEFAULT_WINDOW_S)
        past = dict(
            zip(
                names,
                await asyncio.gather(*(history(path(station, name, slot), start, end, buckets) for name in names)),
                strict=True,
            )
        )
        if format == "csv":
            return _csv(station, slot, past, health())
        head = {"station": station, "slot": slot, "from": start, "to": end}
        if signal is not None:
            return json_answer(head | {"signal": signal, **asdict(past[signal])})
        series = {name: {column: getattr(one, column) for column in COLUMNS} for name, one in past.items()}
        return json_answer(head | {"t": past[names[0]].t, "series": series})

    return router


def require_slot(hub: Hub, station: str, slot: int | None) -> None:
    """Raise ``ApiError`` where the station, or its slot, is not there."""
    _, slots = slots_and_summary(hub, station)
    if slot is not None and f"slot/{slot:02d}" not in slots:
        raise ApiError(404, "unknown_slot", f"{station} has no slot {slot}", f"Its slots are 1 to {len(slots)}.")


def _names(signal: str | None, signals: str | None) -> list[str]:
    if (signal is None) == (signals is None):
        raise ApiError(422, "invalid", "no signal is named", "Give either signal=NAME or signals=NAME,NAME.")
    names = list(dict.fromkeys(name.strip() for name in (signal or signals or "").split(",")))
    if len(names) > MAX_SIGNALS or (signal is not None and "," in signal):
        raise ApiError(422, "invalid", f"{len(names)} signals at once", f"Give at most {MAX_SIGNALS} in signals.")
    return names


def _check_signal(signal: str, slot: int | None) -> None:
    entity = "station" if slot is None else "slot"
    known = {name for (of, name), word in SIGNALS.items() if of == entity and word.kind is not Kind.TEXT}
    known |= SERIES[entity]
    if signal in known:
        return
    other = slot is None and (("slot", signal) in SIGNALS or signal in SERIES["slot"])
    remedy = "Add slot=NUMBER." if other else f"Signals of a {entity}: {', '.join(sorted(known))}."
    raise ApiError(422, "unknown_signal", f"a {entity} has no numeric signal {signal[:100]!r}", remedy)


def _csv(station: str, slot: int | None, past: dict[str, History], health: Mapping[str, Any]) -> Response:
    columns = {f"{name}_{column}": getattr(one, column) for name, one in past.items() for column in COLUMNS}
    columns = {"time": next(iter(past.values())).t} | columns
    rows = (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
    name = "-".join([station, *(["slot", str(slot)] if slot else []), *past])
    return csv_response(name, list(columns), rows, health["timezone"], emulated=health["emulated"])
