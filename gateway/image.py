"""The process image: every point's latest sample, as columns. The one place where live values stand.

Everything here happens on the event loop. A row is a point's number; one more row at the end, index -1, stands for
"no device reports this" and is always ``bad/not_configured``, so that consumers can index without branching.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from adapters.base import Batch
from config.binding import BoundDevice
from config.clock import Clock, site_period_s
from gateway.movement import Movement
from gateway.numbering import same
from gateway.sink import DeviceSink
from twin.signals import Kind, Quality, Reason

TEXT_LIMIT = 65_536
"""Different texts that are kept; real sites have some thousands of packs."""

# NumPy converts members of an enumeration slowly; the hot path compares with plain numbers.
_GOOD, _UNCERTAIN, _BAD = (int(quality) for quality in Quality)
_STALE, _NO_COMMUNICATION = int(Reason.STALE), int(Reason.NO_COMMUNICATION)
_OUT_OF_RANGE, _SENSOR_FAILURE = int(Reason.OUT_OF_RANGE), int(Reason.SENSOR_FAILURE)

_HELD = (
    "value",
    "quality",
    "reason",
    "source_time",
    "confirmed_time",
    "received_time",
    "change",
    "_said_quality",
    "_said_reason",
)
"""The columns of what came, which outlive a change of the site file."""

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
        self.sequence = 0
        self._texts: dict[str, int] = {"": 0}
        self._text_list = [""]
        self.text_overflow = 0
        self._watchers: list[asyncio.Event] = []
        self.swept = False
        self.sinks: tuple[DeviceSink, ...] = ()
        self._lay_out(bound)
        self.sinks = tuple(DeviceSink(self, device, clock) for device in bound)

    def _lay_out(self, bound: Sequence[BoundDevice]) -> None:
        clock = self._clock
        self.devices = tuple(bound)
        self.points = tuple(point for device in bound for point in device.points)
        numbers = np.array([point.number for point in self.points], dtype=np.intp)
        self.size = int(numbers.max()) + 1
        """Rows of points. After a change of the site file some of them may belong to nobody."""
        rows = self.size + 1
        self.value = np.full(rows, np.nan)
        self.quality = np.full(rows, Quality.BAD, dtype=np.uint8)
        self.reason = np.full(rows, Reason.NOT_CONFIGURED, dtype=np.uint8)
        self.reason[numbers] = Reason.NO_COMMUNICATION
        self.source_time = np.full(rows, np.nan)
        self.confirmed_time = np.full(rows, np.nan)
        self.received_time = np.full(rows, np.nan)
        self.change = np.zeros(rows, dtype=np.int64)
        self.max_age_s = np.full(rows, np.inf)
        self.max_age_s[numbers] = [_max_age_s(clock, point.interval_s, point.max_age_s) for point in self.points]
        text = np.array([point.signal.kind is Kind.TEXT for point in self.points], dtype=np.bool_)
        self.is_text = np.zeros(self.size, dtype=np.bool_)
        self.is_text[numbers] = text
        self.minimum, self.maximum = np.full(rows, -np.inf), np.full(rows, np.inf)
        self.minimum[numbers[~text]] = [p.signal.minimum for p in self.points if p.signal.kind is not Kind.TEXT]
        self.maximum[numbers[~text]] = [p.signal.maximum for p in self.points if p.signal.kind is not Kind.TEXT]
        # What the device said, before age is taken into account: a stale value that is confirmed is good again.
        self._said_quality = self.quality.copy()
        self._said_reason = self.reason.copy()
        self._movement = Movement(self.points, rows, clock)

    def follow(self, bound: Sequence[BoundDevice]) -> None:
        """Take over the devices of a changed site file, numbered by ``gateway.numbering.renumbered``.

        Rows of devices that are the same keep what they hold, and their sinks stay; all others begin anew, and the
        sinks of those that are gone take nothing more.
        """
        held = {name: getattr(self, name) for name in _HELD}
        movement, before = self._movement, {sink.device.id: sink for sink in self.sinks}
        self._lay_out(bound)
        self.sequence += 1
        self.change[[point.number for point in self.points]] = self.sequence
        sinks = []
        for device in bound:
            sink = before.get(device.id)
            if sink is None or not same(sink.device, device) or sink.rows.start != device.points[0].number:
                sinks.append(DeviceSink(self, device, self._clock))
                continue
            del before[device.id]
            for name, column in held.items():
                getattr(self, name)[sink.rows] = column[sink.rows]
            self._movement.take_over(movement, sink.rows)
            sink.device = device
            sinks.append(sink)
        for gone in before.values():
            gone.close()
        self.sinks = tuple(sinks)
        self.touch()

    def sink(self, device: BoundDevice) -> "DeviceSink":
        """Where the adapter of a device hands over its samples."""
        return next(sink for sink in self.sinks if sink.device.id == device.id)

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
        if self._movement.watches:
            self._movement.sweep()
        self._refresh(slice(0, self.size))
        if self._movement.watches:
            for sink in self.sinks:
                sink.note_frozen()

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

    def frozen(self, rows: NDArray[np.int32] | slice) -> NDArray[np.bool_]:
        """Values that come as fresh but have not changed for longer than their profile allows."""
        stale = (self.quality[rows] == _UNCERTAIN) & (self.reason[rows] == _STALE)
        standing: NDArray[np.bool_] = stale & self._movement.frozen[rows]
        return standing

    def set_back(self, rows: slice, time: float) -> None:
        """A device's clock was set back to this: what it held as newer is not, and must not shut out what comes."""
        np.minimum(self.source_time[rows], time, out=self.source_time[rows])

    def differs(self, batch: Batch) -> bool:
        """Whether a batch brings any value that is not held already."""
        held = self.value[batch.points]
        return bool(((held != batch.values) & ~(np.isnan(held) & np.isnan(batch.values))).any())

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
        if self._movement.watches:
            self._movement.see(rows, values)
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
        moved = ~np.isnan(self.value[rows])
        self.value[rows] = np.nan
        self._movement.lose(rows)
        self._refresh(rows, moved)

    def _refresh(self, rows: NDArray[np.int32] | slice, moved: NDArray[np.bool_] | None = None) -> None:
        """Bring quality and reason up to date with what was said and with age; number what changed."""
        age_s = self._clock.now() - self.as_of(rows)
        quality, reason = self._said_quality[rows], self._said_reason[rows]
        stale = (quality < _BAD) & ((age_s > self.max_age_s[rows]) | self._movement.frozen[rows])
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


def _max_age_s(clock: Clock, interval_s: float, max_age_s: float) -> float:
    """Site seconds after which a value is stale: longer where the clock runs too fast to read at its interval."""
    return max_age_s * site_period_s(clock, interval_s) / interval_s
