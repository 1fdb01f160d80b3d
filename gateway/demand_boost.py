"""Corrections to every station's expected riders, learned from all of them together once eight weeks are there.

Learned in a process of its own, at the start and once a day of site time; asked in a worker thread, once a quarter
hour for all stations. Needs the extra ``boost``.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from config.clock import Clock
from config.errors import ConfigError, Problem
from gateway.boost_model import Trees, ahead, grow, live_through, quarters_of
from gateway.quarter_log import KEEP_DAYS, QuarterLog, history
from gateway.store import Store, read_days
from twin.calendar import QUARTER_S, QUARTERS_A_DAY, Calendar
from twin.demand import Intensity
from twin.demand_features import HOUR, HOURS, MEMORY, Quarters, features
from twin.learned_demand import DemandModel
from twin.spec import Floats

LEARN_DAYS = 8 * 7
"""From so many days of history on, a station is learned from."""
LARGEST = 32
"""Stations that are learned from: more of them take longer and say little more. Corrected are all."""
RENEW_S = 86_400.0
"""Site seconds between two times of learning."""
SETTLED_S = 90.0
"""Site seconds after a quarter hour's end at which its last swaps are known."""
LOOK_S = 1.0
"""Wall seconds between two looks at whether something is due."""
VALID_S = 1800.0
"""Corrections that are older are not used."""
TURN = 20
"""Stations whose features are prepared in one turn of the event loop."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the learning process gets: models that have learned nothing, by station, and where their history lies.

    ``until``: number of the quarter hour that is not over yet.
    """

    file: Path
    zone: str
    models: dict[str, DemandModel]
    until: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """Factors by hour ahead of ``origin`` (epoch s), by station."""

    origin: float
    factors: dict[str, Floats]


