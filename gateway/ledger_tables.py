"""Tables of what must not be lost: alarms, their journal, and swaps. SQL only; the store and the ledger use it."""

import sqlite3
from typing import Any

import sqlite_utils

JOURNAL_ROWS = 500_000
"""Lines of each of both logs that are kept at most, whatever their age; some 100 MB."""
COLUMNS: dict[str, dict[str, type]] = {
    "alarms": {"id": str, "body": str},
    "alarm_journal": {
        "seq": int,
        "time": float,
        "id": str,
        "station": str,
        "condition": str,
        "priority": int,
        "change": str,
        "state": str,
        "by": str,
        "comment": str,
        "value": float,
    },
    "swaps": {
        "number": int,
        "time": float,
        "station": str,
        "kind": str,
        "slot": int,
        "pack_out": str,
        "pack_in": str,
        "soc_out": float,
        "soc_in": float,
    },
}
_KEYS = {"alarms": "id", "alarm_journal": "seq", "swaps": "number"}
LOGS = {"alarm_journal": "seq", "swaps": "number"}

PUT_ALARM = "INSERT OR REPLACE INTO alarms (id, body) VALUES (?, ?)"
DROP_ALARM = "DELETE FROM alarms WHERE id = ?"
ALARMS = "SELECT id, body FROM alarms"


def insert(table: str) -> str:
    """The statement that adds a row with all columns in order."""
    columns = COLUMNS[table]
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our names


def select(table: str, station: str | None) -> str:
    """Rows of a log between two times, newest first. Parameters: from, to, the station if one is asked, limit."""
    names = ", ".join(f'"{name}"' for name in COLUMNS[table])
    of = "AND station = ? " if station is not None else ""
    return f"SELECT {names} FROM {table} WHERE time >= ? AND time < ? {of}ORDER BY {LOGS[table]} DESC LIMIT ?"  # noqa: S608


def last(table: str) -> str:
    """The largest number in a log."""
    return f"SELECT max({LOGS[table]}) FROM {table}"  # noqa: S608


def prepare(database: sqlite_utils.Database) -> None:
    """Make the tables that are not there."""
    for name, columns in COLUMNS.items():
        database.table(name).create(columns, pk=_KEYS[name], if_not_exists=True)
    for name in LOGS:
        database.table(name).create_index(["time"], if_not_exists=True)


def trim_logs(connection: sqlite3.Connection, bite: int) -> int:
    """Delete the oldest lines beyond ``JOURNAL_ROWS``; returns how many went."""
    deleted = 0
    for table, key in LOGS.items():
        newest = connection.execute(last(table)).fetchone()[0]
        if newest is not None:
            first = f"SELECT {key} FROM {table} WHERE {key} <= ? ORDER BY {key} LIMIT ?"  # noqa: S608
            statement = f"DELETE FROM {table} WHERE {key} IN ({first})"  # noqa: S608
            deleted += connection.execute(statement, (newest - JOURNAL_ROWS, bite)).rowcount
    return deleted


def rows_of(table: str, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Rows as clients see them."""
    names = tuple(COLUMNS[table])
    return [dict(zip(names, row, strict=True)) for row in rows]
