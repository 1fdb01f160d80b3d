"""Recordings of devices: a header that makes the file replay by itself, then one row a sample or change of a link.

JSON Lines (``.jsonl``, ``.jsonl.gz``) and Parquet (``.parquet``) hold the same. A file that a crash cut off is read up
to its last whole row.
"""

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson
import yaml
from pydantic import ValidationError

from config.loader import LoadedSite
from config.profile import Profile
from config.site import Site

FORMAT = 1
KEY = "swaptwin_recording"
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet")
COLUMNS = (
    "received_time",
    "monotonic_s",
    "device",
    "point",
    "raw",
    "value",
    "quality",
    "reason",
    "source_time",
    "link",
    "detail",
)
"""Of a row. A sample has no ``link`` and ``detail``; a change of a link has no ``point`` and what belongs to it."""

ROWS_A_GROUP = 50_000

Row = dict[str, Any]


class RecordingError(Exception):
    """A file that is no recording, or cannot be written as one; the text says what to do."""


def suffix_of(file: Path) -> str:
    """The format that a file's name asks for. Raises ``RecordingError``."""
    found = next((suffix for suffix in SUFFIXES if file.name.endswith(suffix)), None)
    if found is None:
        raise RecordingError(f"{file}: a recording ends in {', '.join(SUFFIXES)}; rename it")
    return found


def header_of(
    loaded: LoadedSite, *, started: float, monotonic_s: float, version: str, anonymised: bool
) -> dict[str, Any]:
    """All that is needed to serve the devices again: the site, its profiles and day shapes."""
    return {
        KEY: FORMAT,
        "version": version,
        "started": started,
        "monotonic_s": monotonic_s,
        "anonymised": anonymised,
        "site": loaded.site.model_dump(mode="json", exclude_unset=True),
        "site_file": loaded.file.read_text(encoding="utf-8"),
        "profiles": {
            name: profile.model_dump(mode="json", exclude_unset=True) for name, profile in loaded.profiles.items()
        },
        "shapes": {name: list(shape) for name, shape in loaded.shapes.items()},
    }


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a recording. ``started``: epoch seconds of the recording's beginning."""

    file: Path
    version: str
    started: float
    site: Site
    profiles: dict[str, Profile]
    shapes: dict[str, tuple[float, ...]]
    site_file: str

    def loaded(self) -> LoadedSite:
        """The recorded site, as if its file had been loaded."""
        return LoadedSite(self.file, self.site, self.profiles, self.shapes)


def parse_header(data: Any, file: Path) -> Header:
    """Raises ``RecordingError`` where the data are no header of a recording that this version reads."""
    if not isinstance(data, dict) or KEY not in data:
        raise RecordingError(f"{file}: is no recording of 'swaptwin record'; give one")
    if data[KEY] != FORMAT:
        raise RecordingError(
            f"{file}: is of format {data[KEY]}, not {FORMAT}; read it with swaptwin {data.get('version')}"
        )
    try:
        site = Site.model_validate(data["site"])
        profiles = {name: Profile.model_validate(profile) for name, profile in data["profiles"].items()}
        shapes = {name: tuple(float(number) for number in shape) for name, shape in data["shapes"].items()}
        started, version, text = float(data["started"]), str(data["version"]), str(data["site_file"])
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordingError(f"{file}: its header cannot be used: {first}; record anew") from error
    return Header(file, version, started, site, profiles, shapes, text)


def encode(row: Row) -> bytes:
    """One line. What is absent is left out; NaN and infinity, which JSON does not have, become words."""
    raw = row.get("raw")
    if isinstance(raw, float) and not math.isfinite(raw):
        row = row | {"raw": str(raw)}
    return orjson.dumps(
        {key: value for key, value in row.items() if value is not None}, option=orjson.OPT_APPEND_NEWLINE
    )


def is_row(row: Any) -> bool:
    """Whether something is a sample or a change of a link."""
    if not isinstance(row, dict) or not isinstance(row.get("device"), str):
        return False
    is_sample, is_link = isinstance(row.get("point"), str), isinstance(row.get("link"), str)
    return isinstance(row.get("received_time"), int | float) and is_sample != is_link