class DemandBoost:
    """Use ``restore`` before ``run``."""

    def __init__(
        self, zone: str, clock: Clock, store: Store, quarters: QuarterLog, unlearned: Mapping[str, DemandModel]
    ) -> None:
        """``unlearned``: a model that has learned nothing for every station."""
        self._zone, self._clock, self._store, self._quarters = zone, clock, store, quarters
        self._unlearned = dict(unlearned)
        self._calendars = [model.calendar for model in unlearned.values()]
        self._trees: Trees | None = None
        self._asked_at: tuple[int, Trees | None] = (0, None)
        """The quarter hour and the trees of the corrections that were asked for last."""
        self._latest = Corrections(float("-inf"), {})

    def restore(self) -> None:
        """Go on with the corrections that were stored. Blocks."""
        try:
            stored = self._store.boosted()
            if stored is not None:
                self._trees = Trees(stored)
        except ValueError as error:
            log.warning("stored corrections of demand cannot be used; learning begins anew", error=str(error))

    def follow(self, prepared: "DemandBoost", quarters: QuarterLog) -> None:
        """Go over to a changed site file, for which another one was made. Trees stay; corrections come anew."""
        self._quarters = quarters
        self._unlearned, self._calendars = prepared._unlearned, prepared._calendars
        self._latest = Corrections(float("-inf"), {})
        self._asked_at = (0, None)

    async def run(self, models: Callable[[], Mapping[str, DemandModel]]) -> None:
        """Learn and correct until cancelled. ``models`` gives the stations' own, as they learn."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._learn())
            group.create_task(self._correct(models))

    def corrected(self, station: str, said: Intensity) -> Intensity:
        """What a station's model says, as corrected for the next two hours; unchanged where there is no correction.

        Its spread stays the model's.
        """
        factors = self._factors(station)
        if factors is None:
            return said
        middles = said.start + said.step_s * (np.arange(len(said.rates_per_s)) + 0.5) - self._latest.origin
        # What lies beyond the two hours at the end of a quarter hour counts as their end.
        hour = np.minimum(middles // (HOUR * QUARTER_S), HOURS - 1).astype(np.int64)
        reached = (middles >= 0.0) & (middles < HOURS * HOUR * QUARTER_S + VALID_S)
        return replace(said, rates_per_s=said.rates_per_s * np.where(reached, factors[np.maximum(hour, 0)], 1.0))

    def corrects(self, station: str) -> bool:
        """Whether what is said of a station now is corrected."""
        return self._factors(station) is not None

    def _factors(self, station: str) -> Floats | None:
        if not 0.0 <= self._clock.now() - self._latest.origin < VALID_S:
            return None
        return self._latest.factors.get(station)

    async def _learn(self) -> None:
        while True:
            begun = self._clock.now()
            wall = self._clock.monotonic()
            lesson = Lesson(self._store.file, self._zone, self._unlearned, int(begun // QUARTER_S))
            text = await taught(lesson)
            if text:
                self._trees = await asyncio.to_thread(Trees, text)
                self._store.boost(begun, text)
                log.info("demand of all stations together is learned", seconds=round(self._clock.monotonic() - wall, 1))
            while abs(self._clock.now() - begun) < RENEW_S:
                await self._clock.sleep(LOOK_S)

    async def _correct(self, models: Callable[[], Mapping[str, DemandModel]]) -> None:
        while True:
            number = int((self._clock.now() - SETTLED_S) // QUARTER_S)
            if self._trees is not None and self._asked_at != (number, self._trees):
                known = self._asked_at = number, self._trees
                made = await self._asked(self._trees, number, models())
                if self._asked_at == known:  # else the site file was changed meanwhile
                    self._latest = made
            await self._clock.sleep(LOOK_S)

    async def _asked(self, trees: Trees, number: int, models: Mapping[str, DemandModel]) -> Corrections:
        riders, usual = np.empty((len(models), HOURS)), np.empty((len(models), HOURS))
        # Together, before the loop goes on: the site file may be changed while this is under way.
        calendars, (swaps, exposure) = self._calendars, self._quarters.latest(number, MEMORY)
        for station, model in enumerate(models.values()):
            riders[station], usual[station] = ahead(model, number)
            if station % TURN == TURN - 1:
                await self._clock.sleep(0.0)
        weekly = np.stack([model.weekly_rates for model in models.values()])

        def factors() -> Floats:
            seen = quarters_of(calendars, number - MEMORY, swaps, exposure)
            given = features(seen, ZoneInfo(self._zone), number, weekly, riders, usual)
            return trees.factors(given)

        made = await asyncio.to_thread(factors)
        by_station = zip(models, made, strict=True)
        return Corrections(number * QUARTER_S, {name: row for name, row in by_station if not np.isnan(row).any()})


def require_boost(file: Path) -> None:
    """Raise ``ConfigError`` where LightGBM cannot be had. Blocks for its import."""
    try:
        import lightgbm  # noqa: F401
    except (ImportError, OSError) as error:
        remedy = (
            "Install it with: pip install 'swaptwin[boost]' (on Debian also: apt install libgomp1), or set it false"
        )
        raise ConfigError([Problem(file, 1, "gateway.boost", f"needs LightGBM: {error}", remedy)]) from error


async def taught(lesson: Lesson) -> tuple[str, ...]:
    """Learn in another process: the text of ``Trees``, or nothing where it is too early. What fails is logged."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_teach, args=(send, lesson), daemon=True, name="swaptwin-boost")
    # Starting writes megabytes to a pipe.
    await asyncio.to_thread(process.start)
    send.close()
    try:
        answer: tuple[str, ...] | str = await asyncio.to_thread(receive.recv)
    except EOFError:
        answer = "its process has ended"
    finally:
        # Where this is cancelled, the end of the process also ends the thread's wait.
        process.terminate()
    await asyncio.to_thread(process.join)
    if isinstance(answer, str):
        log.error("demand of all stations together cannot be learned; trying again in a day", error=answer)
        return ()
    return answer


def _teach(send: Connection, lesson: Lesson) -> None:
    """The process: whoever started it stops it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(10)
    try:
        send.send(learned(lesson))
    # Whatever goes wrong is for the gateway's log; the gateway goes on without.
    except Exception as error:  # noqa: BLE001
        send.send(f"{type(error).__name__}: {error}")


def learned(lesson: Lesson) -> tuple[str, ...]:
    """The text of ``Trees`` from stored history; nothing where no station has a history of eight weeks."""
    today = lesson.until // QUARTERS_A_DAY
    # Later days are there if the clock was wrong once.
    days = [row for row in read_days(lesson.file, today - KEEP_DAYS) if row[1] <= today]
    names = list(lesson.models)
    first, swaps, exposure = history(days, names)
    told = exposure.reshape(-1, QUARTERS_A_DAY, len(names)).max(axis=1) > 0.0
    long = np.flatnonzero(told.sum(axis=0) >= LEARN_DAYS)
    if not len(long):
        return ()
    chosen = long[np.unique(np.linspace(0, len(long) - 1, min(len(long), LARGEST)).round().astype(np.int64))]
    models = [lesson.models[names[column]] for column in chosen]
    calendars: list[Calendar] = [model.calendar for model in models]
    over = slice(lesson.until - first)
    seen: Quarters = quarters_of(calendars, first, swaps[over, chosen], exposure[over, chosen])
    return grow(live_through(models, lesson.zone, seen), lesson.until)
