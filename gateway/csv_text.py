"""Tables as CSV (RFC 4180): times as ISO 8601 with offset, and a mark where the site is emulated."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

EMULATED = "# EMULATED"


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], zone: str, *, emulated: bool
) -> Response:
    """A file to download. Columns called ``time`` hold epoch seconds and become local times of the site."""
    out = io.StringIO()
    if emulated:
        out.write(f"{EMULATED}\r\n")
    writer = csv.writer(out)
    writer.writerow(columns)
    where = ZoneInfo(zone)
    for row in rows:
        writer.writerow([_cell(column, row[column], where) for column in columns])
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(out.getvalue(), 200, headers, "text/csv; charset=utf-8")


def _cell(column: str, value: Any, zone: ZoneInfo) -> Any:
    if column == "time" and value is not None:
        return datetime.fromtimestamp(value, UTC).astimezone(zone).isoformat(timespec="milliseconds")
    # What begins like a formula would be run by spreadsheets.
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
