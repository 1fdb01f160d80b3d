"""The history: SQLite in WAL mode, written by one thread from a bounded queue, read on connections of its own.

A crash of the process loses what was not yet committed, at most ``COMMIT_S`` and the recorder's period. A crash of the
machine may lose the last commits too (``synchronous=NORMAL``), but never the file.
"""

import asyncio
import itertools
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

import orjson
import sqlite_utils
import structlog

from config.clock import Clock
from gateway import ledger_tables
from gateway.history import KEEP_S, History, read_history
from gateway.past import Stay
from gateway.retention import forget_after, trim

FILE = "swaptwin.db"
SCHEMA = 1
COMMIT_S = 0.25
"""Wall seconds between two commits at most."""
RETENTION_S = 60.0
"""Wall seconds between two looks at age and size."""
QUEUE_ROWS = 200_000
"""Telemetry rows that may wait for the disk; older ones go first, and are counted."""
QUEUE_EVENTS = 100_000
"""Events and forecasts that may wait for a disk that takes nothing; weeks of them."""
BUSY_S = 5.0
DAY_S = 86_400.0

Row = tuple[str, float, float | None, int, int]
"""Path, time (UTC epoch seconds), value (``None`` where bad), quality, reason."""
Record = tuple[str, tuple[Any, ...]]
"""Statement and values of an event or a forecast."""
Day = tuple[str, int, bytes, bytes]
"""Station, day (UTC, since 1970); swaps and seconds of exposure of its 96 quarter hours, as ``gateway.quarter_log``
packs them."""

