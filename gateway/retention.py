"""Keeping the history within its age and its size, in small bites."""

import sqlite3

from gateway.ledger_tables import LOGS, trim_logs

BITE = 20_000
"""Rows deleted in one transaction: short enough that readers and the writer do not wait noticeably."""
VACUUM_PAGES = 5_000
"""Free pages given back to the disk in one go; the others are used again."""
_TIMES = {"samples": "time", "forecasts": "generated_at", "events": "time", "skill": "time"} | dict.fromkeys(
    LOGS, "time"
)


def trim(connection: sqlite3.Connection, oldest: float, limit_bytes: float) -> int:
    """Delete rows older than a time, then the oldest until the file fits; returns how many went.

    Rows are appended nearly in order of time, so the oldest are those with the smallest row ids. Size is taken from
    samples and forecasts; events, alarms and swaps are few and go by age, and the latter two by number.
    """
    deleted = 0
    for table, column in _TIMES.items():
        while True:
            bite = _delete(connection, table, f"AND {column} < ?", (oldest,))
            deleted += bite
            if bite < BITE:
                break
    deleted += trim_logs(connection, BITE)
    while _size(connection) > limit_bytes:
        bite = sum(_delete(connection, table, "", ()) for table in ("samples", "forecasts"))
        deleted += bite
        if bite == 0:
            break
    if deleted:
        # One step of this statement frees one page; of what has no columns, only a script is stepped to its end.
        connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
    return deleted


def _delete(connection: sqlite3.Connection, table: str, condition: str, values: tuple[float, ...]) -> int:
    # Both names are constants of this module.
    first = f"SELECT rowid FROM {table} ORDER BY rowid LIMIT {BITE}"  # noqa: S608
    statement = f"DELETE FROM {table} WHERE rowid IN ({first}) {condition}"  # noqa: S608
    return connection.execute(statement, values).rowcount


def _size(connection: sqlite3.Connection) -> float:
    """Bytes in use, without free pages."""
    pages, free, page = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return float((pages - free) * page)
