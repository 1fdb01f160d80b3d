"""Runs a site's adapters as the gateway does, into a real image, and shows every batch with its raw values."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from adapters.base import Adapter, Batch, Link
from adapters.convert import tapped
from adapters.registry import build
from adapters.supervisor import supervise
from config.binding import BoundDevice, BoundPoint
from config.clock import Clock
from gateway.image import Image
from gateway.sink import DeviceSink
from twin.signals import Quality, Reason

SWEEP_S = 0.25

OnBatch = Callable[[BoundDevice, Batch, list[Any]], None]
"""``(device, batch, raws)``: the raw value of each sample of the batch; ``None`` where there was none."""

OnLink = Callable[[BoundDevice, str, str], None]
"""``(device, "connected" or "lost", detail)``."""


class UnreadableError(Exception):
    """A device whose profile's points cannot be read at all; the text names device and point."""


class TappedSink:
    """The image's sink of one device, with somebody listening. Satisfies ``adapters.base.Sink``."""

    def __init__(self, sink: DeviceSink, on_batch: OnBatch | None, on_link: OnLink | None, is_text: list[bool]) -> None:
        self.device = sink.device
        self.link: Link = sink.link
        self._sink, self._on_batch, self._on_link = sink, on_batch, on_link
        self._first = sink.rows.start
        self._is_text = is_text
        self._raws: list[Any] = [None] * len(sink.device.points)

    def take(self, numbers: Any, raws: Any) -> None:
        """Note raw values; the batch that they become follows. An ``adapters.convert.Tap``."""
        listed = raws.tolist() if isinstance(raws, np.ndarray) else raws
        for number, raw in zip(numbers, listed, strict=True):
            row = number - self._first
            # Texts pass by as NaN among a poll's numbers; they themselves come only when they change.
            if not (self._is_text[row] and isinstance(raw, float)):
                self._raws[row] = raw

    def push(self, batch: Batch) -> None:
        if self._on_batch is not None:
            raws = [
                raw_seen(self.device.points[number - self._first], self._raws[number - self._first], quality, reason)
                for number, quality, reason in zip(
                    batch.points.tolist(), batch.qualities.tolist(), batch.reasons.tolist(), strict=True
                )
            ]
            self._on_batch(self.device, batch, raws)
        self._sink.push(batch)

    def confirm(self, time: float) -> None:
        self._sink.confirm(time)

    def intern(self, text: str) -> int:
        return self._sink.intern(text)

    def connected(self) -> None:
        if self._on_link is not None:
            self._on_link(self.device, "connected", self.link.detail)
        self._sink.connected()

    def lost(self, detail: str) -> None:
        if self._on_link is not None:
            self._on_link(self.device, "lost", detail)
        self._sink.lost(detail)

    def __getattr__(self, name: str) -> Any:
        """What else the image's sink can do."""
        return getattr(self._sink, name)


def raw_seen(bound: BoundPoint, raw: Any, quality: int, reason: int) -> Any:
    """The raw value that a sample came from, ``None`` where the device gave none.

    What a device refused is handed on as a bad sample too, and the raw value held for its row means nothing.
    """
    if quality != Quality.BAD:
        return raw
    if reason == Reason.OUT_OF_RANGE:
        return raw
    if reason == Reason.NOT_CONFIGURED:
        is_mark = isinstance(raw, int | float) and any(
            math.isclose(raw, mark, rel_tol=1e-6) for mark in bound.point.invalid
        )
        return raw if is_mark or isinstance(raw, str) else None
    if reason == Reason.SENSOR_FAILURE and (
        isinstance(raw, str) or (isinstance(raw, float) and not math.isfinite(raw))
    ):
        return raw
    return None


@asynccontextmanager
async def running_site(
    devices: Sequence[BoundDevice],
    clock: Clock,
    *,
    on_batch: OnBatch | None = None,
    on_link: OnLink | None = None,
    writable: bool = False,
) -> AsyncIterator[tuple[Image, list[Adapter]]]:
    """All adapters at work under supervision, and the image that they fill, swept for age as in the gateway.

    Raises ``UnreadableError`` where a profile's points cannot be read, before that device is connected.
    """
    image = Image(devices, clock)
    adapters: list[Adapter] = []
    tasks: list[asyncio.Task[None]] = []
    try:
        for device in devices:
            theirs = image.sink(device)
            sink = TappedSink(theirs, on_batch, on_link, image.is_text[theirs.rows].tolist())
            # The task too starts in here: an adapter may make its converter only when it runs.
            with tapped(sink.take):
                try:
                    adapter = build(device, clock, writable=writable)
                except ValueError as error:
                    raise UnreadableError(str(error)) from error
                tasks.append(asyncio.create_task(supervise(adapter, sink, clock)))
            adapters.append(adapter)
        tasks.append(asyncio.create_task(_sweep(image, clock)))
        yield image, adapters
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sweep(image: Image, clock: Clock) -> None:
    while True:
        image.sweep()
        await clock.sleep(SWEEP_S)
