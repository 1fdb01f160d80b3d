"""The station of ``twin.station``, compiled: the same events from the same random numbers, a whole ensemble at a time.

Every line of physics here has its twin in ``twin.charging``, ``twin.slot`` and ``twin.station``, in the same order of
operations, so that both engines give the same numbers to the last bit; tests hold them to it. What differs is work
that is left out because its outcome is known: a limited pack whose next event cannot come before the next sharing is
not asked when it comes; packs are not asked what they take where all chargers together cannot reach the limit.

Compiled code releases the interpreter's lock. Everything that describes a station is an argument: numba keeps compiled
code by this file's date and would not notice a constant that changed elsewhere, and for the same reason no compiled
function lives in another file.
"""

# mypy: disable-error-code="no-any-return"
# (An element of an array is Any to the type checker, and nearly every function here returns one or a sum of them.)

from collections.abc import Callable
from math import exp, floor, inf, isnan, log, nan, sqrt
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.spec import Floats

_F = TypeVar("_F", bound=Callable[..., Any])
Whole = NDArray[np.int64]
Active = NDArray[np.uint64]
Counts = NDArray[np.int32]
Pieces = NDArray[np.float64]

EMPTY, COOLING, CHARGING, DONE = 0, 1, 2, 3
NOTHING, READY, FULL, TAPER, DERATE, RESTORE, PIECE, CAP = range(8)
UNSHARED = -1.0
TAPER_TOLERANCE = 1.0 - 1e-9
UNUSED_SHARE = 0.001
SHORTEST_RAMP_S = 1.0
HOUR_S = 3600.0
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SURE = 1.0 + 1e-8
"""A bound that spares a calculation must hold by this much: far more than rounding, far less than anything real."""
NEAR_S = 1.0
"""Within this time of its event a pack is looked at closely, because of the tolerance of the taper."""
LOST, SWAPS, ARRIVALS = 0, 1, 2
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""Without numba's run time (``_nrt``) nothing is allocated here, and no reference to an array is counted: a fifth of
the time otherwise."""

NUMBERS = (
    "grid_limit_w",
    "base_load_w",
    "ready_soc",
    "full_soc",
    "swap_s",
    "cooldown_s",
    "patience_s",
    "ambient_c",
    "rise_k_per_c2",
    "time_constant_s",
    "derate_above_c",
    "restore_below_c",
    "derate_factor",
    "soc_low",
    "soc_high",
    "temperature_low_c",
    "temperature_high_c",
    "share_tick_s",
    "chargers",
    "variants",
    "rates_start",
    "rates_step_s",
)
(
    GRID_LIMIT_W,
    BASE_LOAD_W,
    READY_SOC,
    FULL_SOC,
    SWAP_S,
    COOLDOWN_S,
    PATIENCE_S,
    AMBIENT_C,
    RISE_K_PER_C2,
    TIME_CONSTANT_S,
    DERATE_ABOVE_C,
    RESTORE_BELOW_C,
    DERATE_FACTOR,
    SOC_LOW,
    SOC_HIGH,
    TEMPERATURE_LOW_C,
    TEMPERATURE_HIGH_C,
    SHARE_TICK_S,
    CHARGERS,
    VARIANTS,
    RATES_START,
    RATES_STEP_S,
) = range(22)
"""The station's numbers, as they stand in ``twin.spec``."""

COLUMNS = (
    "phase",
    "pack_class",
    "ready",
    "derated",
    "tapering",
    "event",
    "since",
    "soc",
    "temperature_c",
    "rate",
    "ramp",
    "due",
    "cooling_until",
    "charging_since",
    "end",
    "infinity",
    "tau_s",
    "flat",
    "energy_ws",
    "most_w",
    "ask_w",
    "clear",
    "limited",
    "waits",
    "variant",
    "power_w",
    "efficiency",
)
(
    PHASE,
    CLASS,
    IS_READY,
    IS_DERATED,
    IS_TAPERING,
    EVENT,
    SINCE,
    SOC,
    TEMPERATURE,
    RATE,
    RAMP,
    DUE,
    REST_UNTIL,
    CHARGING_SINCE,
    END,
    INFINITY,
    TAU,
    FLAT,
    ENERGY,
    MOST,
    ASK,
    CLEAR,
    IS_LIMITED,
    IS_WAITING,
    VARIANT,
    POWER,
    EFFICIENCY,
) = range(27)
"""A slot in a row of floats: flags are 0 or 1.

First what a slot is, as in ``twin.slot.Slot``; then what follows from it until it changes: the piece of the envelope
(END to ENERGY), the most that charger and piece give (MOST, and ASK at the grid side), how far below the end of its
taper the pack takes more than that for sure (CLEAR), whether the limit holds it back; and what its charger is.
"""


