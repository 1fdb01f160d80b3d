"""How many swaps a station has served, and how many it has probably lost, since its local midnight."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import exp
from pathlib import Path
from zoneinfo import ZoneInfo

from config.clock import Clock
from config.site import Station
from gateway.past import read_today
from gateway.views import Fields
from twin.demand import Intensity
from twin.observation import Estimate

SET_BACK_S = 3600.0
"""Site seconds: a clock that is set back by more begins the day that it then shows."""
AHEAD_S = 900.0
"""Site seconds for which the riders' rate is asked at once."""


@dataclass(slots=True)
class _Counts:
    swaps: int = 0
    lost: float = 0.0
    waiting: float = 0.0
    """Riders who probably wait at a station that has no pack for them."""
    expected: Intensity | None = None
    """Riders, while they are asked for."""


class Today:
    """Swaps as the twins saw them. No device counts riders who leave without a pack: their number is what the demand
    makes likely while no pack is ready, each waiting as long as the station's ``patience_s`` says.
    """

    def __init__(
        self,
        stations: Iterable[Station],
        zone: str,
        clock: Clock,
        intensity: Callable[[str, float, float], Intensity],
    ) -> None:
        """``intensity(station, start, seconds)``: riders expected."""
        self._clock, self._intensity = clock, intensity
        self._zone = ZoneInfo(zone)
        self._day = day_of(clock.now(), self._zone)
        self._counts: dict[str, _Counts] = {}
        self._patience_s: dict[str, float] = {}
        self.follow(stations)

    def follow(self, stations: Iterable[Station]) -> None:
        """These are the stations now; counts of those that stay go on."""
        self._patience_s = {station.id: station.patience_s for station in stations}
        self._counts = {name: self._counts.get(name, _Counts()) for name in self._patience_s}

    def restore(self, file: Path) -> None:
        """Go on from what a store's file has of today. Blocks."""
        for station, (swaps, lost) in read_today(file, self._day[0]).items():
            if station in self._counts:
                self._counts[station] = _Counts(swaps, lost)

    def stepped(self, station: str, estimate: Estimate, before: Estimate | None) -> None:
        """A station's twin made a step."""
        self._turn()
        counts = self._counts[station]
        swaps = max(estimate.swaps - (before.swaps if before else 0), 0)
        counts.swaps += swaps
        counts.waiting = max(counts.waiting - swaps, 0.0)
        if estimate.ready >= counts.waiting and estimate.ready > 0:
            counts.waiting, counts.expected = 0.0, None
        elif before is not None and before.ready == 0 and not estimate.substituted.all():
            self._wait(station, counts, before.time, estimate.time)

    def of(self, station: str) -> Fields:
        """The fields of a station's summary."""
        self._turn()
        counts = self._counts[station]
        return {"swaps_today": counts.swaps, "lost_today": round(counts.lost, 1)}

    def _wait(self, station: str, counts: _Counts, start: float, end: float) -> None:
        expected = counts.expected
        if expected is None or not expected.start <= end < expected.start + AHEAD_S:
            expected = counts.expected = self._intensity(station, start, AHEAD_S)
        leave = 1.0 - exp(-(end - start) / self._patience_s[station])
        counts.lost += counts.waiting * leave
        counts.waiting += expected.at(end) * (end - start) - counts.waiting * leave

    def _turn(self) -> None:
        now = self._clock.now()
        if self._day[0] - SET_BACK_S <= now < self._day[1]:
            return
        self._day = day_of(now, self._zone)
        for counts in self._counts.values():
            counts.swaps, counts.lost = 0, 0.0


def day_of(now: float, zone: ZoneInfo) -> tuple[float, float]:
    """Beginning and end (epoch s) of the local day; 23 or 25 hours long where clocks are changed.

    >>> [(end - start) / 3600 for start, end in [day_of(1774760400.0, ZoneInfo("Europe/Berlin"))]]
    [23.0]
    """
    today = datetime.fromtimestamp(now, zone).date()
    begins, ends = (datetime.combine(day, time(), zone).timestamp() for day in (today, today + timedelta(days=1)))
    return begins, ends
