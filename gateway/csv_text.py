"""Tables as CSV text that other programs read: ISO 8601 times with offset, units in the names, nothing for unknown."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

EMULATED = "# EMULATED"
"""First line of what did not come from real devices."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def iso(time: float | None, zone: ZoneInfo) -> str | None:
    """A time (epoch s) as local time with its offset, to the millisecond.

    >>> iso(1774749600.25, ZoneInfo("Europe/Berlin"))
    '2026-03-29T03:00:00.250+02:00'
    """
    return None if time is None else datetime.fromtimestamp(time, zone).isoformat(timespec="milliseconds")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, emulated: bool) -> str:
    """The table. A text that a spreadsheet would take for a formula gets an apostrophe in front."""
    text = io.StringIO()
    if emulated:
        text.write(EMULATED + "\r\n")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, emulated: bool) -> Response:
    """The table as a file to be saved under a name."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{safe}.csv"'}
    return Response(csv_text(columns, rows, emulated=emulated), 200, headers, "text/csv")


def _cell(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
