"""Where one device's adapter hands over what it read: the checks that are a device's own, then the process image."""

from typing import TYPE_CHECKING

import numpy as np
import structlog

from adapters.base import Batch, Link
from adapters.clock_watch import ClockWatch
from adapters.sequence import SequenceCheck
from config.binding import BoundDevice
from config.clock import Clock

if TYPE_CHECKING:
    from gateway.image import Image

log = structlog.get_logger()


class DeviceSink:
    """The image's side of one device; satisfies ``adapters.base.Sink``."""

    def __init__(self, image: "Image", device: BoundDevice, clock: Clock) -> None:
        self.device = device
        self.link = Link()
        self.late = 0
        """Samples dropped because a newer one was held already."""
        self.frozen = 0
        """Values that stand still although they should move, as of the latest sweep."""
        self._image = image
        first = device.points[0].number
        self.rows = slice(first, first + len(device.points))
        self._clock_watch = ClockWatch(device, self.link, clock)
        self._sequence = SequenceCheck(device, self.link)
        self._closed = False

    def push(self, batch: Batch) -> None:
        if self._closed or not len(batch.points):
            return
        self._sequence.see(batch)
        batch = self._clock_watch.see(batch, self._image.differs)
        if self._clock_watch.set_back_to is not None:
            self._image.set_back(self.rows, self._clock_watch.set_back_to)
        self.late += self._image.push(batch)

    def confirm(self, time: float) -> None:
        if not self._closed:
            self._image.confirm(self.rows, time)

    def intern(self, text: str) -> int:
        return self._image.intern(text)

    def connected(self) -> None:
        self._image.touch()

    def lost(self, detail: str) -> None:
        if self._closed:
            return
        self._sequence.restart()
        self._clock_watch.restart()
        self._image.lose(self.rows)
        self._image.touch()

    def close(self) -> None:
        """The device is gone, or another adapter serves it: its rows are no longer this sink's."""
        self._closed = True

    def note_frozen(self) -> None:
        """Say once when values stand still, and once when all move again."""
        count = int(np.count_nonzero(self._image.frozen(self.rows)))
        if count and not self.frozen:
            log.warning("values stand still although they should move", device=self.device.id, count=count)
        elif self.frozen and not count:
            log.info("no value stands still any more", device=self.device.id)
        self.frozen = count
