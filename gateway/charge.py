"""A charge as it went, beside the one that the model expects of a sound pack on a sound charger."""

from dataclasses import dataclass, field
from math import isfinite

from config.site import Station
from gateway.history import History
from twin.charging import HOUR_S, charge_rate, seconds_to_soc, soc_after
from twin.spec import PackSpec

MOST_S = 12 * HOUR_S
"""Site seconds of an expected curve at most."""
STEPS = 240


@dataclass(frozen=True, slots=True)
class Curve:
    """Columns of equal length; times in epoch seconds, power into the pack."""

    t: list[float] = field(default_factory=list)
    soc: list[float | None] = field(default_factory=list)
    power_w: list[float | None] = field(default_factory=list)


def measured(soc: History, power_w: History) -> Curve:
    """What the history has, where it has something; both are of the same buckets."""
    curve = Curve()
    for time, level, power in zip(soc.t, soc.mean, power_w.mean, strict=True):
        if level is not None or power is not None:
            curve.t.append(time)
            curve.soc.append(level)
            curve.power_w.append(power)
    return curve


def expected(station: Station, capacity_wh: float | None, since: float, soc: float, until: float) -> Curve:
    """A charge from a SoC on with all the power that the station's charger gives, to the end of charging at least.

    The station's grid limit is not in it: a charge that lags behind may be one that shared power with others.
    """
    pack = pack_class(station, capacity_wh)
    limit_per_s = station.charger.power_w / pack.capacity_wh / HOUR_S
    full_s = min(seconds_to_soc(pack, soc, station.full_soc, limit_per_s), MOST_S)
    step_s = max(full_s, until - since, 1.0) / STEPS
    curve = Curve()
    for step in range(STEPS + 1):
        level = min(soc_after(pack, soc, step * step_s, limit_per_s), max(station.full_soc, soc))
        rate = 0.0 if level >= station.full_soc else charge_rate(pack, level, limit_per_s)
        curve.t.append(round(since + step * step_s, 3))
        curve.soc.append(round(level, 4))
        curve.power_w.append(round(rate * HOUR_S * pack.capacity_wh, 1))
    return curve


def pack_class(station: Station, capacity_wh: float | None) -> PackSpec:
    """The station's class of packs that is nearest to a capacity; its first where none is known."""
    packs = (station.pack.spec(), *(other.spec() for other in station.other_packs))
    if capacity_wh is None or not isfinite(capacity_wh):
        return packs[0]
    return min(packs, key=lambda pack: abs(pack.capacity_wh - capacity_wh))
