"""Local time and the days that are not like others: holidays and events, with their share of ordinary demand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

QUARTER_S = 900.0
QUARTERS_A_DAY = 96
QUARTERS_A_WEEK = 672


@dataclass(frozen=True, slots=True)
class Occasion:
    """From ``start`` to ``end``, local times without zone, demand is ``multiplier`` times the ordinary one.

    Where the clocks are set back, the first of the two equal times is meant.
    """

    start: datetime
    end: datetime
    multiplier: float


class Calendar:
    """A site's local time and its occasions. Raises ``ZoneInfoNotFoundError`` for a ``zone`` that is no IANA name."""

    def __init__(self, zone: str, occasions: Sequence[Occasion] = ()) -> None:
        self._zone = ZoneInfo(zone)
        self._spans = [
            (self._epoch(occasion.start), self._epoch(occasion.end), occasion.multiplier) for occasion in occasions
        ]

    def quarter(self, time: float) -> int:
        """The quarter hour of the local week, 0 to 671 from Monday midnight, in which a time (epoch s) lies.

        >>> Calendar("Asia/Kolkata").quarter(0.0)  # a Thursday, 05:30
        310
        """
        local = datetime.fromtimestamp(time, UTC).astimezone(self._zone)
        return local.weekday() * QUARTERS_A_DAY + local.hour * 4 + local.minute // 15

    def multiplier(self, time: float) -> float:
        """Demand at a time (epoch s) as a share of an ordinary day's; occasions that overlap multiply."""
        share = 1.0
        for start, end, multiplier in self._spans:
            if start <= time < end:
                share *= multiplier
        return share

    def _epoch(self, local: datetime) -> float:
        return local.replace(tzinfo=self._zone).timestamp()
