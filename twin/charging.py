"""How a pack charges and warms, in closed form between events, and how chargers share a limit.

Pure functions of SoC (0-1), seconds, W and C. Two constants describe a pack class: with the rate limit in force
``r`` (SoC per second), ``S = soc_infinity`` and ``tau = tau_s``,

    ds/dt = min(r, (S - s) / tau)

which is constant current until ``s* = S - tau r`` and an exponential approach to ``S`` after it. This is the
circuit "open-circuit voltage plus R I equals V_max" with a linear open-circuit voltage; it follows the
Doyle-Fuller-Newman curves of PyBaMM (tests/unit/test_twin_charging.py). Unlike a fixed switch to constant voltage
(for example acnportal's Linear2StageBattery), ``s*`` moves with the power in force.

A rate cap over SoC, linear between points, bends that line: the most that a pack takes is then a chain of pieces
(``envelope``), each of them flat or falling in a straight line with an ``S`` and a ``tau`` of its own, so that every
piece has the same closed form.

Temperature is of first order: ``dT/dt = (T_ambient + K c^2 - T) / theta`` with the C-rate ``c`` in 1/h.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from math import copysign, exp, inf, log, sqrt

import numpy as np

from twin.spec import Floats, PackSpec, ThermalSpec

HOUR_S = 3600.0
_TAPERED = 0.97
_RISING_STEPS = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """What a pack takes at most up to the SoC ``end``: ``(soc_infinity - s) / tau_s``, or ``flat_per_s`` if above 0."""

    end: float
    soc_infinity: float
    tau_s: float
    flat_per_s: float = 0.0
    slope_per_s: float = field(init=False)
    """The inverse of ``tau_s``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope_per_s", 1.0 / self.tau_s)

    def rate(self, soc: float) -> float:
        """SoC per second."""
        return self.flat_per_s or (self.soc_infinity - soc) * self.slope_per_s


@lru_cache(maxsize=4096)
def envelope(pack: PackSpec, tau_scale: float = 1.0) -> tuple[Piece, ...]:
    """The least of a pack's taper and rate cap, as pieces in order of SoC; the last one has no end.

    A rising stretch of the cap is walked in flat steps, each as long as the stretch itself takes over it: a charge is
    right at the end of every step and within a fraction of it in between.
    """
    soc_infinity, tau_s = pack.soc_infinity, pack.tau_s * tau_scale
    pieces: list[Piece] = []
    points = [(soc, rate / HOUR_S) for soc, rate in pack.rate_cap]
    stretches = zip([(-inf, points[0][1]), *points], [*points, (inf, points[-1][1])], strict=True) if points else []
    for (start, first), (end, last) in stretches:
        slope = 0.0 if first == last else (last - first) / (end - start)
        rate_at_zero = first - slope * start if slope else first
        steepness = 1.0 + slope * tau_s  # above zero: the taper falls below the cap where they cross
        room = soc_infinity - tau_s * rate_at_zero
        cross = room / steepness if steepness else copysign(inf, room)
        cross = min(max(cross, start), end)
        on_cross = first if cross == start else last if cross == end else rate_at_zero + slope * cross
        if steepness >= 0.0:
            pieces += [*_cap_pieces(start, first, cross, on_cross), *_taper_piece(pack, tau_s, cross, end)]
        else:
            pieces += [*_taper_piece(pack, tau_s, start, cross), *_cap_pieces(cross, on_cross, end, last)]
    joined = [Piece(inf, soc_infinity, tau_s)]
    for piece in reversed(pieces):
        if replace(joined[-1], end=piece.end) != piece:
            joined.append(piece)
    return tuple(reversed(joined))


def _taper_piece(pack: PackSpec, tau_s: float, start: float, end: float) -> list[Piece]:
    return [Piece(end, pack.soc_infinity, tau_s)] if end > start else []


def _cap_pieces(start: float, first: float, end: float, last: float) -> list[Piece]:
    if end <= start:
        return []
    if first == last:
        return [Piece(end, inf, inf, first)]
    if first > last:
        tau_s = (end - start) / (first - last)
        return [Piece(end, end + last * tau_s, tau_s)]
    rates = np.geomspace(first, last, _RISING_STEPS + 1).tolist()
    socs = [start + (end - start) * (rate - first) / (last - first) for rate in rates[1:-1]] + [end]
    return [
        Piece(soc, inf, inf, (higher - lower) / log(higher / lower))
        for soc, lower, higher in zip(socs, rates[:-1], rates[1:], strict=True)
    ]


