"""HTTP: what was forecast, how a charge went, and where a pack has been."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import isfinite
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from config.clock import Clock
from gateway import schema
from gateway.answers import API, ApiError, json_answer, spell
from gateway.api_history import DEFAULT_WINDOW_S, REFUSALS, Buckets, Format, From, To, require_slot
from gateway.charge import Curve, expected, measured
from gateway.csv_text import csv_response
from gateway.hub import Hub
from gateway.layout import Layout
from gateway.past import PastForecast, Stay, read_charge, read_forecasts, read_stays
from gateway.stays import Stays
from gateway.store import Store
from twin.signals import path
from twin.spec import HORIZONS_S

CHARGE_S = 86_400.0
"""Site seconds back from now in which the beginning of a charge is looked for."""
CHARGE_BUCKETS = 400
PACK_S = 30 * 86_400.0
MOST_STAYS = 1000


def past_router(
    hub: Hub,
    clock: Clock,
    store: Store,
    layouts: Mapping[str, Layout],
    stays: Stays,
    health: Callable[[], Mapping[str, Any]],
) -> APIRouter:
    """``health`` says the time zone and whether the site is emulated."""
    router = APIRouter()

    @router.get(f"{API}/stations/{{station}}/forecasts", responses={200: {"model": schema.ForecastsAnswer}, **REFUSALS})
    async def forecasts(
        station: str,
        horizon: Annotated[int, Query(description="seconds: 900, 1800, 3600 or 7200")] = 3600,
        from_: From = None,
        to: To = None,
        buckets: Buckets = 300,
        format: Format = "json",  # noqa: A002 - the parameter's name in the address
    ) -> Response:
        """What was forecast at times that have passed: the risk within a horizon, and the ready packs at its end."""
        require_slot(hub, station, None)
        if horizon not in HORIZONS_S:
            known = ", ".join(f"{each:.0f}" for each in HORIZONS_S)
            raise ApiError(422, "invalid", f"no forecast looks {horizon} s ahead", f"Horizons: {known}.")
        start, end = spell(clock.now(), from_, to, DEFAULT_WINDOW_S)
        made = await asyncio.to_thread(read_forecasts, store.file, station, horizon, start, end, buckets)
        if format == "csv":
            return _forecasts_csv(station, horizon, made, health())
        columns = {
            "t": [each.generated_at for each in made],
            "stockout_probability": [each.stockout_probability for each in made],
            "ready_p50": [each.ready_p50 for each in made],
            "quality": [each.quality for each in made],
        }
        return json_answer({"station": station, "horizon": horizon, "from": start, "to": end, **columns})

    @router.get(
        f"{API}/stations/{{station}}/slots/{{slot}}/charge",
        responses={200: {"model": schema.ChargeAnswer}, **REFUSALS},
    )
    async def charge(station: str, slot: int) -> Response:
        """The charge under way in a slot, or the latest one of its pack, beside the one that the model expects."""
        require_slot(hub, station, slot)
        now = clock.now()
        stay = stays.current(station, slot)
        begin = now - CHARGE_S if stay is None else max(stay.start - 1.0, now - CHARGE_S)
        found = await asyncio.to_thread(read_charge, store.file, station, slot, begin, now)
        pack_id = None if stay is None else stay.pack
        answer: dict[str, Any] = {"station": station, "slot": slot, "pack_id": pack_id, "since": None, "until": None}
        if found is None:
            return json_answer(answer | {"measured": asdict(Curve()), "expected": asdict(Curve())})
        since, until = found
        end = now if until is None else until
        soc, power_w, capacity_wh = await asyncio.gather(
            store.history(path(station, "soc", slot), since, max(end, since + 1.0), CHARGE_BUCKETS),
            store.history(path(station, "power_w", slot), since, max(end, since + 1.0), CHARGE_BUCKETS),
            store.history(path(station, "capacity_wh", slot), since, max(end, since + 1.0), 1),
        )
        went = measured(soc, power_w)
        first = next((level for level in went.soc if level is not None), None)
        config = layouts[station].station
        model = Curve() if first is None else expected(config, capacity_wh.last[0], since, first, end)
        times = {"since": since, "until": until}
        return json_answer(answer | times | {"measured": asdict(went), "expected": asdict(model)})

    @router.get(f"{API}/packs/{{pack_id}}/history", responses={200: {"model": list[schema.StayAnswer]}, **REFUSALS})
    async def pack_history(
        pack_id: str,
        from_: From = None,
        to: To = None,
        limit: Annotated[int, Query(ge=1, le=MOST_STAYS)] = 200,
        format: Format = "json",  # noqa: A002 - the parameter's name in the address
    ) -> Response:
        """Where a pack has been, newest first; ``to`` is null where it still is. By default of the last 30 days."""
        start, end = spell(clock.now(), from_, to, PACK_S)
        found = await asyncio.to_thread(read_stays, store.file, pack_id, start, end, limit)
        rows = [_stay(stay, stays.current(stay.station, stay.slot)) for stay in found]
        if format == "csv":
            return _stays_csv(pack_id, rows, health())
        return json_answer(rows)

    return router


def _stay(stored: Stay, current: Stay | None) -> dict[str, Any]:
    """As stored, or as it stands now where the pack is still there."""
    there = current is not None and (current.pack, current.start) == (stored.pack, stored.start)
    stay = current if there and current is not None else stored
    return {
        "from": round(stay.start, 3),
        "to": None if there else round(stay.last, 3),
        "station": stay.station,
        "slot": stay.slot,
        "soc_first": _rounded(stay.soc_first, 4),
        "soc_last": _rounded(stay.soc_last, 4),
        "temperature_max_c": _rounded(stay.temperature_max_c, 1),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return round(value, digits) if value is not None and isfinite(value) else None


def _stays_csv(pack: str, rows: list[dict[str, Any]], health: Mapping[str, Any]) -> Response:
    columns = ["from", "to", "station", "slot", "soc_first", "soc_last", "temperature_max_c"]
    return csv_response(f"pack-{pack}", columns, rows, health["timezone"], emulated=health["emulated"])


def _forecasts_csv(station: str, horizon: int, made: list[PastForecast], health: Mapping[str, Any]) -> Response:
    chance = f"stockout_probability_{horizon}"
    rows = (
        {
            "time": each.generated_at,
            chance: each.stockout_probability,
            "ready_p50": each.ready_p50,
            "quality": each.quality,
        }
        for each in made
    )
    columns = ["time", chance, "ready_p50", "quality"]
    name = f"{station}-forecasts-{horizon}"
    return csv_response(name, columns, rows, health["timezone"], emulated=health["emulated"])
