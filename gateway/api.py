"""HTTP under ``/api/v1``: the hub's topics as plain answers, the history, health; and what else the port serves."""

import html
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, FastAPI, Query
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, WebSocketRoute

from config.clock import Clock
from gateway import schema
from gateway.asyncapi import asyncapi
from gateway.guard import Guard
from gateway.history import History
from gateway.hub import Fields, Hub, UnknownTopicError
from gateway.metrics import registry
from gateway.stream import Stream
from gateway.ui import STATIC, Ui, ui_status
from twin.signals import SIGNALS, Kind, path

API = "/api/v1"
SERIES = frozenset({"ready", "stockout_probability_3600"})
"""Station series in the store that no device sends."""
MAX_BUCKETS = 2000
DEFAULT_WINDOW_S = 3600.0

HistorySource = Callable[[str, float, float, int], Awaitable[History]]
"""Of a signal's path, from and to (UTC epoch seconds) and a number of buckets."""


class ApiError(Exception):
    """An answer other than 200, in the shape that every error has."""

    def __init__(self, status: int, code: str, message: str, remedy: str) -> None:
        self.status, self.code, self.message, self.remedy = status, code, message, remedy
        super().__init__(message)


def spell(now: float, from_: float | None, to: float | None, width_s: float) -> tuple[float, float]:
    """The time that a query asks about: up to now, and so much before, unless it says otherwise."""
    end = now if to is None else to
    start = end - width_s if from_ is None else from_
    if not 0.0 <= start < end < 1e11:
        raise ApiError(422, "invalid", f"no time lies from {start:g} to {end:g}", "Give from < to in epoch seconds.")
    return start, end


def create_app(
    hub: Hub,
    *,
    clock: Clock,
    stream: Stream,
    history: HistorySource,
    health: Callable[[], Mapping[str, Any]],
    ready: Callable[[], bool],
    loopback: bool,
    version: str,
    routers: Iterable[APIRouter] = (),
    static: Path = STATIC,
) -> FastAPI:
    """The gateway's ASGI application.

    ``health`` is the report of ``gateway.health.Health``; ``ready`` tells whether the first image is complete;
    ``loopback``: it listens where only this machine can reach it (``gateway.guard.is_loopback``); ``routers`` are
    addresses of other rooms.
    """
    app = FastAPI(
        title="swaptwin",
        version=version,
        description="Live state and stockout forecasts of battery-swap stations. Times are UTC epoch seconds.",
        docs_url=None,
        redoc_url=None,
    )
    _handle_errors(app)
    _add_stations(app, hub, clock, history, health)
    _add_status(app, hub, clock, health, ready, static)
    for router in routers:
        app.include_router(router)
    app.router.routes.append(WebSocketRoute(f"{API}/stream", stream.endpoint))
    app.router.routes.append(Mount("/", Ui(static)))
    app.add_middleware(Guard, loopback=loopback)
    return app


def _add_stations(
    app: FastAPI, hub: Hub, clock: Clock, history: HistorySource, health: Callable[[], Mapping[str, Any]]
) -> None:
    refusals: dict[int | str, dict[str, Any]] = {404: {"model": schema.ErrorAnswer}, 422: {"model": schema.ErrorAnswer}}

    def slots_and_summary(station: str) -> tuple[Fields, dict[str, Fields]]:
        try:
            content = hub.snapshot(f"station/{station}")
            return content.pop("station"), content
        except KeyError:  # UnknownTopicError is one: the topic is not there, or not filled yet
            raise ApiError(
                404, "unknown_station", f"no station is called {station[:100]!r}", f"{API}/stations lists them."
            ) from None

    @app.get(f"{API}/stations", responses={200: {"model": list[schema.StationSummary]}})
    async def stations() -> Response:
        """All stations, as summaries."""
        now = clock.now()
        return _json([_aged(fields, now) for fields in _snapshot(hub, "stations").values()])

    @app.get(f"{API}/stations/{{station}}", responses={200: {"model": schema.StationDetail}, 404: refusals[404]})
    async def station_detail(station: str) -> Response:
        """One station with its slots."""
        summary, slots = slots_and_summary(station)
        now = clock.now()
        aged = [slot | {"age_s": _age_s(slot.get("data_time"), now)} for _, slot in sorted(slots.items())]
        return _json(_aged(summary, now) | {"slots": aged})

    @app.get(
        f"{API}/stations/{{station}}/forecast", responses={200: {"model": schema.ForecastAnswer}, 404: refusals[404]}
    )
    async def station_forecast(station: str) -> Response:
        """A station's latest forecast."""
        slots_and_summary(station)
        forecast = _snapshot(hub, f"forecast/{station}").get("forecast")
        if forecast is None:
            if health().get("forecast", {}).get("state") == "preparing":
                remedy = "Forecasts are being prepared; the first start of a release takes up to a minute."
            else:
                remedy = "It comes as soon as the station's devices have reported."
            raise ApiError(404, "no_forecast", f"{station} has no forecast yet", remedy)
        if forecast["data_age_s"] is not None:
            since = max(clock.now() - forecast["generated_at"], 0.0)
            forecast = forecast | {"data_age_s": round(forecast["data_age_s"] + since, 1)}
        return _json(forecast)

    @app.get(f"{API}/stations/{{station}}/history", responses={200: {"model": schema.HistoryAnswer}, **refusals})
    async def station_history(
        station: str,
        signal: Annotated[str, Query(description="of the vocabulary, or ready, stockout_probability_3600")],
        slot: Annotated[int | None, Query(ge=1, description="for a slot's signal")] = None,
        from_: Annotated[float | None, Query(alias="from", description="default: an hour before 'to'")] = None,
        to: Annotated[float | None, Query(description="default: now")] = None,
        buckets: Annotated[int, Query(ge=1, le=MAX_BUCKETS)] = 300,
    ) -> Response:
        """A signal's past, thinned to buckets of equal width."""
        _, slots = slots_and_summary(station)
        if slot is not None and f"slot/{slot:02d}" not in slots:
            raise ApiError(404, "unknown_slot", f"{station} has no slot {slot}", f"Its slots are 1 to {len(slots)}.")
        _check_signal(signal, slot)
        start, end = spell(clock.now(), from_, to, DEFAULT_WINDOW_S)
        past = await history(path(station, signal, slot), start, end, buckets)
        return _json({"station": station, "signal": signal, "slot": slot, "from": start, "to": end, **asdict(past)})


