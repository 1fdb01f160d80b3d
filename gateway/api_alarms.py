"""HTTP: alarms, what operators do with them, their journal and measures."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from config.clock import Clock
from gateway import schema, schema_alarms
from gateway.alarms.book import About, Entry, view
from gateway.alarms.engine import AlarmEngine
from gateway.alarms.measures import measures
from gateway.alarms.state import MOST_SHELVED_S, Alarm, WrongStateError
from gateway.api import API, ApiError, spell
from gateway.csv_text import csv_response
from gateway.ledger import Ledger
from gateway.ledger_tables import COLUMNS

MOST_LINES = 10_000
MOST_COUNTED = 200_000
"""Lines of the journal that the measures are made from at most."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
AlarmId = Annotated[str, StringConstraints(max_length=200)]


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")
    by: Name


class Acknowledge(Order):
    comment: Words | None = None


class AcknowledgeMany(Order):
    ids: Annotated[list[AlarmId], Field(min_length=1, max_length=1000)]


class Shelve(Order):
    duration_s: Annotated[float, Field(gt=0.0, le=MOST_SHELVED_S, description="site seconds")]
    reason: Words


class OutOfService(Order):
    reason: Words


def alarms_router(
    engine: AlarmEngine, ledger: Ledger, clock: Clock, zone: Callable[[], str], emulated: bool
) -> APIRouter:
    """The addresses of the alarm engine."""
    router = APIRouter()
    refusals: dict[int | str, dict[str, Any]] = {code: {"model": schema.ErrorAnswer} for code in (404, 409, 422)}
    one: dict[int | str, dict[str, Any]] = {200: {"model": schema_alarms.AlarmAnswer}, **refusals}

    def about(alarm_id: str) -> About:
        found = engine.about(alarm_id)
        if found is None:
            message = f"nothing at this site has an alarm {alarm_id[:200]!r}"
            raise ApiError(404, "unknown_alarm", message, f"{API}/alarms lists those that are not normal.")
        return found

    async def carry_out(alarm_id: str, order: Callable[[About], None]) -> Response:
        subject = about(alarm_id)
        try:
            order(subject)
        except WrongStateError as error:
            raise ApiError(409, "wrong_state", str(error), error.remedy) from error
        await engine.told()
        return _json(view(engine.book.get(alarm_id) or Entry(subject, Alarm())))

    @router.get(f"{API}/alarms", responses={200: {"model": list[schema_alarms.AlarmAnswer]}})
    async def alarms() -> Response:
        """All alarms that are not normal, the most urgent first."""
        shown = [view(entry) for entry in engine.alarms()]
        return _json(sorted(shown, key=lambda alarm: (alarm["priority"], -(alarm["since"] or 0.0))))

    @router.post(
        f"{API}/alarms/acknowledge", responses={200: {"model": schema_alarms.AcknowledgedAnswer}, 422: refusals[422]}
    )
    async def acknowledge_many(order: AcknowledgeMany) -> Response:
        """Acknowledge several alarms; says which were, and why others were not."""
        done: list[str] = []
        refused: list[dict[str, str]] = []
        for alarm_id in dict.fromkeys(order.ids):
            try:
                engine.book.acknowledged(about(alarm_id), clock.now(), order.by)
                done.append(alarm_id)
            except ApiError as error:
                refused.append({"id": alarm_id, "code": error.code, "message": error.message, "remedy": error.remedy})
            except WrongStateError as error:
                refused.append({"id": alarm_id, "code": "wrong_state", "message": str(error), "remedy": error.remedy})
        await engine.told()
        return _json({"acknowledged": done, "refused": refused})

    @router.post(f"{API}/alarms/{{alarm_id}}/acknowledge", responses=one)
    async def acknowledge(alarm_id: str, order: Acknowledge) -> Response:
        """An operator has seen the alarm."""
        now = clock.now()
        return await carry_out(alarm_id, lambda of: engine.book.acknowledged(of, now, order.by, order.comment))

    @router.post(f"{API}/alarms/{{alarm_id}}/shelve", responses=one)
    async def shelve(alarm_id: str, order: Shelve) -> Response:
        """Hide an alarm for a while, with the reason."""
        now = clock.now()
        until = now + order.duration_s
        return await carry_out(alarm_id, lambda of: engine.book.shelved(of, now, order.by, until, order.reason))

    @router.post(f"{API}/alarms/{{alarm_id}}/unshelve", responses=one)
    async def unshelve(alarm_id: str, order: Order) -> Response:
        """Show a shelved alarm again before its time."""
        return await carry_out(alarm_id, lambda of: engine.book.unshelved(of, clock.now(), order.by))

    @router.post(f"{API}/alarms/{{alarm_id}}/out_of_service", responses=one)
    async def take_out_of_service(alarm_id: str, order: OutOfService) -> Response:
        """Hide an alarm for maintenance, until it is put in service."""
        now = clock.now()
        return await carry_out(alarm_id, lambda of: engine.book.out_of_service(of, now, order.by, order.reason))

    @router.post(f"{API}/alarms/{{alarm_id}}/in_service", responses=one)
    async def put_in_service(alarm_id: str, order: Order) -> Response:
        """Show an alarm again after maintenance."""
        return await carry_out(alarm_id, lambda of: engine.book.in_service(of, clock.now(), order.by))

    @router.get(
        f"{API}/alarms/journal", responses={200: {"model": list[schema_alarms.JournalLine]}, 422: refusals[422]}
    )
    async def journal(
        from_: Annotated[float | None, Query(alias="from", description="default: a day before 'to'")] = None,
        to: Annotated[float | None, Query(description="default: now")] = None,
        station: Annotated[str | None, Query(max_length=32)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 1000,
        format: Literal["json", "csv"] = "json",  # noqa: A002 - the query's name
    ) -> Response:
        """Every change of every alarm, newest first."""
        start, end = spell(clock.now(), from_, to, 86_400.0)
        lines = await ledger.lines("alarm_journal", start, end, limit, station)
        if format == "csv":
            return csv_response("alarm-journal", list(COLUMNS["alarm_journal"]), lines, zone(), emulated=emulated)
        return _json(lines)

    @router.get(f"{API}/alarms/measures", responses={200: {"model": schema_alarms.MeasuresAnswer}, 422: refusals[422]})
    async def alarm_measures(hours: Annotated[float, Query(gt=0.0, le=24.0 * 31.0)] = 24.0) -> Response:
        """How well the alarms serve: how many come, when, from where, and how long they wait."""
        end = clock.now()
        start = end - 3600.0 * hours
        lines = await ledger.lines("alarm_journal", start, end, MOST_COUNTED)
        current = [view(entry) for entry in engine.alarms()]
        return _json(await asyncio.to_thread(measures, lines, current, start, end))

    return router


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), 200, {"Cache-Control": "no-store"}, "application/json")