_SAMPLE = "INSERT INTO samples (point, time, value, quality, reason) VALUES (?, ?, ?, ?, ?)"
_EVENT = "INSERT INTO events (time, station, kind, detail) VALUES (?, ?, ?, ?)"
_STAY = (
    "INSERT OR REPLACE INTO stays (pack, station, slot, start, last, soc_first, soc_last, temperature_max_c, ended) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DEMAND = "INSERT OR REPLACE INTO demand (station, time, state) VALUES (?, ?, ?)"
_DEMANDS = "SELECT station, state FROM demand"
_DAY = "INSERT OR REPLACE INTO quarters (station, day, swaps, exposure) VALUES (?, ?, ?, ?)"
_DAYS = "SELECT station, day, swaps, exposure FROM quarters WHERE day >= ? ORDER BY day, station"
_FORGET_DAYS = "DELETE FROM quarters WHERE day < ?"
_BOOST = "INSERT OR REPLACE INTO boost (id, time, trees) VALUES (1, ?, ?)"
_BOOSTED = "SELECT trees FROM boost"
_SKILL = (
    "INSERT INTO skill (station, horizon, time, bin, n, said, happened, brier, reference, log_loss, latest) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (station, horizon, time, bin) DO UPDATE SET "
    "n = n + excluded.n, said = said + excluded.said, happened = happened + excluded.happened, "
    "brier = brier + excluded.brier, "
    "reference = reference + excluded.reference, log_loss = log_loss + excluded.log_loss, latest = excluded.latest"
)
_FORECAST = "INSERT INTO forecasts (station, generated_at, model, quality, body) VALUES (?, ?, ?, ?, ?)"

log = structlog.get_logger()


class StoreError(Exception):
    """The history cannot be opened: which file, why, and what to do."""


class Store:
    """Appends never wait; they go to the writer thread. Use ``open`` first and ``close`` last."""

    def __init__(self, folder: Path, clock: Clock, retention_days: float, retention_mb: float) -> None:
        self.file = folder / FILE
        self._clock = clock
        self._retention_s = retention_days * DAY_S
        self._retention_bytes = retention_mb * 1e6
        self._condition = threading.Condition()
        self._samples: deque[Row] = deque()
        self._records: deque[Record] = deque()
        self._awaited: list[asyncio.Future[None]] = []
        """Done when all records before them are on disk."""
        self._closing = False
        self._points: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._failing = False
        self._fastest = max(clock.speed, 1.0)
        self.rows = 0
        """Rows committed since the start."""
        self.dropped = 0
        """Rows given up because the disk did not keep up."""

    def open(self) -> None:
        """Create or check the file and start the writer. Raises ``StoreError``; blocks, so call it before serving."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            self._prepare(sqlite_utils.Database(connection))
            self._points = {path: number for number, path in connection.execute("SELECT id, path FROM points")}
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.file}: {error}. {_remedy(error)}") from error
        self._thread = threading.Thread(target=self._write, args=(connection,), name="swaptwin-store", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits and stop the writer; blocks until it is on disk."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def forget_after(self, now: float) -> None:
        """Delete what lies in the future: it was lived at another speed. Blocks; for use after ``open``."""
        with closing(sqlite3.connect(self.file, timeout=BUSY_S)) as connection, connection:
            forget_after(connection, now)

    def paced(self, speed: float) -> None:
        """Site time passes at this speed now: records lie as far apart as they did when it passed fastest."""
        self._fastest = max(self._fastest, speed)

    def keep(self, retention_days: float, retention_mb: float) -> None:
        """Keep the history for another while."""
        self._retention_s = retention_days * DAY_S
        self._retention_bytes = retention_mb * 1e6

    def append(self, rows: Iterable[Row]) -> None:
        """Queue samples."""
        with self._condition:
            self._samples.extend(rows)
            while len(self._samples) > QUEUE_ROWS:
                self._samples.popleft()
                self.dropped += 1

    def event(self, time: float, station: str, kind: str, detail: dict[str, Any]) -> None:
        """Queue something that happened, such as a swap or a device's change of state."""
        self._record(_EVENT, (time, station, kind, orjson.dumps(detail).decode()))

    def forecast(self, made: dict[str, Any]) -> None:
        """Queue a forecast object."""
        head = (made["station"], made["generated_at"], made["model"], made["quality"])
        self._record(_FORECAST, (*head, orjson.dumps(made).decode()))

    def stay(self, stay: Stay) -> None:
        """Queue where a pack is, or was, in place of what was stored of that stay before."""
        self._record(_STAY, astuple(stay))

    def demand(self, time: float, station: str, state: dict[str, Any]) -> None:
        """Queue what was learned of a station's demand, in place of what was stored before."""
        self._record(_DEMAND, (station, time, orjson.dumps(state).decode()))

    def demands(self) -> dict[str, str]:
        """What was learned of demand, by station, as JSON. Blocks; for use after ``open``."""
        with closing(sqlite3.connect(self.file, timeout=BUSY_S)) as connection:
            return dict(connection.execute(_DEMANDS))

    def day(self, row: Day) -> None:
        """Queue a station's quarter hours of a day, in place of what was stored of it before."""
        self._record(_DAY, row)

    def past_days(self, rows: Iterable[Day]) -> None:
        """Store many days at once; blocks until they are on disk. Raises ``StoreError``."""
        try:
            with closing(sqlite3.connect(self.file, timeout=BUSY_S)) as connection, connection:
                connection.executemany(_DAY, rows)
        except sqlite3.Error as error:
            raise StoreError(f"{self.file}: {error}. {_remedy(error)}") from error

    def forget_days(self, before: int) -> None:
        """Queue that the quarter hours of all days before one are deleted."""
        self._record(_FORGET_DAYS, (before,))

    def boost(self, time: float, trees: tuple[str, ...]) -> None:
        """Queue the corrections learned from all stations, in place of those stored before."""
        self._record(_BOOST, (time, orjson.dumps(trees).decode()))

    def boosted(self) -> tuple[str, ...] | None:
        """The corrections that were stored last. Blocks; for use after ``open``."""
        with closing(sqlite3.connect(self.file, timeout=BUSY_S)) as connection:
            row = connection.execute(_BOOSTED).fetchone()
        return None if row is None else tuple(orjson.loads(row[0]))

    def skill(self, row: tuple[str, int, float, int, int, float, float, float, float, float, float]) -> None:
        """Queue scores of a station's matured forecasts, to be added to those of the same half hour and bin.

        Station, horizon (s), half hour (epoch s), bin of probability, number of forecasts; sums over them of the
        probability, of outcomes, of the squared error, of climatology's, of the log loss; when the latest was made.
        """
        self._record(_SKILL, row)

    def keep_now(self, records: Iterable[Record]) -> "asyncio.Future[None]":
        """Queue records, and have them written at once. On the event loop; the future is done when they are on disk."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._condition:  # at once: what belongs together comes into one transaction
            for statement, row in records:
                self._record(statement, row)
            self._awaited.append(kept)
            self._condition.notify()
        return kept

    @property
    def fails(self) -> bool:
        """Whether the disk takes nothing at present."""
        return self._failing

    async def history(self, path: str, start: float, end: float, buckets: int) -> History:
        """Samples of a path between two times, in at most ``buckets`` equal buckets; read off the loop."""
        keep_s = KEEP_S * self._fastest
        return await asyncio.to_thread(read_history, self.file, path, start, end, buckets, keep_s)

    def health(self) -> dict[str, int]:
        """Rows written since the start, bytes on disk, rows dropped."""
        size = sum(file.stat().st_size for file in self.file.parent.glob(f"{FILE}*"))
        return {"rows": self.rows, "bytes": size, "dropped": self.dropped}

    def _record(self, statement: str, row: tuple[Any, ...]) -> None:
        with self._condition:
            if len(self._records) >= QUEUE_EVENTS:
                self._records.popleft()
                self.dropped += 1
            self._records.append((statement, row))

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16000000")
        return connection

    def _prepare(self, database: sqlite_utils.Database) -> None:
        connection = database.conn
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise StoreError(
                f"{self.file}: written by another version of swaptwin (schema {version}, not {SCHEMA}). "
                "Set another gateway.data, or use that version"
            )
        # Taking the write lock once tells now, not at the first sample, that someone else holds it.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        database.table("points").create({"id": int, "path": str}, pk="id", not_null={"path"}, if_not_exists=True)
        database.table("points").create_index(["path"], unique=True, if_not_exists=True)
        samples = database.table("samples")
        columns = {"point": int, "time": float, "value": float, "quality": int, "reason": int}
        samples.create(columns, if_not_exists=True)
        samples.create_index(["point", "time"], if_not_exists=True)
        database.table("events").create(
            {"id": int, "time": float, "station": str, "kind": str, "detail": str}, pk="id", if_not_exists=True
        )
        database.table("events").create_index(["time"], if_not_exists=True)
        columns = {"id": int, "station": str, "generated_at": float, "model": str, "quality": str, "body": str}
        database.table("forecasts").create(columns, pk="id", if_not_exists=True)
        database.table("forecasts").create_index(["station", "generated_at"], if_not_exists=True)
        columns = {"pack": str, "station": str, "slot": int, "start": float, "last": float}
        columns |= {"soc_first": float, "soc_last": float, "temperature_max_c": float, "ended": int}
        database.table("stays").create(columns, pk=("station", "slot", "start"), if_not_exists=True)
        database.table("stays").create_index(["pack", "start"], if_not_exists=True)
        database.table("demand").create({"station": str, "time": float, "state": str}, pk="station", if_not_exists=True)
        columns = {"station": str, "day": int, "swaps": bytes, "exposure": bytes}
        database.table("quarters").create(columns, pk=("station", "day"), if_not_exists=True)
        database.table("quarters").create_index(["day"], if_not_exists=True)
        database.table("boost").create({"id": int, "time": float, "trees": str}, pk="id", if_not_exists=True)
        columns = {"station": str, "horizon": int, "time": float, "bin": int, "n": int}
        sums = ("said", "happened", "brier", "reference", "log_loss", "latest")
        database.table("skill").create(
            columns | dict.fromkeys(sums, float), pk=("station", "horizon", "time", "bin"), if_not_exists=True
        )
        ledger_tables.prepare(database)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def _write(self, connection: sqlite3.Connection) -> None:
        """The writer thread: one transaction a turn, and the same rows again while the disk refuses them."""
        samples: list[Row] = []
        records: list[Record] = []
        next_trim = self._clock.monotonic()
        try:
            while True:
                with self._condition:
                    if not self._closing and (self._failing or not self._awaited):
                        self._condition.wait(COMMIT_S)
                    closing = self._closing
                    awaited, self._awaited = self._awaited, []
                    samples.extend(self._samples)
                    records.extend(self._records)
                    self._samples.clear()
                    self._records.clear()
                if self._commit(connection, samples, records):
                    self.rows += len(samples) + len(records)
                    samples, records = [], []
                    for kept in awaited:
                        with suppress(RuntimeError):  # nobody waits any more: their loop is closed
                            kept.get_loop().call_soon_threadsafe(_done, kept)
                elif closing:
                    log.error("history lost at the end", rows=len(samples) + len(records))
                else:
                    self._put_back(samples, records, awaited)
                    samples, records = [], []
                if closing:
                    return
                if self._clock.monotonic() >= next_trim and not self._failing:
                    self._trim(connection)
                    next_trim = self._clock.monotonic() + RETENTION_S
        finally:
            connection.close()

    def _trim(self, connection: sqlite3.Connection) -> None:
        try:
            trim(connection, self._clock.now() - self._retention_s, self._retention_bytes)
        except sqlite3.Error as error:
            log.warning("old history could not be deleted; trying again later", file=str(self.file), error=str(error))

    def _put_back(self, samples: list[Row], records: list[Record], awaited: list["asyncio.Future[None]"]) -> None:
        """Return what the disk refused to the queues, where their bounds apply."""
        with self._condition:
            self._awaited = [*awaited, *self._awaited]
            self._samples.extendleft(reversed(samples))
            self._records.extendleft(reversed(records))

    def _commit(self, connection: sqlite3.Connection, samples: list[Row], records: list[Record]) -> bool:
        if not samples and not records:
            return True
        known = len(self._points)
        try:
            connection.execute("BEGIN IMMEDIATE")
            numbered = [(self._point(connection, path), *rest) for path, *rest in samples]
            connection.executemany(_SAMPLE, numbered)
            for statement, row in records:
                connection.execute(statement, row)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            # Numbers given in this transaction went with it.
            self._points = dict(itertools.islice(self._points.items(), known))
            if not self._failing:
                log.error("history cannot be written; trying on", file=str(self.file), error=str(error))
            self._failing = True
            return False
        if self._failing:
            log.info("history is written again", file=str(self.file))
        self._failing = False
        return True

    def _point(self, connection: sqlite3.Connection, path: str) -> int:
        number = self._points.get(path)
        if number is None:
            number = connection.execute("INSERT INTO points (path) VALUES (?) RETURNING id", (path,)).fetchone()[0]
            self._points[path] = number
        return number


def _done(kept: "asyncio.Future[None]") -> None:
    if not kept.done():
        kept.set_result(None)


def read_days(file: Path, first: int) -> list[Day]:
    """All stations' quarter hours from a day on, in order of days. Blocks; any process may ask."""
    with closing(sqlite3.connect(file, timeout=BUSY_S)) as connection:
        return connection.execute(_DAYS, (first,)).fetchall()


def _remedy(error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return "Another program holds it: stop that one, or set another gateway.data"
    if isinstance(error, sqlite3.DatabaseError) and ("not a database" in text or "malformed" in text):
        return "It is damaged: move it away to start a new history, or recover it with sqlite3's .recover"
    return "Check that gateway.data is a folder that may be written to"