def piece_at(pieces: Sequence[Piece], soc: float) -> Piece:
    """The piece on which a pack charges on from a SoC."""
    for piece in pieces:
        if soc < piece.end:
            return piece
    return pieces[-1]


def charge_rate(pack: PackSpec, soc: float, limit_per_s: float) -> float:
    """SoC per second at a SoC under a rate limit; never negative."""
    return max(min(limit_per_s, piece_at(envelope(pack), soc).rate(soc)), 0.0)


def seconds_to_soc(pack: PackSpec, soc: float, target: float, limit_per_s: float, tau_scale: float = 1.0) -> float:
    """How long a charge to ``target`` takes: ``inf`` without power or where the taper never gets there.

    >>> round(seconds_to_soc(PackSpec(soc_infinity=1.02, tau_s=720.0), 0.2, 0.5, 1 / 3600))
    1080
    """
    if target <= soc:
        return 0.0
    if limit_per_s <= 0.0 or target >= pack.soc_infinity:
        return inf
    seconds = 0.0
    for piece in envelope(pack, tau_scale):
        if soc < piece.end:
            seconds += _seconds_on(piece, soc, min(target, piece.end), limit_per_s)
            soc = piece.end
        if soc >= target:
            break
    return seconds


def soc_after(pack: PackSpec, soc: float, seconds: float, limit_per_s: float, tau_scale: float = 1.0) -> float:
    """SoC after some seconds of charging under a rate limit.

    >>> soc_after(PackSpec(), 0.2, 360.0, 1 / 3600)
    0.30000000000000004
    """
    if limit_per_s <= 0.0 or seconds <= 0.0 or soc >= pack.soc_infinity:
        return soc
    for piece in envelope(pack, tau_scale):
        if soc < piece.end:
            to_end = _seconds_on(piece, soc, piece.end, limit_per_s) if piece.end < piece.soc_infinity else inf
            if seconds < to_end:
                return _soc_on(piece, soc, seconds, limit_per_s)
            soc, seconds = piece.end, seconds - to_end
    return soc


def _seconds_on(piece: Piece, soc: float, target: float, limit_per_s: float) -> float:
    if piece.flat_per_s:
        return (target - soc) / min(limit_per_s, piece.flat_per_s)
    bend = piece.soc_infinity - piece.tau_s * limit_per_s
    seconds = max(min(target, bend) - soc, 0.0) / limit_per_s
    if target > bend:
        seconds += seconds_to_taper(piece, max(soc, bend), target)
    return seconds


def _soc_on(piece: Piece, soc: float, seconds: float, limit_per_s: float) -> float:
    if piece.flat_per_s:
        return soc + min(limit_per_s, piece.flat_per_s) * seconds
    steady_s = max(piece.soc_infinity - piece.tau_s * limit_per_s - soc, 0.0) / limit_per_s
    if seconds <= steady_s:
        return soc + limit_per_s * seconds
    return taper_after(piece, soc + limit_per_s * steady_s, seconds - steady_s)


def seconds_to_taper(taper: Piece, soc: float, target: float) -> float:
    """Time from one SoC to a higher one (below ``soc_infinity``) within a taper."""
    return taper.tau_s * log((taper.soc_infinity - soc) / (taper.soc_infinity - target))


def taper_after(taper: Piece, soc: float, seconds: float) -> float:
    """SoC after some seconds within a taper."""
    return taper.soc_infinity - (taper.soc_infinity - soc) * exp(-seconds * taper.slope_per_s)


def seconds_to_rise(gap: float, rate: float, ramp: float) -> float:
    """Time to charge ``gap`` of SoC at a rate (per s) that grows by ``ramp`` (per s2): a root of a quadratic.

    >>> seconds_to_rise(0.5, 0.001, 0.0)
    500.0
    """
    if ramp == 0.0:
        return gap / rate
    return 2.0 * gap / (rate + sqrt(rate * rate + 2.0 * ramp * gap))


def seconds_to_bend(taper: Piece, soc: float, rate: float, ramp: float) -> float:
    """Time until a pack whose rate grows meets its own taper."""
    gap = max(taper.soc_infinity - soc - taper.tau_s * rate, 0.0)
    return seconds_to_rise(gap, rate + taper.tau_s * ramp, ramp)