def _compiled(function: _F) -> _F:
    return cast(_F, njit(**_OPTIONS)(function))


def _inlined(function: _F) -> _F:
    return cast(_F, njit(**_OPTIONS, forceinline=True)(function))


def _kept(function: _F) -> _F:
    """Compiled, and kept on disk where there is a place for it."""
    try:
        return cast(_F, njit(**_OPTIONS, cache=True)(function))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return _compiled(function)


@_inlined
def _uniform(streams: NDArray[np.uint64], purpose: int) -> float:
    word = streams[purpose] + GOLDEN
    streams[purpose] = word
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((word ^ (word >> np.uint64(31))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@_inlined
def _next_arrival(m: Floats, rates_per_s: Floats, level: float, streams: NDArray[np.uint64], time: float) -> float:
    need = -log(1.0 - _uniform(streams, 0))
    last = len(rates_per_s) - 1
    step = min(max(int((time - m[RATES_START]) // m[RATES_STEP_S]), 0), last)
    while step < last:
        rate, end = rates_per_s[step] * level, m[RATES_START] + (step + 1) * m[RATES_STEP_S]
        room = rate * (end - time)
        if need <= room and rate > 0.0:
            return time + need / rate
        need -= room
        time = max(time, end)
        step += 1
    rate = rates_per_s[last] * level
    return time + need / rate if rate > 0.0 else inf


@_inlined
def _refresh(m: Floats, w: Floats, i: int) -> None:
    """What a slot asks for at most, after its charger, its piece or its temperature has changed."""
    most = w[i, POWER] * m[DERATE_FACTOR] if w[i, IS_DERATED] else w[i, POWER]
    if w[i, IS_WAITING]:
        most = 0.0
    if w[i, FLAT] > 0.0:
        pack_w = w[i, FLAT] * w[i, ENERGY]
        most = min(most, pack_w)
        w[i, CLEAR] = -1.0 if most < pack_w * (1.0 - 1e-6) else inf
    else:
        w[i, CLEAR] = most * w[i, TAU] / w[i, ENERGY] * SURE
    w[i, MOST] = most
    w[i, ASK] = most / w[i, EFFICIENCY]


@_inlined
def _look_up(m: Floats, pieces: Pieces, w: Floats, i: int) -> None:
    """The piece on which the pack charges on."""
    row = int(w[i, CLASS] * m[VARIANTS] + w[i, VARIANT])
    k = 0
    while w[i, SOC] >= pieces[row, k, 0]:
        k += 1
    w[i, END], w[i, INFINITY], w[i, TAU] = pieces[row, k, 0], pieces[row, k, 1], pieces[row, k, 2]
    w[i, FLAT], w[i, ENERGY] = pieces[row, k, 3], pieces[row, k, 4]
    _refresh(m, w, i)


@_inlined
def _soc_at(w: Floats, i: int, time: float) -> float:
    seconds = time - w[i, SINCE]
    if w[i, IS_TAPERING]:
        return w[i, INFINITY] - (w[i, INFINITY] - w[i, SOC]) * exp(-seconds / w[i, TAU])
    return w[i, SOC] + (w[i, RATE] + 0.5 * w[i, RAMP] * seconds) * seconds


@_inlined
def _rise(m: Floats, rate: float) -> float:
    c_rate = rate * HOUR_S
    return m[RISE_K_PER_C2] * (c_rate * c_rate)


@_compiled
def _taper_heat(m: Floats, tau_s: float, rate: float) -> tuple[float, float, float]:
    slow, fast = 1.0 / m[TIME_CONSTANT_S], 2.0 / tau_s
    if abs(slow - fast) < 1e-6 * slow:
        fast = slow * (1.0 + 1e-6)
    return slow, fast, _rise(m, rate) * slow / (slow - fast)


@_compiled
def _after_taper(m: Floats, tau_s: float, temperature_c: float, seconds: float, rate: float) -> float:
    slow, fast, heat = _taper_heat(m, tau_s, rate)
    fade = exp(-seconds * slow)
    return m[AMBIENT_C] + (temperature_c - m[AMBIENT_C]) * fade + heat * (exp(-seconds * fast) - fade)


@_inlined
def _settle(m: Floats, w: Floats, i: int, time: float) -> None:
    if time == w[i, SINCE]:
        return
    seconds = time - w[i, SINCE]
    soc = _soc_at(w, i, time)
    if w[i, IS_TAPERING]:
        w[i, TEMPERATURE] = _after_taper(m, w[i, TAU], w[i, TEMPERATURE], seconds, w[i, RATE])
    else:
        fade = exp(-seconds / m[TIME_CONSTANT_S])
        heat = _rise(m, max(w[i, RATE], 0.0)) * (1.0 - fade)
        w[i, TEMPERATURE] = m[AMBIENT_C] + (w[i, TEMPERATURE] - m[AMBIENT_C]) * fade + heat
    w[i, SOC], w[i, SINCE] = soc, time


@_inlined
def _stop(w: Floats, i: int) -> None:
    w[i, RATE], w[i, RAMP], w[i, IS_TAPERING] = 0.0, 0.0, False
    w[i, DUE], w[i, EVENT] = inf, NOTHING
    w[i, IS_LIMITED] = False


@_inlined
def _meet(m: Floats, pieces: Pieces, w: Floats, i: int) -> None:
    due, event = w[i, DUE], w[i, EVENT]
    rate = w[i, RATE] + w[i, RAMP] * (due - w[i, SINCE])
    _settle(m, w, i, due)
    if event == READY:
        w[i, SOC], w[i, IS_READY] = m[READY_SOC], True
    elif event == FULL:
        w[i, SOC], w[i, IS_READY], w[i, IS_DERATED] = m[FULL_SOC], True, False
        w[i, PHASE], w[i, CHARGING_SINCE] = DONE, inf
        _stop(w, i)
        return
    elif event == TAPER:
        w[i, SOC] = w[i, INFINITY] - w[i, TAU] * rate
    elif event == PIECE:
        w[i, SOC] = w[i, END]
    elif event == DERATE:
        w[i, TEMPERATURE], w[i, IS_DERATED] = m[DERATE_ABOVE_C], True
    elif event == RESTORE:
        w[i, TEMPERATURE], w[i, IS_DERATED] = m[RESTORE_BELOW_C], False
    _stop(w, i)
    w[i, RATE] = UNSHARED
    _look_up(m, pieces, w, i)


@_inlined
def _seconds_to_rise(gap: float, rate: float, ramp: float) -> float:
    if ramp == 0.0:
        return gap / rate
    return 2.0 * gap / (rate + sqrt(rate * rate + 2.0 * ramp * gap))


@_compiled
def _seconds_to_temperature(m: Floats, temperature_c: float, threshold_c: float, rate: float) -> float:
    final_c = m[AMBIENT_C] + _rise(m, rate)
    left, leaves = final_c - threshold_c, final_c - temperature_c
    if left == 0.0 or leaves / left < 1.0:
        return inf
    return m[TIME_CONSTANT_S] * log(leaves / left)


@_compiled
def _seconds_to_derate_taper(m: Floats, tau_s: float, temperature_c: float, rate: float) -> float:
    ambient, hot = m[AMBIENT_C], m[DERATE_ABOVE_C]
    if temperature_c >= hot:
        return 0.0
    if max(ambient, ambient + _rise(m, rate)) <= hot:
        return inf
    slow, fast, heat = _taper_heat(m, tau_s, rate)
    own = temperature_c - ambient - heat
    turn = -fast * heat / (slow * own) if own != 0.0 else 0.0
    peak_s = log(turn) / (fast - slow) if turn > 0.0 else inf
    high = min(peak_s, 50.0 * (m[TIME_CONSTANT_S] + tau_s))
    if high <= 0.0 or _after_taper(m, tau_s, temperature_c, high, rate) < hot:
        return inf
    low = 0.0
    while high - low > 1e-7 * (1.0 + high):
        middle = 0.5 * (low + high)
        if _after_taper(m, tau_s, temperature_c, middle, rate) < hot:
            low = middle
        else:
            high = middle
    return high


@_compiled
def _seconds_to_threshold(m: Floats, w: Floats, i: int) -> float:
    temperature_c = w[i, TEMPERATURE]
    if w[i, IS_DERATED]:
        if temperature_c <= m[RESTORE_BELOW_C]:
            return 0.0
        return _seconds_to_temperature(m, temperature_c, m[RESTORE_BELOW_C], w[i, RATE])
    if temperature_c >= m[DERATE_ABOVE_C]:
        return 0.0
    return _seconds_to_temperature(m, temperature_c, m[DERATE_ABOVE_C], w[i, RATE])


@_compiled
def _find_event(m: Floats, w: Floats, i: int) -> None:
    """When the segment that began at ``since`` ends, and by what."""
    rate, ramp, soc = w[i, RATE], w[i, RAMP], w[i, SOC]
    target, event = (m[FULL_SOC], FULL) if w[i, IS_READY] else (m[READY_SOC], READY)
    if w[i, END] < target:
        target, event = w[i, END], PIECE
    gap = target - soc if target > soc else 0.0
    if w[i, IS_TAPERING]:
        infinity = w[i, INFINITY]
        wait = w[i, TAU] * log((infinity - soc) / (infinity - target)) if gap > 0.0 else 0.0
        warm = inf
        if not w[i, IS_DERATED]:
            warm = _seconds_to_derate_taper(m, w[i, TAU], w[i, TEMPERATURE], rate)
    else:
        wait = _seconds_to_rise(gap, rate, ramp)
        if w[i, FLAT] == 0.0:
            bend_gap = max(w[i, INFINITY] - soc - w[i, TAU] * rate, 0.0)
            bend = _seconds_to_rise(bend_gap, rate + w[i, TAU] * ramp, ramp)
            if bend < wait:
                wait, event = bend, TAPER
        if ramp > 0.0:
            capped = (w[i, MOST] / w[i, ENERGY] - rate) / ramp
            if capped < wait:
                wait, event = capped, CAP
        warm = _seconds_to_threshold(m, w, i)
    if warm < wait:
        wait, event = warm, RESTORE if w[i, IS_DERATED] else DERATE
    w[i, DUE], w[i, EVENT] = w[i, SINCE] + wait, event


@_inlined
def _comes_later(m: Floats, w: Floats, i: int, time: float) -> bool:
    """Whether a limited pack's next event comes after ``time`` for sure, by bounds that need no root or logarithm."""
    window = (time - w[i, SINCE]) * SURE
    rate, ramp, soc = w[i, RATE], w[i, RAMP], w[i, SOC]
    fastest = rate + ramp * window
    target = min(m[FULL_SOC] if w[i, IS_READY] else m[READY_SOC], w[i, END])
    if target - soc <= fastest * window:
        return False
    if w[i, FLAT] == 0.0 and w[i, INFINITY] - soc - w[i, TAU] * rate <= (fastest + w[i, TAU] * ramp) * window:
        return False
    if ramp > 0.0 and w[i, MOST] <= fastest * w[i, ENERGY] * SURE:
        return False
    temperature_c, final_c = w[i, TEMPERATURE], m[AMBIENT_C] + _rise(m, rate)
    if w[i, IS_DERATED]:
        return (temperature_c - m[RESTORE_BELOW_C]) * m[TIME_CONSTANT_S] > (temperature_c - final_c) * window and (
            temperature_c > m[RESTORE_BELOW_C]
        )
    if temperature_c >= m[DERATE_ABOVE_C]:
        return False
    return (m[DERATE_ABOVE_C] - temperature_c) * m[TIME_CONSTANT_S] > (final_c - temperature_c) * window


@_inlined
def _charge(
    m: Floats,
    w: Floats,
    i: int,
    time: float,
    soc: float,
    fade: float,
    rate: float,
    ramp: float,
    tapering: bool,
    limited: bool,
) -> bool:
    """``soc``: the slot's at ``time``; ``fade``: of a temperature, ``exp(-(time - since) / time constant)``.

    Returns whether derating has ended: what the slot asks for must be refreshed, but not before power is shared.
    """
    if tapering == w[i, IS_TAPERING] and (tapering or (rate == w[i, RATE] and ramp == w[i, RAMP])):
        return False
    cooled = False
    if w[i, RATE] != UNSHARED and time != w[i, SINCE]:
        if w[i, IS_TAPERING]:
            seconds = time - w[i, SINCE]
            w[i, TEMPERATURE] = _after_taper(m, w[i, TAU], w[i, TEMPERATURE], seconds, w[i, RATE])
        else:
            heat = _rise(m, max(w[i, RATE], 0.0)) * (1.0 - fade)
            w[i, TEMPERATURE] = m[AMBIENT_C] + (w[i, TEMPERATURE] - m[AMBIENT_C]) * fade + heat
        w[i, SOC] = soc
    if w[i, IS_TAPERING] and w[i, IS_DERATED]:
        w[i, IS_DERATED] = w[i, TEMPERATURE] > m[RESTORE_BELOW_C]
        cooled = not w[i, IS_DERATED]
    w[i, SINCE] = time
    w[i, RATE], w[i, RAMP], w[i, IS_TAPERING] = rate, ramp, tapering
    w[i, IS_LIMITED] = limited
    w[i, DUE], w[i, EVENT] = inf, NOTHING
    if rate > 0.0 and not limited:
        _find_event(m, w, i)
    return cooled


@_inlined
def _level(demand_w: Floats, count: int, available_w: float) -> float:
    if count == 0:
        return inf
    if available_w <= 0.0:
        return 0.0
    level, larger = available_w / count, count
    while True:
        large, small_w = 0, 0.0
        for a in range(count):
            if demand_w[a] > level:
                large += 1
            else:
                small_w += demand_w[a]
        if large == 0:
            return inf
        if large >= larger:
            return level
        level, larger = (available_w - small_w) / large, large


@_compiled
def _assign_chargers(m: Floats, w: Floats, active: Active, count: int) -> None:
    """The packs that came first have the chargers; among equals, the lower slot."""
    for a in range(count):
        i = active[a]
        before = 0
        for b in range(count):
            j = active[b]
            if w[j, CHARGING_SINCE] < w[i, CHARGING_SINCE] or (w[j, CHARGING_SINCE] == w[i, CHARGING_SINCE] and b < a):
                before += 1
        waits = before >= m[CHARGERS]
        if waits != w[i, IS_WAITING]:
            w[i, IS_WAITING] = waits
            _refresh(m, w, i)


@_inlined
def _share_freely(m: Floats, w: Floats, active: Active, count: int, now: float) -> None:
    """Where all chargers together stay within the limit only those that changed are looked at."""
    for a in range(count):
        i = active[a]
        if w[i, IS_TAPERING]:
            continue
        most_w = w[i, MOST]
        steady = w[i, RATE] == most_w / w[i, ENERGY] and w[i, RAMP] == 0.0
        if steady and not w[i, IS_LIMITED] and w[i, DUE] - now > NEAR_S:
            continue
        power_w, falls, soc = most_w, False, _soc_at(w, i, now)
        if w[i, FLAT] == 0.0:
            pack_w = (w[i, INFINITY] - soc) / w[i, TAU] * w[i, ENERGY]
            power_w = min(most_w, pack_w)
            falls = power_w >= pack_w * TAPER_TOLERANCE
        fade = exp(-(now - w[i, SINCE]) / m[TIME_CONSTANT_S])
        if _charge(m, w, i, now, soc, fade, power_w / w[i, ENERGY], 0.0, falls, False):
            _refresh(m, w, i)
        if w[i, IS_LIMITED]:
            w[i, IS_LIMITED] = False
            _find_event(m, w, i)


@_inlined
def _share(
    m: Floats,
    w: Floats,
    active: Active,
    socs: Floats,
    packs_w: Floats,
    demands_w: Floats,
    count: int,
    now: float,
) -> tuple[float, float]:
    """Share the limit. Returns when the next charging event comes, and when to share at the latest."""
    available_w = m[GRID_LIMIT_W] - m[BASE_LOAD_W]
    if m[CHARGERS] >= 0:
        _assign_chargers(m, w, active, count)
    most_w = 0.0
    for a in range(count):
        most_w = max(most_w, w[active[a], ASK])
    if available_w > 0.0 and most_w <= available_w / max(count, 1):
        _share_freely(m, w, active, count, now)
        due = inf
        for a in range(count):
            due = min(due, w[active[a], DUE])
        return due, inf
    seconds, fade = 0.0, 1.0
    for a in range(count):
        i = active[a]
        soc = _soc_at(w, i, now)
        socs[a] = soc
        if w[i, INFINITY] - soc > w[i, CLEAR]:
            packs_w[a] = inf
            demands_w[a] = w[i, ASK]
        else:
            pack_w = (w[i, FLAT] if w[i, FLAT] > 0.0 else (w[i, INFINITY] - soc) / w[i, TAU]) * w[i, ENERGY]
            packs_w[a] = pack_w
            demands_w[a] = w[i, ASK] if w[i, MOST] < pack_w else pack_w / w[i, EFFICIENCY]
    level_w = _level(demands_w, count, available_w)
    ramp_w_per_s, reshare_at = 0.0, inf
    if level_w < inf:
        ramp_w_per_s, reshare_at = _until_next_sharing(
            m, w, active, packs_w, demands_w, count, now, level_w, available_w
        )
    due, cooled = inf, False
    for a in range(count):
        i = active[a]
        pack_w, most_w = packs_w[a], w[i, MOST]
        limited = demands_w[a] > level_w
        power_w = level_w * w[i, EFFICIENCY] if limited else min(most_w, pack_w)
        falls = w[i, FLAT] == 0.0 and power_w >= pack_w * TAPER_TOLERANCE
        ramp_w = ramp_w_per_s * w[i, EFFICIENCY] if limited and power_w < most_w * TAPER_TOLERANCE else 0.0
        energy_ws = w[i, ENERGY]
        if now - w[i, SINCE] != seconds:
            seconds = now - w[i, SINCE]
            fade = exp(-seconds / m[TIME_CONSTANT_S])
        cooled |= _charge(
            m, w, i, now, socs[a], fade, power_w / energy_ws, ramp_w / energy_ws, falls, limited and not falls
        )
        if not w[i, IS_LIMITED] and w[i, DUE] < due:
            due = w[i, DUE]
    until = min(due, reshare_at)
    for a in range(count):
        i = active[a]
        if w[i, IS_LIMITED] and w[i, RATE] > 0.0:
            if until < inf and _comes_later(m, w, i, until):
                w[i, DUE], w[i, EVENT] = inf, NOTHING
            else:
                _find_event(m, w, i)
                if w[i, DUE] < until:
                    until = due = w[i, DUE]
    if cooled:
        for a in range(count):
            _refresh(m, w, active[a])
    return until, reshare_at


@_inlined
def _until_next_sharing(
    m: Floats,
    w: Floats,
    active: Active,
    packs_w: Floats,
    demands_w: Floats,
    count: int,
    now: float,
    level_w: float,
    available_w: float,
) -> tuple[float, float]:
    if m[SHARE_TICK_S] > 0.0:
        tick = (floor(now / m[SHARE_TICK_S]) + 1.0) * m[SHARE_TICK_S]
        return 0.0, tick if tick > now else tick + m[SHARE_TICK_S]
    limited, fall, bend = 0, 0.0, 0.0
    for a in range(count):
        i = active[a]
        if demands_w[a] > level_w:
            limited += 1
        elif packs_w[a] <= w[i, MOST] and w[i, FLAT] == 0.0:
            fall += demands_w[a] / w[i, TAU]
            bend += demands_w[a] / w[i, TAU] / w[i, TAU]
    if limited == 0 or bend == 0.0:
        return 0.0, inf
    spans_s = max(sqrt(8.0 * UNUSED_SHARE * available_w / bend), SHORTEST_RAMP_S)
    return max(fall - 0.5 * spans_s * bend, 0.0) / limited, now + spans_s


@_inlined
def _fullest(m: Floats, w: Floats, now: float) -> int:
    best, most = -1, -inf
    for i in range(len(w)):
        if w[i, IS_READY] and w[i, PHASE] == DONE and w[i, SOC] > most:
            best, most = i, w[i, SOC]
    sure = most >= m[FULL_SOC]
    for i in range(len(w)):
        if w[i, IS_READY] and w[i, PHASE] == CHARGING and (w[i, IS_LIMITED] or not sure or w[i, DUE] - now <= NEAR_S):
            soc = _soc_at(w, i, now)
            if soc > most or (soc == most and i < best):
                best, most = i, soc
    return best


@_inlined
def _leave_active(active: Active, count: int, slot: int) -> int:
    kept = 0
    for a in range(count):
        if active[a] != slot:
            active[kept] = active[a]
            kept += 1
    return kept


@_inlined
def _join_active(active: Active, count: int, slot: int) -> int:
    a = count
    while a > 0 and active[a - 1] > slot:
        active[a] = active[a - 1]
        a -= 1
    active[a] = slot
    return count + 1


@_inlined
def _first(values: Floats) -> tuple[float, int]:
    """The least value and the lowest place of it."""
    least, place = inf, 0
    for index in range(len(values)):
        if values[index] < least:
            least, place = values[index], index
    return least, place


@_compiled
def _future(
    m: Floats,
    pieces: Pieces,
    shares: Floats,
    rates_per_s: Floats,
    w: Floats,
    active: Active,
    socs: Floats,
    packs_w: Floats,
    demands_w: Floats,
    queue: Floats,
    bay_until: Floats,
    bay_slot: Whole,
    start: float,
    reshare_at: float,
    waiting_until: Floats,
    level: float,
    streams: NDArray[np.uint64],
    marks: Floats,
    ready_at: Counts,
    lost_at: Counts,
    without_s_at: Floats,
    counts: Counts,
) -> float:
    """Live one future up to the last mark. Returns when no pack is ready for the first time from the first mark on."""
    now = start
    count = ready = 0
    for i in range(len(w)):
        ready += int(w[i, IS_READY])
        if w[i, PHASE] == CHARGING:
            count = _join_active(active, count, i)
    first_stockout = without_since = inf
    without_s = 0.0
    if ready == 0:
        first_stockout = without_since = now
    waiting = len(waiting_until)
    for rank in range(waiting):
        until = waiting_until[rank]
        queue[rank] = until if until == until else now + m[PATIENCE_S] * -log(1.0 - _uniform(streams, 1))
    leave_at, leaver = _first(queue[:waiting])
    bay_at, bay = _first(bay_until)
    rest_at, rester = _first(w[:, REST_UNTIL])
    arrival_at = _next_arrival(m, rates_per_s, level, streams, now)
    charge_at = reshare_at
    for a in range(count):
        charge_at = min(charge_at, w[active[a], DUE])
    share = reshare_at == -inf
    swaps = lost = arrivals = 0
    mark = 0
    kind = -1
    while True:
        # Serve whom there is a bay and a pack for, then share what is to be shared.
        if waiting > 0 and ready > 0:
            served = False
            for free in range(len(bay_until)):
                if waiting == 0 or ready == 0:
                    break
                if bay_until[free] < inf:
                    continue
                i = _fullest(m, w, now)
                waiting -= 1
                for q in range(waiting):
                    queue[q] = queue[q + 1]
                if w[i, PHASE] == CHARGING:
                    count = _leave_active(active, count, i)
                    share = True
                _stop(w, i)
                w[i, PHASE], w[i, IS_READY], w[i, IS_DERATED], w[i, SOC] = EMPTY, False, False, 0.0
                w[i, CHARGING_SINCE] = inf
                w[i, SINCE], w[i, TEMPERATURE] = now, m[AMBIENT_C]
                ready -= 1
                bay_until[free], bay_slot[free] = now + m[SWAP_S], i
                served = True
            if served:
                leave_at, leaver = _first(queue[:waiting])
                bay_at, bay = _first(bay_until)
                if ready == 0:
                    without_since = now
                    first_stockout = min(first_stockout, now)
        if share:
            charge_at, reshare_at = _share(m, w, active, socs, packs_w, demands_w, count, now)
            share = False
        time = charge_at
        kind = 0
        if bay_at < time:
            time, kind = bay_at, 1
        if rest_at < time:
            time, kind = rest_at, 2
        if arrival_at < time:
            time, kind = arrival_at, 3
        if leave_at < time:
            time, kind = leave_at, 4
        while mark < len(marks) and marks[mark] <= time:
            ready_at[mark], lost_at[mark] = ready, lost
            without_s_at[mark] = without_s + max(marks[mark] - without_since, 0.0)
            if mark == 0:
                first_stockout = inf if ready > 0 else marks[0]
            mark += 1
        if mark == len(marks):
            break
        now = max(time, now)
        before = ready
        if kind == 0:
            kept = 0
            for a in range(count):
                i = active[a]
                if w[i, DUE] <= now:
                    was_ready = w[i, IS_READY]
                    _meet(m, pieces, w, i)
                    ready += int(w[i, IS_READY] - was_ready)
                if w[i, PHASE] == CHARGING:
                    active[kept] = i
                    kept += 1
            count = kept
            share = True
        elif kind == 1:
            i = bay_slot[bay]
            bay_until[bay] = inf
            bay_at, bay = _first(bay_until)
            swaps += 1
            if w[i, PHASE] == EMPTY:
                w[i, SOC] = m[SOC_LOW] + (m[SOC_HIGH] - m[SOC_LOW]) * _uniform(streams, 2)
                w[i, TEMPERATURE] = m[TEMPERATURE_LOW_C] + (m[TEMPERATURE_HIGH_C] - m[TEMPERATURE_LOW_C]) * _uniform(
                    streams, 2
                )
                w[i, CLASS] = 0
                if len(shares) > 0:
                    u = _uniform(streams, 2)
                    for so_far in shares[:-1]:
                        w[i, CLASS] += 1.0 if u >= so_far else 0.0
                w[i, PHASE], w[i, SINCE] = COOLING, now
                w[i, REST_UNTIL] = now + m[COOLDOWN_S]
                if w[i, REST_UNTIL] < rest_at or (w[i, REST_UNTIL] == rest_at and i < rester):
                    rest_at, rester = w[i, REST_UNTIL], i
        elif kind == 2:
            i = rester
            fade = exp(-(now - w[i, SINCE]) / m[TIME_CONSTANT_S])
            w[i, TEMPERATURE] = m[AMBIENT_C] + (w[i, TEMPERATURE] - m[AMBIENT_C]) * fade
            w[i, SINCE] = now
            w[i, REST_UNTIL] = inf
            rest_at, rester = _first(w[:, REST_UNTIL])
            w[i, IS_READY] = w[i, SOC] >= m[READY_SOC]
            ready += int(w[i, IS_READY])
            if w[i, SOC] >= m[FULL_SOC]:
                w[i, PHASE] = DONE
            else:
                w[i, PHASE], w[i, RATE], w[i, CHARGING_SINCE] = CHARGING, UNSHARED, now
                w[i, IS_DERATED] = w[i, TEMPERATURE] >= m[DERATE_ABOVE_C]
                w[i, IS_WAITING] = False
                _look_up(m, pieces, w, i)
                count = _join_active(active, count, i)
            share = True
        elif kind == 3:
            arrivals += 1
            arrival_at = _next_arrival(m, rates_per_s, level, streams, arrival_at)
            if waiting == len(queue):
                return nan
            until = now + m[PATIENCE_S] * -log(1.0 - _uniform(streams, 1))
            queue[waiting] = until
            if until < leave_at:
                leave_at, leaver = until, waiting
            waiting += 1
        else:
            lost += 1
            waiting -= 1
            for q in range(leaver, waiting):
                queue[q] = queue[q + 1]
            leave_at, leaver = _first(queue[:waiting])
        if before == 0 and ready > 0:
            without_s += now - without_since
            without_since = inf
    counts[LOST], counts[SWAPS], counts[ARRIVALS] = lost, swaps, arrivals
    return first_stockout


@_kept
def ensemble(
    m: Floats,
    pieces: Pieces,
    shares: Floats,
    rates_per_s: Floats,
    slots: Floats,
    bay_until: Floats,
    bay_slot: Whole,
    start: float,
    reshare_at: float,
    waiting_until: Floats,
    levels: Floats,
    streams: NDArray[np.uint64],
    marks: Floats,
    ready_at: Counts,
    lost_at: Counts,
    without_s_at: Floats,
    counts: Counts,
    first_stockout: Floats,
    w: Floats,
    active: Active,
    columns: Floats,
    queue: Floats,
    occupied_until: Floats,
    occupied_slot: Whole,
) -> bool:
    """Live one future for each of ``levels`` and write it into the same row of the results.

    ``m``: the station's numbers, in the order of ``NUMBERS``. ``pieces[class * variants + variant, k]``: end, SoC at
    infinity, time constant, flat rate and the pack's energy in Ws. ``shares``: cumulative, of the classes of returned
    packs. ``slots``: one row a slot, columns as in ``COLUMNS``. ``reshare_at``: -inf where power has yet to be shared.
    ``waiting_until``: when each rider in the queue leaves (NaN: not known). ``marks``: times at which to look, all at
    or after ``start``; the first stockout counts from the first of them on. ``streams``: states of the random streams
    for arrivals, patience and returned packs. From ``w`` on: room to work in, shaped like ``slots``, (slots,),
    (3, slots), (longest queue,) and like the bays. Returns whether the queue never grew beyond its room.
    """
    socs, packs_w, demands_w = columns[0], columns[1], columns[2]
    for i in range(len(slots)):
        _look_up(m, pieces, slots, i)
    for replica in range(len(levels)):
        for i in range(len(slots)):
            for column in range(slots.shape[1]):
                w[i, column] = slots[i, column]
        for bay in range(len(bay_until)):
            occupied_until[bay], occupied_slot[bay] = bay_until[bay], bay_slot[bay]
        first_stockout[replica] = _future(
            m,
            pieces,
            shares,
            rates_per_s,
            w,
            active,
            socs,
            packs_w,
            demands_w,
            queue,
            occupied_until,
            occupied_slot,
            start,
            reshare_at,
            waiting_until,
            levels[replica],
            streams[replica],
            marks,
            ready_at[replica],
            lost_at[replica],
            without_s_at[replica],
            counts[replica],
        )
        if isnan(first_stockout[replica]):
            return False
    return True


def warm() -> None:
    """Compile the kernel, or load it from where it is kept: for the installation, or for a thread at the start."""
    none, slots = np.zeros(0), np.zeros((1, len(COLUMNS)))
    ensemble(
        np.ones(len(NUMBERS)),
        np.full((1, 1, 5), inf),
        none,
        np.zeros(1),
        slots,
        np.full(1, inf),
        np.zeros(1, np.int64),
        0.0,
        inf,
        none,
        np.ones(0),
        np.zeros((0, 3), np.uint64),
        np.zeros(1),
        np.zeros((0, 1), np.int32),
        np.zeros((0, 1), np.int32),
        np.zeros((0, 1)),
        np.zeros((0, 3), np.int32),
        none,
        np.empty_like(slots),
        np.zeros(1, np.uint64),
        np.zeros((3, 1)),
        np.zeros(1),
        np.zeros(1),
        np.zeros(1, np.int64),
    )
