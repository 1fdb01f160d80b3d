"""The process image: every point's latest sample, as columns. The one place where live values stand.

Everything here happens on the event loop. A row is a point's number; one more row at the end, index -1, stands for
"no device reports this" and is always ``bad/not_configured``, so that consumers can index without branching.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.base import Batch, Link
from config.binding import BoundDevice
from config.clock import Clock, site_period_s
from twin.signals import Kind, Quality, Reason

TEXT_LIMIT = 65_536
"""Different texts that are kept; real sites have some thousands of packs."""

# NumPy converts members of an enumeration slowly; the hot path compares with plain numbers.
_GOOD, _UNCERTAIN, _BAD = (int(quality) for quality in Quality)
_STALE, _NO_COMMUNICATION = int(Reason.STALE), int(Reason.NO_COMMUNICATION)
_OUT_OF_RANGE, _SENSOR_FAILURE = int(Reason.OUT_OF_RANGE), int(Reason.SENSOR_FAILURE)

log = structlog.get_logger()


class Image:
    """Columns by point number.

    ``value`` (NaN where bad), ``quality``, ``reason``; times in UTC epoch seconds, NaN where there was none:
    ``source_time`` is the device's own, ``confirmed_time`` is when it last said that its values hold, and
    ``received_time`` is ours. ``change`` is the number of the latest change of value, quality or reason.
    A good value is always finite and within the range of its signal, whatever the adapter said.
    """

    def __init__(self, bound: Sequence[BoundDevice], clock: Clock) -> None:
        """``bound`` comes from ``config.binding.bind``: points are numbered in its order."""
        self._clock = clock
        self.devices = tuple(bound)
        points = [point for device in bound for point in device.points]
        rows = len(points) + 1
        self.points = tuple(points)
        self.value = np.full(rows, np.nan)
        self.quality = np.full(rows, Quality.BAD, dtype=np.uint8)
        self.reason = np.full(rows, Reason.NO_COMMUNICATION, dtype=np.uint8)
        self.reason[-1] = Reason.NOT_CONFIGURED
        self.source_time = np.full(rows, np.nan)
        self.confirmed_time = np.full(rows, np.nan)
        self.received_time = np.full(rows, np.nan)
        self.change = np.zeros(rows, dtype=np.int64)
        self.sequence = 0
        self.max_age_s = np.array([_max_age_s(clock, point.interval_s, point.max_age_s) for point in points] + [np.inf])
        text = [point.signal.kind is Kind.TEXT for point in points]
        self.minimum = np.where(text, -np.inf, [point.signal.minimum for point in points])
        self.maximum = np.where(text, np.inf, [point.signal.maximum for point in points])
        self.is_text = np.array(text, dtype=np.bool_)
        # What the device said, before age is taken into account: a stale value that is confirmed is good again.
        self._said_quality = self.quality.copy()
        self._said_reason = self.reason.copy()
        self._texts: dict[str, int] = {"": 0}
        self._text_list = [""]
        self.text_overflow = 0
        self._watchers: list[asyncio.Event] = []
        self.swept = False
        self.sinks = tuple(DeviceSink(self, device) for device in bound)

    def sink(self, device: BoundDevice) -> "DeviceSink":
        """Where the adapter of a device hands over its samples."""
        return self.sinks[device.number]

    def watch(self, event: asyncio.Event) -> None:
        """Set an event of the caller's at every change. Each consumer has its own and clears it itself."""
        self._watchers.append(event)

    def changed_since(self, sequence: int) -> NDArray[np.intp]:
        """Rows whose value, quality or reason changed after a sequence number."""
        return np.flatnonzero(self.change > sequence)

    def as_of(self, rows: NDArray[np.int32] | slice) -> NDArray[np.float64]:
        """When each value was last known to hold: the device's stamp or its confirmation, never later than receipt."""
        said = np.fmin(self.source_time[rows], self.received_time[rows])
        known: NDArray[np.float64] = np.fmax(said, self.confirmed_time[rows])
        return known

    def sweep(self) -> None:
        """Mark values older than their maximum age as ``uncertain/stale``, and lift the mark from confirmed ones."""
        self.swept = True
        # Should the wall clock be set back, what was received before it cannot have come from the future.
        now = self._clock.now()
        np.minimum(self.received_time, now, out=self.received_time)
        np.minimum(self.confirmed_time, now, out=self.confirmed_time)
        self._refresh(slice(0, len(self.points)))

    def intern(self, text: str) -> int:
        """The number of a text; 0, the empty text, where there are too many to keep (counted)."""
        number = self._texts.get(text)
        if number is None:
            if len(self._text_list) >= TEXT_LIMIT:
                if self.text_overflow == 0:
                    log.warning("too many different texts; new ones are shown as unknown", limit=TEXT_LIMIT)
                self.text_overflow += 1
                return 0
            number = self._texts[text] = len(self._text_list)
            self._text_list.append(text)
        return number

    def text(self, number: float) -> str:
        """The text that a number stands for."""
        return self._text_list[int(number)]

    def touch(self) -> None:
        """Wake every watcher."""
        for event in self._watchers:
            event.set()

    def push(self, batch: Batch) -> int:
        """Take over samples; returns how many were dropped because a newer one is held already."""
        rows, values = batch.points, batch.values
        times = np.minimum(batch.source_times, batch.received_time)
        held = np.fmin(self.source_time[rows], self.received_time[rows])
        keep = ~((times < held) & (self._said_reason[rows] != _NO_COMMUNICATION))
        qualities, reasons, source_times = batch.qualities, batch.reasons, batch.source_times
        late = len(rows) - int(np.count_nonzero(keep))
        if late:
            rows, values, source_times = rows[keep], values[keep], source_times[keep]
            qualities, reasons = qualities[keep], reasons[keep]
        trusted = qualities < _BAD
        unreal = trusted & ~np.isfinite(values)
        outside = trusted & ((values < self.minimum[rows]) | (values > self.maximum[rows]))
        refused = unreal | outside
        if refused.any():
            qualities = np.where(refused, _BAD, qualities)
            reasons = np.where(unreal, _SENSOR_FAILURE, np.where(outside, _OUT_OF_RANGE, reasons))
        values = np.where(qualities == _BAD, np.nan, values)
        self.source_time[rows] = source_times
        self.received_time[rows] = batch.received_time
        self._said_quality[rows] = qualities
        self._said_reason[rows] = reasons
        old = self.value[rows]
        moved = (old != values) & ~(np.isnan(old) & np.isnan(values))
        self.value[rows] = values
        self._refresh(rows, moved)
        return late

    def confirm(self, rows: slice, time: float) -> None:
        """Good values of these rows hold at this time."""
        good = self._said_quality[rows] == _GOOD
        view = self.confirmed_time[rows]
        view[good] = np.fmax(view[good], time)
        if (self.reason[rows] == _STALE).any():
            self._refresh(rows)

    def lose(self, rows: slice) -> None:
        """Nothing is known of these rows any more."""
        self._said_quality[rows] = _BAD
        self._said_reason[rows] = _NO_COMMUNICATION
        self.confirmed_time[rows] = np.nan
        moved = ~np.isnan(self.value[rows])
        self.value[rows] = np.nan
        self._refresh(rows, moved)

    def _refresh(self, rows: NDArray[np.int32] | slice, moved: NDArray[np.bool_] | None = None) -> None:
        """Bring quality and reason up to date with what was said and with age; number what changed."""
        age_s = self._clock.now() - self.as_of(rows)
        quality, reason = self._said_quality[rows], self._said_reason[rows]
        stale = (quality < _BAD) & (age_s > self.max_age_s[rows])
        if stale.any():
            quality = np.where(stale, _UNCERTAIN, quality)
            reason = np.where(stale, _STALE, reason)
        changed = (quality != self.quality[rows]) | (reason != self.reason[rows])
        if moved is not None:
            changed |= moved
        if not changed.any():
            return
        self.quality[rows] = quality
        self.reason[rows] = reason
        self.sequence += 1
        numbers = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        self.change[numbers[changed]] = self.sequence
        self.touch()


class DeviceSink:
    """The image's side of one device; satisfies ``adapters.base.Sink``."""

    def __init__(self, image: Image, device: BoundDevice) -> None:
        self.device = device
        self.link = Link()
        self.late = 0
        """Samples dropped because a newer one was held already."""
        self._image = image
        first = device.points[0].number
        self.rows = slice(first, first + len(device.points))

    def push(self, batch: Batch) -> None:
        if len(batch.points):
            self.late += self._image.push(batch)

    def confirm(self, time: float) -> None:
        self._image.confirm(self.rows, time)

    def intern(self, text: str) -> int:
        return self._image.intern(text)

    def connected(self) -> None:
        self._image.touch()

    def lost(self, detail: str) -> None:
        self._image.lose(self.rows)
        self._image.touch()


def _max_age_s(clock: Clock, interval_s: float, max_age_s: float) -> float:
    """Site seconds after which a value is stale: longer where the clock runs too fast to read at its interval."""
    return max_age_s * site_period_s(clock, interval_s) / interval_s
