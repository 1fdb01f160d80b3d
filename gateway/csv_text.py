"""Tables as CSV (RFC 4180): times as ISO 8601 with offset, and a mark where the site is emulated."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

EMULATED = "# EMULATED"
TIMES = frozenset({"time", "from", "to"})
"""Columns that hold epoch seconds and become local times of the site."""


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], zone: str, *, emulated: bool
) -> Response:
    """A file to download."""
    out = io.StringIO()
    if emulated:
        out.write(f"{EMULATED}\r\n")
    writer = csv.writer(out)
    writer.writerow(columns)
    where = ZoneInfo(zone)
    writer.writerows([_cell(column, row[column], where) for column in columns] for row in rows)
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in name)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{safe}.csv"'}
    return Response(out.getvalue(), 200, headers, "text/csv; charset=utf-8")


def iso(time: float, zone: ZoneInfo) -> str:
    """A time (epoch s) as local time with its offset, to the millisecond.

    >>> iso(1774746000.25, ZoneInfo("Europe/Berlin"))
    '2026-03-29T03:00:00.250+02:00'
    """
    return datetime.fromtimestamp(time, zone).isoformat(timespec="milliseconds")


def _cell(column: str, value: Any, zone: ZoneInfo) -> Any:
    if column in TIMES and value is not None:
        return iso(value, zone)
    # What begins like a formula would be run by spreadsheets.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
