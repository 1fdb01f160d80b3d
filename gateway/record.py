"""Records a site's devices into a file, as they are read."""

import asyncio
import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from adapters.base import Batch
from config.binding import BoundDevice
from config.clock import Clock
from config.loader import LoadedSite
from gateway.image import Image
from gateway.recording import Row, encode, header_of, require_parquet, suffix_of, to_parquet
from gateway.tap import running_site
from twin.signals import Kind, Quality, Reason

FLUSH_S = 1.0
BUFFER = 500_000
"""Rows that may wait for the disk; further ones are dropped, and counted."""

_QUALITY = {int(quality): quality.name.lower() for quality in Quality}
_REASON = {int(reason): reason.name.lower() for reason in Reason}


@dataclass(slots=True)
class Outcome:
    rows: int = 0
    bytes: int = 0
    dropped: int = 0
    silent: tuple[str, ...] = ()
    """Devices of which no sample came."""


async def record(
    loaded: LoadedSite,
    clock: Clock,
    file: Path,
    *,
    version: str,
    seconds: float | None,
    anonymise: bool,
    on_tick: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Record until cancelled or for so many seconds; what was read a second ago is on the disk.

    Raises ``RecordingError`` for a file that cannot be a recording, and ``OSError`` where it cannot be written.
    A Parquet file is complete only when it is closed; until then the rows stand in ``FILE.part.jsonl.gz`` beside it.
    """
    suffix = suffix_of(file)
    if suffix == ".parquet":
        require_parquet()
    target = file.with_name(f"{file.name}.part.jsonl.gz") if suffix == ".parquet" else file
    head = header_of(loaded, started=clock.now(), monotonic_s=clock.monotonic(), version=version, anonymised=anonymise)
    writer = _Writer(target, clock, head, anonymise)
    try:
        await _run(loaded, clock, writer, seconds, on_tick)
    finally:
        await asyncio.shield(asyncio.to_thread(writer.close))
        if suffix == ".parquet":
            writer.outcome.bytes = await asyncio.shield(asyncio.to_thread(_finish, target, file))
    return writer.outcome


def _finish(part: Path, file: Path) -> int:
    """Make the Parquet file out of what was streamed; returns its size in bytes."""
    to_parquet(part, file)
    part.unlink()
    return file.stat().st_size


async def _run(
    loaded: LoadedSite,
    clock: Clock,
    writer: "_Writer",
    seconds: float | None,
    on_tick: Callable[[Outcome], None] | None,
) -> None:
    devices = loaded.bind()
    async with running_site(devices, clock, on_batch=writer.take, on_link=writer.link) as (image, _):
        writer.image = image
        end = None if seconds is None else clock.monotonic() + seconds
        try:
            while end is None or clock.monotonic() < end:
                left = FLUSH_S if end is None else min(FLUSH_S, end - clock.monotonic())
                await clock.sleep(left)
                await asyncio.to_thread(writer.flush)
                writer.outcome.silent = tuple(device.id for device in devices if device.id not in writer.heard)
                if on_tick is not None:
                    on_tick(writer.outcome)
        finally:
            # Texts are numbers of the image's: they are written while it is there.
            writer.flush()


class _Writer:
    """Rows wait here for the disk. ``take`` and ``link`` are called on the event loop, ``flush`` on a thread."""

    def __init__(self, file: Path, clock: Clock, head: dict[str, Any], anonymise: bool) -> None:
        self._clock = clock
        self._rows: list[Row] = []
        self._anonymise = anonymise
        self._aliases: dict[str, str] = {}
        self._lock = threading.Lock()
        self.image: Image | None = None
        self.outcome = Outcome()
        self.heard: set[str] = set()
        self._raw: BinaryIO = file.open("wb")
        self._zip = gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=5) if file.name.endswith(".gz") else None
        self._write(encode(head))

    def take(self, device: BoundDevice, batch: Batch, raws: list[Any]) -> None:
        """A ``gateway.tap.OnBatch``."""
        self.heard.add(device.id)
        if len(self._rows) + len(raws) > BUFFER:
            self.outcome.dropped += len(raws)
            return
        monotonic_s = self._clock.monotonic()
        first = device.points[0].number
        for number, value, quality, reason, source_time, raw in zip(
            batch.points.tolist(),
            batch.values.tolist(),
            batch.qualities.tolist(),
            batch.reasons.tolist(),
            batch.source_times.tolist(),
            raws,
            strict=True,
        ):
            bound = device.points[number - first]
            told: Any = None if quality == Quality.BAD else value
            if bound.signal.kind is Kind.TEXT:
                told, raw = self._text(told, raw)
            self._rows.append(
                {
                    "received_time": batch.received_time,
                    "monotonic_s": monotonic_s,
                    "device": device.id,
                    "point": bound.path,
                    "raw": raw,
                    "value": told,
                    "quality": _QUALITY[quality],
                    "reason": _REASON[reason],
                    "source_time": source_time,
                }
            )

    def link(self, device: BoundDevice, state: str, detail: str) -> None:
        """A ``gateway.tap.OnLink``."""
        self._rows.append(
            {
                "received_time": self._clock.now(),
                "monotonic_s": self._clock.monotonic(),
                "device": device.id,
                "link": state,
                "detail": detail,
            }
        )

    def _text(self, value: float | None, raw: Any) -> tuple[str | None, Any]:
        text = None if value is None or self.image is None else self.image.text(value)
        if not self._anonymise:
            return text, raw
        alias = None if text is None else self._alias(text)
        return alias, alias if isinstance(raw, str) and raw.strip() else None

    def _alias(self, text: str) -> str:
        """Another name for a text, the same for as long as this recording lasts."""
        return self._aliases.setdefault(text, f"PACK{len(self._aliases) + 1:04d}")

    def flush(self) -> None:
        """Put what waits on the disk, so that a crash loses no more than what came since."""
        # A cancelled recording flushes once more while the thread of the last tick may still be at it.
        with self._lock:
            rows, self._rows = self._rows, []
            if rows:
                self._write(b"".join(encode(row) for row in rows))
                self.outcome.rows += len(rows)

    def _write(self, data: bytes) -> None:
        if self._zip is not None:
            self._zip.write(data)
            self._zip.flush()
        else:
            self._raw.write(data)
        self._raw.flush()
        self.outcome.bytes = self._raw.tell()

    def close(self) -> None:
        if self._zip is not None:
            self._zip.close()
        self._raw.close()