def steady_rise(thermal: ThermalSpec, rate_per_s: float) -> float:
    """Kelvin above the ambient at which a pack charged at a rate settles."""
    c_rate = rate_per_s * HOUR_S
    return thermal.rise_k_per_c2 * (c_rate * c_rate)


def temperature_after(thermal: ThermalSpec, temperature_c: float, seconds: float, rate_per_s: float = 0.0) -> float:
    """Temperature after some seconds at a constant rate (zero: the pack cools)."""
    fade = exp(-seconds / thermal.time_constant_s)
    rise = steady_rise(thermal, rate_per_s)
    return thermal.ambient_c + (temperature_c - thermal.ambient_c) * fade + rise * (1.0 - fade)


def temperature_after_taper(
    thermal: ThermalSpec, tau_s: float, temperature_c: float, seconds: float, rate_per_s: float
) -> float:
    """Temperature after some seconds of a taper that began at ``rate_per_s``.

    The heat falls with ``exp(-2 t / tau)``: the response of a first-order lag to it adds
    ``K c0^2 / theta (exp(-2t/tau) - exp(-t/theta)) / (1/theta - 2/tau)`` to the pack's own cooling.
    """
    slow, fast, heat = _taper_heat(thermal, tau_s, rate_per_s)
    fade = exp(-seconds * slow)
    return thermal.ambient_c + (temperature_c - thermal.ambient_c) * fade + heat * (exp(-seconds * fast) - fade)


def seconds_to_temperature(thermal: ThermalSpec, temperature_c: float, threshold_c: float, rate_per_s: float) -> float:
    """When a pack charged at a constant rate passes a threshold, from either side; ``inf``: never."""
    final_c = thermal.ambient_c + steady_rise(thermal, rate_per_s)
    left, leaves = final_c - threshold_c, final_c - temperature_c
    if left == 0.0 or leaves / left < 1.0:
        return inf
    return thermal.time_constant_s * log(leaves / left)


def seconds_to_derate_taper(thermal: ThermalSpec, tau_s: float, temperature_c: float, rate_per_s: float) -> float:
    """When a pack first reaches the derating threshold during a taper that began at ``rate_per_s``; ``inf``: never.

    The temperature is a sum of two exponentials: it rises to one peak, whose time is a logarithm, and then falls.
    Before the peak it is monotone, so that the crossing is found by halving.
    """
    ambient, hot = thermal.ambient_c, thermal.derate_above_c
    if temperature_c >= hot:
        return 0.0
    if max(ambient, ambient + steady_rise(thermal, rate_per_s)) <= hot:
        return inf
    slow, fast, heat = _taper_heat(thermal, tau_s, rate_per_s)
    own = temperature_c - ambient - heat
    turn = -fast * heat / (slow * own) if own else 0.0
    peak_s = log(turn) / (fast - slow) if turn > 0.0 else inf
    high = min(peak_s, 50.0 * (thermal.time_constant_s + tau_s))
    if high <= 0.0 or temperature_after_taper(thermal, tau_s, temperature_c, high, rate_per_s) < hot:
        return inf
    low = 0.0
    while high - low > 1e-7 * (1.0 + high):
        middle = 0.5 * (low + high)
        if temperature_after_taper(thermal, tau_s, temperature_c, middle, rate_per_s) < hot:
            low = middle
        else:
            high = middle
    return high


def _taper_heat(thermal: ThermalSpec, tau_s: float, rate_per_s: float) -> tuple[float, float, float]:
    slow, fast = 1.0 / thermal.time_constant_s, 2.0 / tau_s
    if abs(slow - fast) < 1e-6 * slow:  # equal exponents would divide zero by zero; a millionth apart does no harm
        fast = slow * (1.0 + 1e-6)
    return slow, fast, steady_rise(thermal, rate_per_s) * slow / (slow - fast)


