"""How many riders a station expects: from its demand in the site file, or from a stated prior where there is none."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from config.loader import LoadedSite
from config.site import Station
from twin.demand import HALF_HOUR_S, Intensity, day_rates_per_s

DISPERSION = 0.2
"""Coefficient of variation of a day's level around its configured mean: a prior, until it is learned."""
PRIOR_SWAPS_PER_SLOT_DAY = 6.0
"""Where no demand is configured: a few turns of every slot a day, evenly spread, and very uncertain."""
PRIOR_DISPERSION = 1.0
_DAY_S = 86_400.0


class Expectation:
    """Expected riders of one station at any time, and the name of the model that says so."""

    def __init__(self, loaded: LoadedSite, station: Station) -> None:
        self._zone = ZoneInfo(loaded.site.timezone)
        demand = station.demand
        if demand is None:
            self.model = "simpy-ensemble/prior-demand"
            self._rates_per_s = day_rates_per_s((1.0,) * 48, PRIOR_SWAPS_PER_SLOT_DAY * station.slots)
            self._dispersion = PRIOR_DISPERSION
        else:
            self.model = "simpy-ensemble"
            self._rates_per_s = day_rates_per_s(loaded.half_hourly(demand), demand.swaps_per_day)
            self._dispersion = DISPERSION

    def intensity(self, start: float, horizon_s: float) -> Intensity:
        """Riders per second from ``start`` on, in half hours of the site's local time."""
        local_start = self._local(start)
        begin = start - local_start % HALF_HOUR_S
        steps = int(np.ceil((start + horizon_s - begin) / HALF_HOUR_S))
        # The offset is asked anew for each half hour: a horizon may cross a change to or from summer time.
        middles = [self._local(begin + (step + 0.5) * HALF_HOUR_S) for step in range(steps)]
        index = [int(middle % _DAY_S // HALF_HOUR_S) for middle in middles]
        return Intensity(begin, HALF_HOUR_S, self._rates_per_s[index], self._dispersion)

    def _local(self, time: float) -> float:
        offset = datetime.fromtimestamp(time, UTC).astimezone(self._zone).utcoffset()
        return time + (offset.total_seconds() if offset else 0.0)