def _add_status(
    app: FastAPI,
    hub: Hub,
    clock: Clock,
    health: Callable[[], Mapping[str, Any]],
    ready: Callable[[], bool],
    static: Path,
) -> None:
    metrics = registry(health)

    @app.get(f"{API}/devices", responses={200: {"model": list[schema.DeviceAnswer]}})
    async def devices() -> Response:
        """All devices and their links."""
        now = clock.now()
        return _json([_aged(fields, now) for fields in _snapshot(hub, "devices").values()])

    @app.get(f"{API}/health", responses={200: {"model": schema.HealthAnswer}})
    async def health_report() -> Response:
        """How the gateway is. Always 200: a degraded gateway still serves."""
        return _json(health())

    @app.get(f"{API}/ready", responses={200: {"model": schema.ReadyAnswer}, 503: {"model": schema.ReadyAnswer}})
    async def readiness() -> Response:
        """Whether the first image of all devices is complete."""
        is_ready = ready()
        return _json({"ready": is_ready}, 200 if is_ready else 503)

    @app.get("/api/ui")
    def ui() -> Response:
        """Whether the web app was built, and which build it is."""
        return _json(ui_status(static))

    @app.get("/api/asyncapi.json", include_in_schema=False)
    async def stream_description() -> Response:
        return _json(asyncapi(app.version))

    @app.get("/metrics", include_in_schema=False)
    async def prometheus() -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(_docs_page(app.openapi()))


def _snapshot(hub: Hub, topic: str) -> dict[str, Fields]:
    try:
        return hub.snapshot(topic)
    except UnknownTopicError:
        return {}  # nothing published yet: the gateway has just started


def _check_signal(signal: str, slot: int | None) -> None:
    entity = "station" if slot is None else "slot"
    known = {name for (of, name), word in SIGNALS.items() if of == entity and word.kind is not Kind.TEXT}
    if slot is None:
        known |= SERIES
    if signal in known:
        return
    other = slot is None and ("slot", signal) in SIGNALS
    remedy = "Add slot=NUMBER." if other else f"Signals of a {entity}: {', '.join(sorted(known))}."
    raise ApiError(422, "unknown_signal", f"a {entity} has no numeric signal {signal[:100]!r}", remedy)


def _age_s(time: float | None, now: float) -> float | None:
    return None if time is None else round(max(now - time, 0.0), 1)


def _aged(fields: Fields, now: float) -> Fields:
    """With the age that its data has now, not when it was published."""
    return fields | {"data_age_s": _age_s(fields.get("data_time"), now)}


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, {"Cache-Control": "no-store"}, "application/json")


def _handle_errors(app: FastAPI) -> None:
    def answer(status: int, code: str, message: str, remedy: str, headers: Mapping[str, str] | None = None) -> Response:
        response = _json({"error": {"code": code, "message": message, "remedy": remedy}}, status)
        response.headers.update(headers or {})
        return response

    @app.exception_handler(ApiError)
    async def refused(_: Request, error: ApiError) -> Response:
        return answer(error.status, error.code, error.message, error.remedy)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        problems = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return answer(422, "invalid", problems, "See /docs for what this address takes.")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        message = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return answer(error.status_code, code, message, "See /docs for what there is.", error.headers)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        # Starlette raises it again behind this answer, so that the server logs it with its traceback.
        return answer(500, "internal", "the gateway failed to answer this", "Its log says why; please report it.")


def _docs_page(description: Mapping[str, Any]) -> str:
    """The API's operations as one plain page, since the usual viewers load their scripts from elsewhere."""
    rows = []
    for address, operations in description["paths"].items():
        for method, operation in operations.items():
            parameters = ", ".join(p["name"] for p in operation.get("parameters", []) if p["in"] == "query")
            cells = (f"<code>{method.upper()} {html.escape(address)}</code>", html.escape(parameters))
            text = html.escape(operation.get("description", ""))
            rows.append(f"<tr><td>{cells[0]}</td><td>{cells[1]}</td><td>{text}</td></tr>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>swaptwin: API</title></head><body>'
        f"<h1>swaptwin {html.escape(description['info']['version'])}: API</h1>"
        f"<p>{html.escape(description['info']['description'])}</p>"
        '<p>All shapes: <a href="/openapi.json">/openapi.json</a>. '
        f'Live data: the WebSocket <code>{API}/stream</code> (swap.v1), <a href="/api/asyncapi.json">described</a>. '
        'Measurements of the gateway itself: <a href="/metrics">/metrics</a>.</p>'
        f"<table><tr><th>address</th><th>query</th><th></th></tr>{''.join(rows)}</table></body></html>"
    )
