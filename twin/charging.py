"""How a pack charges and warms, in closed form between events, and how chargers share a limit.

Pure functions of SoC (0-1), seconds, W and C. Two constants describe a pack class: with the rate limit in force
``r`` (SoC per second), ``S = soc_infinity`` and ``tau = tau_s``,

    ds/dt = min(r, (S - s) / tau)

which is constant current until ``s* = S - tau r`` and an exponential approach to ``S`` after it. This is the
circuit "open-circuit voltage plus R I equals V_max" with a linear open-circuit voltage; it follows the
Doyle-Fuller-Newman curves of PyBaMM (tests/unit/test_twin_charging.py). Unlike a fixed switch to constant voltage
(for example acnportal's Linear2StageBattery), ``s*`` moves with the power in force.

Temperature is of first order: ``dT/dt = (T_ambient + K c^2 - T) / theta`` with the C-rate ``c`` in 1/h.
"""

from collections.abc import Sequence
from math import exp, inf, log

import numpy as np

from twin.spec import Floats, PackSpec, ThermalSpec

HOUR_S = 3600.0
_TAPERED = 0.97


def taper_start(pack: PackSpec, limit_per_s: float) -> float:
    """The SoC ``s*`` at which constant voltage begins under a rate limit."""
    return pack.soc_infinity - pack.tau_s * limit_per_s


def charge_rate(pack: PackSpec, soc: float, limit_per_s: float) -> float:
    """SoC per second at a SoC under a rate limit; never negative."""
    return max(min(limit_per_s, (pack.soc_infinity - soc) / pack.tau_s), 0.0)


def seconds_to_soc(pack: PackSpec, soc: float, target: float, limit_per_s: float) -> float:
    """How long a charge to ``target`` takes: ``inf`` without power or where the taper never gets there.

    >>> round(seconds_to_soc(PackSpec(soc_infinity=1.02, tau_s=720.0), 0.2, 0.5, 1 / 3600))
    1080
    """
    if target <= soc:
        return 0.0
    if limit_per_s <= 0.0 or target >= pack.soc_infinity:
        return inf
    bend = taper_start(pack, limit_per_s)
    seconds = max(min(target, bend) - soc, 0.0) / limit_per_s
    if target > bend:
        seconds += seconds_to_taper(pack, max(soc, bend), target)
    return seconds


def seconds_to_taper(pack: PackSpec, soc: float, target: float) -> float:
    """Time from one SoC to a higher one (below ``soc_infinity``) within the taper."""
    return pack.tau_s * log((pack.soc_infinity - soc) / (pack.soc_infinity - target))


def soc_after(pack: PackSpec, soc: float, seconds: float, limit_per_s: float) -> float:
    """SoC after some seconds of charging under a rate limit.

    >>> soc_after(PackSpec(), 0.2, 360.0, 1 / 3600)
    0.30000000000000004
    """
    if limit_per_s <= 0.0 or seconds <= 0.0 or soc >= pack.soc_infinity:
        return soc
    steady_s = max(taper_start(pack, limit_per_s) - soc, 0.0) / limit_per_s
    if seconds <= steady_s:
        return soc + limit_per_s * seconds
    return taper_after(pack, soc + limit_per_s * steady_s, seconds - steady_s)


def taper_after(pack: PackSpec, soc: float, seconds: float) -> float:
    """SoC after some seconds within the taper."""
    return pack.soc_infinity - (pack.soc_infinity - soc) * exp(-seconds / pack.tau_s)


def temperature_after(thermal: ThermalSpec, temperature_c: float, seconds: float, rate_per_s: float = 0.0) -> float:
    """Temperature after some seconds at a constant rate (zero: the pack cools)."""
    fade = exp(-seconds / thermal.time_constant_s)
    rise = thermal.rise_k_per_c2 * (rate_per_s * HOUR_S) ** 2
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
    final_c = thermal.ambient_c + thermal.rise_k_per_c2 * (rate_per_s * HOUR_S) ** 2
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
    if max(ambient, ambient + thermal.rise_k_per_c2 * (rate_per_s * HOUR_S) ** 2) <= hot:
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
    return slow, fast, thermal.rise_k_per_c2 * (rate_per_s * HOUR_S) ** 2 * slow / (slow - fast)


def water_level(demands_w: Sequence[float], available_w: float) -> float:
    """The level that shares a limit: everybody gets ``min(demand, level)``; ``inf`` where there is enough for all.

    Max-min fairness (water-filling). Starting from equal shares, what the small demands leave over is given to the
    others until nothing moves: two or three passes, no sorting.

    >>> water_level([100.0, 500.0, 500.0], 700.0)
    300.0
    """
    if sum(demands_w) <= available_w:
        return inf
    if available_w <= 0.0:
        return 0.0
    level = available_w / len(demands_w)
    while True:
        large, small_w = 0, 0.0
        for demand in demands_w:
            if demand > level:
                large += 1
            else:
                small_w += demand
        if not large:
            return level
        higher = (available_w - small_w) / large
        if higher <= level * (1.0 + 1e-14):
            return level
        level = higher


def fit_pack(curves: Sequence[tuple[Floats, Floats]], capacity_wh: float) -> PackSpec:
    """The two constants of a pack class from charge curves ``(time in s, SoC)``, at one or several rates.

    Within the taper the rate is linear in SoC, with slope ``-1 / tau`` and root ``S``: a straight line through the
    observed rates gives both. The last percent, where chargers cut the current off, counts only where the taper is
    too short without it. Raises ``ValueError`` where no curve shows a taper.
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
    return PackSpec(capacity_wh, soc_infinity=float(-offset / slope), tau_s=float(-1.0 / slope))
