"""What must not be lost is on disk before anybody is told of it: alarms, their journal, swaps."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import orjson
import structlog

from config.clock import Clock
from gateway import ledger_tables as tables
from gateway.alarms.book import Note, stored
from gateway.alarms.state import State
from gateway.store import BUSY_S, Record, Store

WAIT_S = 2.0
"""Wall seconds: operators must hear of alarms even if the disk takes nothing."""

Fields = dict[str, Any]

log = structlog.get_logger()


class Ledger:
    """Writes through the store's one writer, and reads beside it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._late = False

    async def note(self, notes: Sequence[Note]) -> None:
        """Keep changes of alarms; returns when they are on disk, or when the disk has taken too long."""
        records: list[Record] = []
        for note in notes:
            fields = note.fields()
            records.append((tables.insert("alarm_journal"), tuple(fields.values())))
            alarm = note.entry.alarm
            if alarm.state is State.NORMAL:
                records.append((tables.DROP_ALARM, (fields["id"],)))
            else:
                records.append((tables.PUT_ALARM, (fields["id"], orjson.dumps(stored(alarm)).decode())))
        await self._keep(records)

    async def swaps(self, swaps: Sequence[Fields]) -> None:
        """Keep swaps, each with its ``number``."""
        names = tables.COLUMNS["swaps"]
        await self._keep([(tables.insert("swaps"), tuple(swap[name] for name in names)) for swap in swaps])

    def last(self, table: str) -> int:
        """The number of the last line of a log. Blocks; for use after the store was opened."""
        return int(self._read(tables.last(table))[0][0] or 0)

    def alarms(self) -> dict[str, Fields]:
        """The alarms that were stored, by id. Blocks; for use after the store was opened."""
        return {row[0]: orjson.loads(row[1]) for row in self._read(tables.ALARMS)}

    async def lines(self, table: str, start: float, end: float, limit: int, station: str | None = None) -> list[Fields]:
        """Lines of a log from one time to before another, newest first; read off the loop."""
        values = (start, end, *(() if station is None else (station,)), limit)
        rows = await asyncio.to_thread(self._read, tables.select(table, station), values)
        return tables.rows_of(table, rows)

    def _read(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._store.file, timeout=BUSY_S)) as connection:
            return connection.execute(statement, values).fetchall()

    async def _keep(self, records: list[Record]) -> None:
        kept = self._store.keep_now(records)
        try:
            async with self._clock.timeout(WAIT_S):
                await asyncio.shield(kept)
        except TimeoutError:
            if not self._late:
                log.error("alarms and swaps are told before they are on disk: it takes nothing", wait_s=WAIT_S)
            self._late = True
        else:
            self._late = False