class Recording:
    """A recording that is read: its header, and its rows from the beginning, as often as wanted."""

    def __init__(self, file: Path) -> None:
        """Raises ``RecordingError``."""
        self.file = file
        self._suffix = suffix_of(file)
        self.truncated = False
        """Whether the file ended in the middle of a row when it was last read to its end."""
        try:
            self.header = parse_header(self._head(), file)
        except OSError as error:
            raise RecordingError(f"{file}: cannot be read: {error.strerror or error}; give a readable file") from error

    def rows(self) -> Iterator[Row]:
        """All rows in the order in which they were received. Memory does not grow with the file."""
        self.truncated = False
        yield from self._parquet_rows() if self._suffix == ".parquet" else self._json_rows()

    def _head(self) -> Any:
        if self._suffix == ".parquet":
            metadata = _parquet(self.file).schema_arrow.metadata or {}
            return json.loads(metadata.get(KEY.encode(), b"null"))
        with self.lines() as lines:
            try:
                return json.loads(next(lines, b"null"))
            except (ValueError, EOFError, zlib.error) as error:
                raise RecordingError(f"{self.file}: is no recording of 'swaptwin record'; give one") from error

    def lines(self) -> IO[bytes]:
        """The lines of a file of JSON Lines, its header first."""
        return cast("IO[bytes]", gzip.open(self.file)) if self._suffix.endswith(".gz") else self.file.open("rb")

    def _json_rows(self) -> Iterator[Row]:
        with self.lines() as lines:
            next(lines)
            while True:
                try:
                    line = next(lines, None)
                except (EOFError, zlib.error, gzip.BadGzipFile):
                    self.truncated = True
                    return
                if line is None:
                    return
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    # Only the last row can be broken: a crash cut it off.
                    self.truncated = True
                    return
                if not is_row(row):
                    raise RecordingError(f"{self.file}: holds a line that is no row: {line[:60]!r}; record anew")
                yield row

    def _parquet_rows(self) -> Iterator[Row]:
        for batch in _parquet(self.file).iter_batches(batch_size=ROWS_A_GROUP):
            for row in batch.to_pylist():
                raw, text = row.pop("raw"), row.pop("raw_text")
                value, word = row.pop("value"), row.pop("value_text")
                yield row | {"raw": raw if text is None else text, "value": value if word is None else word}


def require_parquet() -> None:
    """Raises ``RecordingError`` where Parquet cannot be written here."""
    _pyarrow()


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise RecordingError(
            "Parquet needs pyarrow, which is not installed: pip install 'swaptwin[parquet]', or record to .jsonl.gz"
        ) from error
    return pyarrow


def _parquet(file: Path) -> Any:
    pyarrow = _pyarrow()
    try:
        return pyarrow.parquet.ParquetFile(file)
    except pyarrow.ArrowInvalid as error:
        raise RecordingError(f"{file}: is no Parquet file: {error}; was it cut off?") from error


def to_parquet(source: Path, target: Path) -> None:
    """Write a recording in JSON Lines as Parquet, in row groups, so that memory stays bounded.

    Raw values and values that are text have columns of their own (``raw_text``, ``value_text``).
    """
    pyarrow = _pyarrow()
    number, text = pyarrow.float64(), pyarrow.string()
    kinds = {"device": text, "point": text, "quality": text, "reason": text, "link": text, "detail": text}
    names = [*COLUMNS, "raw_text", "value_text"]
    fields = [pyarrow.field(name, text if name.endswith("_text") else kinds.get(name, number)) for name in names]
    recording = Recording(source)
    with recording.lines() as lines:
        head = next(lines).strip()
    schema = pyarrow.schema(fields, metadata={KEY: head})
    with pyarrow.parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        group: list[Row] = []
        for row in recording.rows():
            group.append(_typed(row))
            if len(group) >= ROWS_A_GROUP:
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
                group = []
        if group:
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))


def _typed(row: Row) -> Row:
    typed = {name: row.get(name) for name in COLUMNS} | {"raw_text": None, "value_text": None}
    for name, words in (("raw", "raw_text"), ("value", "value_text")):
        told = typed[name]
        if isinstance(told, str):
            typed[words], typed[name] = told, None
        elif told is not None:
            typed[name] = float(told)
    return typed


def yaml_of(data: Any) -> str:
    """Plain data as YAML that a person reads."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
