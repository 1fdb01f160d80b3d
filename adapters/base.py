"""The contract between adapters and the rest: what an adapter is given, and what it hands over."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of one device from one read or message. All arrays have the same length.

    ``values`` of bad samples are NaN. Texts are numbers from ``Sink.intern``; booleans are 0 or 1.
    ``source_times`` are the device's own where it gives any, else the time of arrival; never renewed, and never mended
    where its clock is wrong: the sink measures that, and trusts no stamp from the future.
    """

    points: NDArray[np.int32]
    values: NDArray[np.float64]
    qualities: NDArray[np.uint8]
    reasons: NDArray[np.uint8]
    source_times: NDArray[np.float64]
    received_time: float


ROUND_TRIPS = 200

ErrorClass = Literal["no_answer", "refused", "unreadable", "not_written", "adapter"]
"""What went wrong with a request or a message: it was not answered; the device, or we, refused it; it makes no sense; a
value could not be kept up; the adapter itself failed.
"""


class LinkState(Enum):
    """How a device's connection stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    AWAY = "no_communication"


@dataclass(slots=True)
class Link:
    """Health of one device's connection. The adapter writes it; others only read it."""

    state: LinkState = LinkState.CONNECTING
    since: float = 0.0
    detail: str = ""
    """Why the link is as it is, in words for an engineer."""
    last_data_time: float | None = None
    reconnects: int = 0
    errors_by_class: dict[ErrorClass, int] = field(default_factory=dict)
    missed_cycles: int = 0
    dropped: int = 0
    gaps: int = 0
    """Reports that are missing, by the points that the profile marks with ``sequence``."""
    repeats: int = 0
    """Reports that came twice, by the same points or as the same message once more."""
    clock_skew_s: float | None = None
    """How far the device's clock is ahead of ours, site seconds, less the fastest way; ``None`` where it has none."""
    clock_detail: str = ""
    """What is wrong with the device's clock, in words; empty where nothing is."""
    round_trips_s: list[float] = field(default_factory=list)
    """The latest round trips, newest last, at most ``ROUND_TRIPS``."""

    @property
    def errors(self) -> int:
        """Of all classes."""
        return sum(self.errors_by_class.values())

    def note_error(self, kind: ErrorClass, count: int = 1) -> None:
        if count:
            self.errors_by_class[kind] = self.errors_by_class.get(kind, 0) + count

    def note_round_trip(self, seconds: float) -> None:
        self.round_trips_s.append(seconds)
        if len(self.round_trips_s) > ROUND_TRIPS:
            del self.round_trips_s[:-ROUND_TRIPS]


class Sink(Protocol):
    """Where an adapter hands over what it read; one a device. Calls are cheap and never wait."""

    link: Link

    def push(self, batch: Batch) -> None:
        """Take over a batch."""

    def confirm(self, time: float) -> None:
        """The device said at this time that all values it has reported as good still hold.

        Only for protocols that report by exception (an OPC UA subscription's publish or keep-alive).
        """

    def intern(self, text: str) -> int:
        """The number that stands for a text."""

    def connected(self) -> None:
        """The link is up. Values stay as they are until new ones come."""

    def lost(self, detail: str) -> None:
        """The link is down: every point of the device becomes ``bad/no_communication`` at once."""


class Adapter(Protocol):
    """One device's connection."""

    async def run(self, sink: Sink) -> None:
        """Connect, read or subscribe, and reconnect by itself, until cancelled."""


class WriteError(Exception):
    """A write that did not take: refused by the profile, by the device, or not found there afterwards."""


@runtime_checkable
class Writable(Protocol):
    """An adapter that may also change its device. A read-only site builds adapters without this method."""

    async def write(self, number: int, value: float) -> float:
        """Write a point (its number in the image) in its signal's unit; returns what the device then shows of it.

        Raises ``WriteError``, with the reason, where the profile does not allow the point or the value, the device is
        away or refuses, or what is read back is not what was written.
        """