def water_level(demands_w: Sequence[float], available_w: float) -> float:
    """The level that shares a limit: everybody gets ``min(demand, level)``; ``inf`` where there is enough for all.

    Max-min fairness (water-filling). Starting from equal shares, what the small demands leave over is given to the
    others until no demand changes sides: two or three passes, no sorting.

    >>> water_level([100.0, 500.0, 500.0], 700.0)
    300.0
    """
    if not demands_w:
        return inf
    if available_w <= 0.0:
        return 0.0
    level, larger = available_w / len(demands_w), len(demands_w)
    while True:
        large, small_w = 0, 0.0
        for demand in demands_w:
            if demand > level:
                large += 1
            else:
                small_w += demand
        if not large:
            return inf
        if large >= larger:  # from below, demands only ever fall behind the level; more of them is rounding
            return level
        level, larger = (available_w - small_w) / large, large


def fit_pack(curves: Sequence[tuple[Floats, Floats]], capacity_wh: float) -> PackSpec:
    """The constants of a pack class from charge curves ``(time in s, SoC)``, at one or several rates.

    Within the taper the rate is linear in SoC, with slope ``-1 / tau`` and root ``S``: a straight line through the
    observed rates gives both. The last percent, where chargers cut the current off, counts only where the taper is
    too short without it. Where the taper is no straight line, a rate cap through the observed rates replaces it: the
    one of the two that keeps closer to the curves is returned. Raises ``ValueError`` where no curve shows a taper.
    """
    middles, rates, tapers = [], [], []
    for time_s, soc in curves:
        rate = np.diff(soc) / np.diff(time_s)
        middles.append((soc[1:] + soc[:-1]) / 2.0)
        rates.append(rate)
        tapers.append(rate < _TAPERED * np.median(rate[: max(len(rate) // 4, 1)]))
    middle, rate, taper = np.concatenate(middles), np.concatenate(rates), np.concatenate(tapers)
    early = taper & (middle < 0.99)
    chosen = early if early.sum() >= 3 else taper
    if chosen.sum() < 2:
        raise ValueError("the curves show no taper: give curves that run to the end of the charge")
    slope, offset = np.polyfit(middle[chosen], rate[chosen], 1)
    if slope >= 0.0:
        raise ValueError("the curves show no taper: their rate does not fall with SoC")
    line = PackSpec(capacity_wh, soc_infinity=float(-offset / slope), tau_s=float(-1.0 / slope))
    capped = _fit_cap(middle[taper], rate[taper], capacity_wh)
    return min((line, *capped), key=lambda pack: _misfit(pack, curves))


def _fit_cap(middle: Floats, rate: Floats, capacity_wh: float) -> list[PackSpec]:
    """Packs whose cap runs through the observed taper, from coarse to fine."""
    order = np.argsort(middle)
    middle, rate = middle[order], rate[order]
    packs = []
    for points in (3, 5, 8, 12):
        if len(middle) < 2 * points:
            break
        groups = zip(np.array_split(middle, points), np.array_split(rate, points), strict=True)
        knots = [(float(part.mean()), float(rates.mean())) for part, rates in groups]
        (before, faster), (last, slowest) = knots[-2:]
        falls = all(after[1] < this[1] and after[0] > this[0] for this, after in pairwise(knots))
        if falls and slowest > 0.0:
            tau_s = (last - before) / (faster - slowest)
            cap = tuple((soc, speed * HOUR_S) for soc, speed in knots)
            start = knots[0][0] - (knots[1][0] - knots[0][0]) * 4.0
            steep = (knots[0][1] - knots[1][1]) / (knots[1][0] - knots[0][0])
            cap = ((start, (knots[0][1] + steep * (knots[0][0] - start)) * HOUR_S), *cap)
            packs.append(PackSpec(capacity_wh, last + slowest * tau_s, tau_s, cap))
    return packs


def _misfit(pack: PackSpec, curves: Sequence[tuple[Floats, Floats]]) -> float:
    """The larger of the worst SoC error, in percent, and the worst error of the time to 95 %, in minutes."""
    worst = 0.0
    for time_s, soc in curves:
        first = max(len(soc) // 20, 1)
        limit = float((soc[first] - soc[0]) / (time_s[first] - time_s[0]))
        model = [soc_after(pack, float(soc[0]), float(time - time_s[0]), limit) for time in time_s]
        worst = max(worst, 100.0 * float(np.abs(np.array(model) - soc).max()))
        if soc[0] < 0.95 <= soc[-1]:
            seconds = seconds_to_soc(pack, float(soc[0]), 0.95, limit)
            worst = max(worst, abs(seconds + float(time_s[0]) - float(np.interp(0.95, soc, time_s))) / 60.0)
    return worst
