"""The station of ``twin.station``, compiled: the same events from the same random numbers, a whole ensemble at a time.

Every line of physics here has its twin in ``twin.charging``, ``twin.slot`` and ``twin.station``, in the same order of
operations, so that both engines give the same numbers to the last bit; tests hold them to it. What differs is work
that is left out because its outcome is known: a limited pack whose next event cannot come before the next sharing is
not asked when it comes; packs are not asked what they take where all chargers together cannot reach the limit.

Sharing is most of the work. Its loops go over whole rows and choose between values instead of branching, with
conditions as numbers: the compiler makes steps of four slots of them. Products with 0 and 1 that look odd there spare
it a store under a condition, which is slow; they want numbers that are finite. What needs a logarithm or a root is
rare, and is picked out first.

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
Slot = int
unsigned = cast(Callable[[int], int], np.uint64)
"""Slots are numbers without a sign here, so that the compiler need not look for places counted from the end."""
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
LIVED, CROWDED, STUCK = 0, 1, 2
"""How an ensemble ended: the queue grew beyond its room; time stood still, which no station should bring about."""
STILL = 10_000
"""So many events at one moment are more than any station has."""
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

STRIDE = 1_056
MOST_SLOTS = unsigned(STRIDE)
"""Room for slots in a row; a constant, so that the compiler sees that no row touches another."""
ROWS = (
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
    "slope_per_s",
    "flat",
    "energy_ws",
    "soc_per_ws",
    "most_w",
    "ask_w",
    "limited",
    "waits",
    "variant",
    "power_w",
    "efficiency",
    "grid_w_per_w",
)
"""What ``ensemble`` is given of a slot, as rows of floats that are as long as there are slots: flags are 0 or 1."""
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
    SLOPE,
    FLAT,
    ENERGY,
    PER_WS,
    MOST,
    ASK,
    IS_LIMITED,
    IS_WAITING,
    VARIANT,
    POWER,
    EFFICIENCY,
    GRID_PER_W,
    SOC_NOW,
    PACK_W,
    DEMAND_W,
    NEW_RATE,
    NEW_RAMP,
    WORK,
) = (unsigned(row * STRIDE) for row in range(35))
"""Where each row begins.

First what a slot is, as in ``twin.slot.Slot``; then what follows from it until it changes: the piece of the envelope
(END to PER_WS, the SoC that a Ws brings), the most that charger and piece give (MOST, and ASK at the grid side),
whether the limit holds it back; what its charger is; and, of no use between two sharings, what a sharing works out.
"""


WORK_SIZE = 35 * STRIDE


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
def _lanes(slots: Slot) -> Slot:
    """Enough for all slots, and what the compiler likes: a known bound, no remainder."""
    return min((slots + unsigned(15)) & unsigned(0xFFF0), MOST_SLOTS)


@_inlined
def _quads(slots: Slot) -> Slot:
    """The same for loops with much in them, of which the compiler makes steps of four."""
    return min((slots + unsigned(3)) & unsigned(0xFFFC), MOST_SLOTS)


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
    step = min(max(int((time - m[RATES_START]) / m[RATES_STEP_S]), 0), last)
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
def _refresh(m: Floats, w: Floats, i: Slot) -> None:
    """What a slot asks for at most, after its charger, its piece or its temperature has changed."""
    most = w[POWER + i] * m[DERATE_FACTOR] if w[IS_DERATED + i] else w[POWER + i]
    if w[IS_WAITING + i]:
        most = 0.0
    if w[FLAT + i] > 0.0:
        most = min(most, w[FLAT + i] * w[ENERGY + i])
    w[MOST + i] = most
    w[ASK + i] = most * w[GRID_PER_W + i]


@_inlined
def _look_up(m: Floats, pieces: Pieces, w: Floats, i: Slot) -> None:
    """The piece on which the pack charges on."""
    row = int(w[CLASS + i] * m[VARIANTS] + w[VARIANT + i])
    k = 0
    while w[SOC + i] >= pieces[row, k, 0]:
        k += 1
    w[END + i], w[INFINITY + i], w[TAU + i] = pieces[row, k, 0], pieces[row, k, 1], pieces[row, k, 2]
    w[SLOPE + i], w[FLAT + i] = pieces[row, k, 3], pieces[row, k, 4]
    w[ENERGY + i], w[PER_WS + i] = pieces[row, k, 5], pieces[row, k, 6]
    _refresh(m, w, i)


@_inlined
def _soc_at(w: Floats, i: Slot, time: float) -> float:
    seconds = time - w[SINCE + i]
    if w[IS_TAPERING + i]:
        return w[INFINITY + i] - (w[INFINITY + i] - w[SOC + i]) * exp(-seconds * w[SLOPE + i])
    return w[SOC + i] + (w[RATE + i] + 0.5 * w[RAMP + i] * seconds) * seconds


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
def _settle(m: Floats, w: Floats, i: Slot, time: float) -> None:
    if time == w[SINCE + i]:
        return
    seconds = time - w[SINCE + i]
    soc = _soc_at(w, i, time)
    if w[IS_TAPERING + i]:
        w[TEMPERATURE + i] = _after_taper(m, w[TAU + i], w[TEMPERATURE + i], seconds, w[RATE + i])
    else:
        fade = exp(-seconds / m[TIME_CONSTANT_S])
        heat = _rise(m, max(w[RATE + i], 0.0)) * (1.0 - fade)
        w[TEMPERATURE + i] = m[AMBIENT_C] + (w[TEMPERATURE + i] - m[AMBIENT_C]) * fade + heat
    w[SOC + i], w[SINCE + i] = soc, time


@_inlined
def _stop(w: Floats, i: Slot) -> None:
    w[RATE + i], w[RAMP + i], w[IS_TAPERING + i] = 0.0, 0.0, False
    w[DUE + i], w[EVENT + i] = inf, NOTHING
    w[IS_LIMITED + i] = False


@_inlined
def _meet(m: Floats, pieces: Pieces, w: Floats, i: Slot) -> None:
    due, event = w[DUE + i], w[EVENT + i]
    rate = w[RATE + i] + w[RAMP + i] * (due - w[SINCE + i])
    _settle(m, w, i, due)
    if event == READY:
        w[SOC + i], w[IS_READY + i] = m[READY_SOC], True
    elif event == FULL:
        w[SOC + i], w[IS_READY + i], w[IS_DERATED + i] = m[FULL_SOC], True, False
        w[PHASE + i], w[CHARGING_SINCE + i] = DONE, inf
        _stop(w, i)
        return
    elif event == TAPER:
        w[SOC + i] = w[INFINITY + i] - w[TAU + i] * rate
    elif event == PIECE:
        w[SOC + i] = w[END + i]
    elif event == DERATE:
        w[TEMPERATURE + i], w[IS_DERATED + i] = m[DERATE_ABOVE_C], True
    elif event == RESTORE:
        w[TEMPERATURE + i], w[IS_DERATED + i] = m[RESTORE_BELOW_C], False
    _stop(w, i)
    w[RATE + i] = UNSHARED
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
def _seconds_to_threshold(m: Floats, w: Floats, i: Slot) -> float:
    temperature_c = w[TEMPERATURE + i]
    if w[IS_DERATED + i]:
        if temperature_c <= m[RESTORE_BELOW_C]:
            return 0.0
        return _seconds_to_temperature(m, temperature_c, m[RESTORE_BELOW_C], w[RATE + i])
    if temperature_c >= m[DERATE_ABOVE_C]:
        return 0.0
    return _seconds_to_temperature(m, temperature_c, m[DERATE_ABOVE_C], w[RATE + i])


@_compiled
def _find_event(m: Floats, w: Floats, i: Slot) -> None:
    """When the segment that began at ``since`` ends, and by what."""
    rate, ramp, soc = w[RATE + i], w[RAMP + i], w[SOC + i]
    target, event = (m[FULL_SOC], FULL) if w[IS_READY + i] else (m[READY_SOC], READY)
    if w[END + i] < target:
        target, event = w[END + i], PIECE
    gap = target - soc if target > soc else 0.0
    if w[IS_TAPERING + i]:
        infinity = w[INFINITY + i]
        wait = w[TAU + i] * log((infinity - soc) / (infinity - target)) if gap > 0.0 else 0.0
        warm = inf
        if not w[IS_DERATED + i]:
            warm = _seconds_to_derate_taper(m, w[TAU + i], w[TEMPERATURE + i], rate)
    else:
        wait = _seconds_to_rise(gap, rate, ramp)
        if w[FLAT + i] == 0.0:
            bend_gap = max(w[INFINITY + i] - soc - w[TAU + i] * rate, 0.0)
            bend = _seconds_to_rise(bend_gap, rate + w[TAU + i] * ramp, ramp)
            if bend < wait:
                wait, event = bend, TAPER
        if ramp > 0.0:
            capped = (w[MOST + i] * w[PER_WS + i] - rate) / ramp
            if capped < wait:
                wait, event = capped, CAP
        warm = _seconds_to_threshold(m, w, i)
    if warm < wait:
        wait, event = warm, RESTORE if w[IS_DERATED + i] else DERATE
    w[DUE + i], w[EVENT + i] = w[SINCE + i] + wait, event


@_compiled
def _look_out(m: Floats, w: Floats, slots: Slot, time: float) -> None:
    """Note at ``WORK`` where a limited pack's next event may come before ``time``: bounds need no root or logarithm."""
    ready_soc, full_soc, ambient_c, time_constant_s = m[READY_SOC], m[FULL_SOC], m[AMBIENT_C], m[TIME_CONSTANT_S]
    hot_c, cool_c, rise_k = m[DERATE_ABOVE_C], m[RESTORE_BELOW_C], m[RISE_K_PER_C2]
    for i in range(_quads(slots)):
        window = (time - w[SINCE + i]) * SURE
        rate, ramp, soc, end = w[RATE + i], w[RAMP + i], w[SOC + i], w[END + i]
        infinity, tau_s, most_w = w[INFINITY + i], w[TAU + i], w[MOST + i]
        fastest = rate + ramp * window
        target = full_soc if w[IS_READY + i] != 0.0 else ready_soc
        target = end if end < target else target
        energy_ws = w[ENERGY + i]
        flat, derated, limited = w[FLAT + i], w[IS_DERATED + i], w[IS_LIMITED + i]
        c_rate = rate * HOUR_S
        temperature_c, final_c = w[TEMPERATURE + i], ambient_c + rise_k * (c_rate * c_rate)
        hot = 0.0 if (temperature_c - cool_c) * time_constant_s > (temperature_c - final_c) * window else 1.0
        hot = hot if temperature_c > cool_c else 1.0
        cool = 0.0 if (hot_c - temperature_c) * time_constant_s > (final_c - temperature_c) * window else 1.0
        cool = cool if temperature_c < hot_c else 1.0
        comes = hot if derated != 0.0 else cool
        comes = 1.0 if target - soc <= fastest * window else comes
        bends = 1.0 if infinity - soc - tau_s * rate <= (fastest + tau_s * ramp) * window else comes
        comes = bends if flat == 0.0 else comes
        capped = 1.0 if most_w <= fastest * energy_ws * SURE else comes
        comes = capped if ramp > 0.0 else comes
        comes = comes if rate > 0.0 else 0.0
        w[WORK + i] = comes * limited


@_inlined
def _charge(
    m: Floats,
    w: Floats,
    i: Slot,
    time: float,
    soc: float,
    rate: float,
    ramp: float,
    tapering: bool,
    limited: bool,
) -> bool:
    """``soc``: the slot's at ``time``.

    Returns whether derating has ended: what the slot asks for must be refreshed, but not before power is shared.
    """
    if tapering == w[IS_TAPERING + i] and (tapering or (rate == w[RATE + i] and ramp == w[RAMP + i])):
        return False
    cooled = False
    if w[RATE + i] != UNSHARED and time != w[SINCE + i]:
        if w[IS_TAPERING + i]:
            seconds = time - w[SINCE + i]
            w[TEMPERATURE + i] = _after_taper(m, w[TAU + i], w[TEMPERATURE + i], seconds, w[RATE + i])
        else:
            fade = exp(-(time - w[SINCE + i]) / m[TIME_CONSTANT_S])
            heat = _rise(m, max(w[RATE + i], 0.0)) * (1.0 - fade)
            w[TEMPERATURE + i] = m[AMBIENT_C] + (w[TEMPERATURE + i] - m[AMBIENT_C]) * fade + heat
        w[SOC + i] = soc
    if w[IS_TAPERING + i] and w[IS_DERATED + i]:
        w[IS_DERATED + i] = w[TEMPERATURE + i] > m[RESTORE_BELOW_C]
        cooled = not w[IS_DERATED + i]
    w[SINCE + i] = time
    w[RATE + i], w[RAMP + i], w[IS_TAPERING + i] = rate, ramp, tapering
    w[IS_LIMITED + i] = limited
    w[DUE + i], w[EVENT + i] = inf, NOTHING
    if rate > 0.0 and not limited:
        _find_event(m, w, i)
    return cooled


@_compiled
def _level(
    w: Floats, slots: Slot, picked: Active, count: int, available_w: float, share_w: float
) -> tuple[float, int, Slot]:
    """The level, how many demand more, and how many do not: those are picked, beside slots that demand nothing.

    Who does not charge demands nothing and changes no sum.
    """
    small = unsigned(0)
    if count == 0:
        return inf, 0, small
    if available_w <= 0.0:
        return 0.0, count, small
    level, larger = share_w, count
    while True:
        large = 0
        for i in range(_lanes(slots)):
            large += w[DEMAND_W + i] > level
        if large == 0:
            return inf, 0, small
        if large >= larger:
            return level, large, small
        small, small_w = unsigned(0), 0.0
        for i in range(slots):
            picked[small] = i
            small += unsigned(w[DEMAND_W + i] <= level)
        for a in range(small):
            small_w += w[DEMAND_W + picked[a]]
        level, larger = (available_w - small_w) / large, large


@_compiled
def _assign_chargers(m: Floats, w: Floats, active: Active, count: int) -> None:
    """The packs that came first have the chargers; among equals, the lower slot."""
    for a in range(count):
        i = active[a]
        before = 0
        for b in range(count):
            j = active[b]
            if w[CHARGING_SINCE + j] < w[CHARGING_SINCE + i] or (
                w[CHARGING_SINCE + j] == w[CHARGING_SINCE + i] and b < a
            ):
                before += 1
        waits = before >= m[CHARGERS]
        if waits != w[IS_WAITING + i]:
            w[IS_WAITING + i] = waits
            _refresh(m, w, i)


@_inlined
def _share_freely(m: Floats, w: Floats, slots: Slot, picked: Active, now: float) -> None:
    """Where all chargers together stay within the limit only those that changed are looked at."""
    for i in range(_quads(slots)):
        rate, ramp, limited, due, tapers = w[RATE + i], w[RAMP + i], w[IS_LIMITED + i], w[DUE + i], w[IS_TAPERING + i]
        work = 0.0 if rate == w[MOST + i] * w[PER_WS + i] else 1.0
        work = work if ramp == 0.0 else 1.0
        work = work if limited == 0.0 else 1.0
        work = work if due - now > NEAR_S else 1.0
        work = work if tapers == 0.0 else 0.0
        w[WORK + i] = work if w[PHASE + i] == CHARGING else 0.0
    for a in range(_pick(w, slots, WORK, 1.0, picked)):
        i = picked[a]
        power_w, falls, soc = w[MOST + i], False, _soc_at(w, i, now)
        if w[FLAT + i] == 0.0:
            pack_w = (w[INFINITY + i] - soc) * w[SLOPE + i] * w[ENERGY + i]
            power_w = min(w[MOST + i], pack_w)
            falls = power_w >= pack_w * TAPER_TOLERANCE
        if _charge(m, w, i, now, soc, power_w * w[PER_WS + i], 0.0, falls, False):
            _refresh(m, w, i)
        if w[IS_LIMITED + i]:
            w[IS_LIMITED + i] = False
            _find_event(m, w, i)


@_inlined
def _pick(w: Floats, slots: Slot, row: Slot, mark: float, picked: Active) -> Slot:
    """The slots where a row has that mark, in order; how many. Without a branch, which no processor could foretell."""
    count = unsigned(0)
    for i in range(slots):
        picked[count] = i
        count += unsigned(w[row + i] == mark)
    return count


@_compiled
def _work_out_demands(w: Floats, slots: Slot, picked: Active, now: float) -> None:
    """SoC, and what pack and charger would take from the grid; nothing where there is no charge."""
    for a in range(_pick(w, slots, IS_TAPERING, 1.0, picked)):
        w[SOC_NOW + picked[a]] = _soc_at(w, picked[a], now)
    for i in range(_quads(slots)):
        seconds, tapers = now - w[SINCE + i], w[IS_TAPERING + i]
        risen = w[SOC + i] + (w[RATE + i] + 0.5 * w[RAMP + i] * seconds) * seconds
        soc = tapers * w[SOC_NOW + i] + (1.0 - tapers) * risen
        w[SOC_NOW + i] = soc
        flat = w[FLAT + i]
        taper = (w[INFINITY + i] - soc) * w[SLOPE + i]
        pack_w = (flat if flat > 0.0 else taper) * w[ENERGY + i]
        w[PACK_W + i] = pack_w
        most_w, ask_w, pack_ask_w = w[MOST + i], w[ASK + i], pack_w * w[GRID_PER_W + i]
        demand_w = ask_w if most_w < pack_w else pack_ask_w
        w[DEMAND_W + i] = demand_w if w[PHASE + i] == CHARGING else 0.0


@_compiled
def _hand_out(
    m: Floats, w: Floats, slots: Slot, now: float, shared_at: float, level_w: float, ramp_w_per_s: float
) -> bool:
    """What everybody gets, at NEW_RATE and NEW_RAMP, and at WORK who takes it.

    1 for a pack that was and is held back by the limit, since the sharing at ``shared_at``: such packs are many, and
    are served here, all at once; their next event is not known then. 2 for any other that is to get another rate.
    0 otherwise. Returns whether the limit holds anyone back, those marked 2 left out.
    """
    held = False
    fade = 1.0 if isnan(shared_at) else exp(-(now - shared_at) / m[TIME_CONSTANT_S])
    lasts = 1.0 - fade
    ambient_c, rise_k = m[AMBIENT_C], m[RISE_K_PER_C2]
    for i in range(_quads(slots)):
        demand_w, pack_w, most_w, efficiency = w[DEMAND_W + i], w[PACK_W + i], w[MOST + i], w[EFFICIENCY + i]
        per_ws, tapers, since, phase = w[PER_WS + i], w[IS_TAPERING + i], w[SINCE + i], w[PHASE + i]
        old_rate, old_ramp, flat = w[RATE + i], w[RAMP + i], w[FLAT + i]
        free_w, limited_w, ramp_w = min(most_w, pack_w), level_w * efficiency, ramp_w_per_s * efficiency
        power_w = limited_w if demand_w > level_w else free_w
        least_w = inf if flat > 0.0 else pack_w * TAPER_TOLERANCE
        ramp_w = ramp_w if power_w < most_w * TAPER_TOLERANCE else 0.0
        ramp_w = ramp_w if demand_w > level_w else 0.0
        rate, ramp = power_w * per_ws, ramp_w * per_ws
        rate = rate if phase == CHARGING else 0.0
        ramp = ramp if phase == CHARGING else 0.0
        w[NEW_RATE + i], w[NEW_RAMP + i] = rate, ramp
        work = 1.0 if since == shared_at else 2.0
        work = work if demand_w > level_w else 2.0
        work = 2.0 if old_rate == UNSHARED else work
        work = work if tapers == 0.0 else 2.0
        steady = 0.0 if rate == old_rate else work
        steady = steady if ramp == old_ramp else work
        work = steady if tapers == 0.0 else work
        falling = 2.0 if tapers == 0.0 else 0.0
        work = falling if power_w >= least_w else work
        work = work if phase == CHARGING else 0.0
        w[WORK + i] = work
        takes = 1.0 if work == 1.0 else 0.0
        keeps = 1.0 - takes
        c_rate = old_rate * HOUR_S
        heat = rise_k * (c_rate * c_rate) * lasts
        temperature_c = ambient_c + (w[TEMPERATURE + i] - ambient_c) * fade + heat
        w[TEMPERATURE + i] = takes * temperature_c + keeps * w[TEMPERATURE + i]
        w[SOC + i] = takes * w[SOC_NOW + i] + keeps * w[SOC + i]
        w[RATE + i] = takes * rate + keeps * old_rate
        w[RAMP + i] = takes * ramp + keeps * old_ramp
        w[SINCE + i] = takes * now + keeps * since
        limited = takes + keeps * w[IS_LIMITED + i]
        w[IS_LIMITED + i] = limited
        never = inf if limited != 0.0 else 0.0
        w[DUE + i] += never
        w[EVENT + i] *= 1.0 - limited
        held |= (limited != 0.0) & (work != 2.0)
    return held


@_inlined
def _anyone_asks_for_more(w: Floats, slots: Slot, share_w: float) -> bool:
    anyone = False
    for i in range(_lanes(slots)):
        anyone |= (w[PHASE + i] == CHARGING) & (w[ASK + i] > share_w)
    return anyone


@_inlined
def _least(w: Floats, slots: Slot, row: Slot) -> float:
    """Four at a time: each comparison would wait for the one before."""
    i, end = unsigned(0), _quads(slots)
    first = second = third = fourth = inf
    while i < end:
        first, second = min(first, w[row + i]), min(second, w[row + i + unsigned(1)])
        third, fourth = min(third, w[row + i + unsigned(2)]), min(fourth, w[row + i + unsigned(3)])
        i += unsigned(4)
    return min(min(first, second), min(third, fourth))


@_inlined
def _share(
    m: Floats,
    w: Floats,
    slots: Slot,
    active: Active,
    picked: Active,
    count: int,
    now: float,
    shared_at: float,
    largest_w: float,
) -> tuple[float, float]:
    """Share the limit, last shared at ``shared_at``. Returns when the next charging event comes, and when to share at
    the latest. ``largest_w``: nobody ever asks for more than this.
    """
    available_w = m[GRID_LIMIT_W] - m[BASE_LOAD_W]
    if m[CHARGERS] >= 0:
        _assign_chargers(m, w, active, count)
    share_w = available_w / max(count, 1)
    if available_w > 0.0 and (largest_w <= share_w or not _anyone_asks_for_more(w, slots, share_w)):
        _share_freely(m, w, slots, picked, now)
        return _least(w, slots, DUE), inf
    _work_out_demands(w, slots, picked, now)
    level_w, limited, small = _level(w, slots, picked, count, available_w, share_w)
    ramp_w_per_s, reshare_at = 0.0, inf
    if level_w < inf:
        ramp_w_per_s, reshare_at = _until_next_sharing(m, w, picked, small, limited, now, level_w, available_w)
    held = _hand_out(m, w, slots, now, shared_at if shared_at != now else nan, level_w, ramp_w_per_s)
    cooled = False
    for a in range(_pick(w, slots, WORK, 2.0, picked)):
        i = picked[a]
        back = w[DEMAND_W + i] > level_w
        power_w = level_w * w[EFFICIENCY + i] if back else min(w[MOST + i], w[PACK_W + i])
        falls = w[FLAT + i] == 0.0 and power_w >= w[PACK_W + i] * TAPER_TOLERANCE
        soc, rate, ramp = w[SOC_NOW + i], w[NEW_RATE + i], w[NEW_RAMP + i]
        cooled |= _charge(m, w, i, now, soc, rate, ramp, falls, back and not falls)
        held |= w[IS_LIMITED + i] != 0.0
    until = min(_least(w, slots, DUE), reshare_at)
    if held:
        if until == inf:
            for a in range(count):
                i = active[a]
                if until == inf and w[IS_LIMITED + i] and w[RATE + i] > 0.0:
                    _find_event(m, w, i)
                    until = w[DUE + i]
        _look_out(m, w, slots, until)
        for a in range(_pick(w, slots, WORK, 1.0, picked)):
            _find_event(m, w, picked[a])
            until = min(until, w[DUE + picked[a]])
    if cooled:
        for a in range(count):
            _refresh(m, w, active[a])
    return until, reshare_at


@_inlined
def _until_next_sharing(
    m: Floats, w: Floats, picked: Active, small: Slot, limited: int, now: float, level_w: float, available_w: float
) -> tuple[float, float]:
    """``picked``: the ``small`` slots that the limit does not hold back; it holds back ``limited`` others."""
    if m[SHARE_TICK_S] > 0.0:
        tick = (floor(now / m[SHARE_TICK_S]) + 1.0) * m[SHARE_TICK_S]
        return 0.0, tick if tick > now else tick + m[SHARE_TICK_S]
    fall = bend = 0.0
    for a in range(small):
        i = picked[a]
        if w[PACK_W + i] <= w[MOST + i] and w[FLAT + i] == 0.0 and w[DEMAND_W + i] <= level_w:
            fading_w = w[DEMAND_W + i] * w[SLOPE + i]
            fall += fading_w
            bend += fading_w * w[SLOPE + i]
    if limited == 0 or bend == 0.0:
        return 0.0, inf
    spans_s = max(sqrt(8.0 * UNUSED_SHARE * available_w / bend), SHORTEST_RAMP_S)
    return max(fall - 0.5 * spans_s * bend, 0.0) / limited, now + spans_s


@_inlined
def _fullest(m: Floats, w: Floats, slots: Slot, picked: Active, now: float) -> Slot:
    best, most = slots, -inf
    for i in range(slots):
        full = w[SOC + i] if w[IS_READY + i] * (w[PHASE + i] == DONE) != 0.0 else -inf
        if full > most:
            best, most = i, full
    sure = most >= m[FULL_SOC]
    for i in range(_lanes(slots)):
        limited, due = w[IS_LIMITED + i], w[DUE + i]
        asked = 1.0 if limited != 0.0 or not sure else 0.0
        asked = asked if due - now > NEAR_S else 1.0
        asked = asked if w[PHASE + i] == CHARGING else 0.0
        w[WORK + i] = asked * w[IS_READY + i]
    for a in range(_pick(w, slots, WORK, 1.0, picked)):
        i = picked[a]
        soc = _soc_at(w, i, now)
        if soc > most or (soc == most and i < best):
            best, most = i, soc
    return best


@_inlined
def _leave_active(active: Active, count: int, slot: Slot) -> int:
    kept = 0
    for a in range(count):
        if active[a] != slot:
            active[kept] = active[a]
            kept += 1
    return kept


@_inlined
def _join_active(active: Active, count: int, slot: Slot) -> int:
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
    slots: Slot,
    active: Active,
    picked: Active,
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
    arrivals_at: Counts,
    without_s_at: Floats,
    waited_s_at: Floats,
    counts: Counts,
) -> float:
    """Live one future up to the last mark. Returns when no pack is ready for the first time from the first mark on;
    NaN where the queue has no room, -inf where time stands still.
    """
    now = start
    count = ready = 0
    largest_w = 0.0
    for i in range(slots):
        largest_w = max(largest_w, w[POWER + i] * max(m[DERATE_FACTOR], 1.0) / w[EFFICIENCY + i])
        ready += int(w[IS_READY + i])
        if w[PHASE + i] == CHARGING:
            count = _join_active(active, count, i)
    first_stockout = without_since = inf
    without_s = waited_s = 0.0
    queue_since = now
    if ready == 0:
        first_stockout = without_since = now
    waiting = len(waiting_until)
    for rank in range(waiting):
        until = waiting_until[rank]
        queue[rank] = until if until == until else now + m[PATIENCE_S] * -log(1.0 - _uniform(streams, 1))
    leave_at, leaver = _first(queue[:waiting])
    bay_at, bay = _first(bay_until)
    rest_at, rester = _first(w[REST_UNTIL : REST_UNTIL + slots])
    arrival_at = _next_arrival(m, rates_per_s, level, streams, now)
    charge_at = reshare_at
    for a in range(count):
        charge_at = min(charge_at, w[DUE + active[a]])
    share, shared_at = reshare_at == -inf, nan
    swaps = lost = arrivals = 0
    mark = 0
    kind = -1
    still = 0
    while True:
        # Serve whom there is a bay and a pack for, then share what is to be shared.
        if waiting > 0 and ready > 0:
            served = False
            for free in range(len(bay_until)):
                if waiting == 0 or ready == 0:
                    break
                if bay_until[free] < inf:
                    continue
                i = _fullest(m, w, slots, picked, now)
                waited_s, queue_since = waited_s + waiting * (now - queue_since), now
                waiting -= 1
                for q in range(waiting):
                    queue[q] = queue[q + 1]
                if w[PHASE + i] == CHARGING:
                    count = _leave_active(active, count, i)
                    share = True
                _stop(w, i)
                w[PHASE + i], w[IS_READY + i], w[IS_DERATED + i], w[SOC + i] = EMPTY, False, False, 0.0
                w[CHARGING_SINCE + i] = inf
                w[SINCE + i], w[TEMPERATURE + i] = now, m[AMBIENT_C]
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
            charge_at, reshare_at = _share(m, w, slots, active, picked, count, now, shared_at, largest_w)
            shared_at = now
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
            ready_at[mark], lost_at[mark], arrivals_at[mark] = ready, lost, arrivals
            waited_s_at[mark] = waited_s + waiting * (marks[mark] - queue_since)
            without_s_at[mark] = without_s + max(marks[mark] - without_since, 0.0)
            if mark == 0:
                first_stockout = inf if ready > 0 else marks[0]
            mark += 1
        if mark == len(marks):
            break
        still = 0 if time > now else still + 1
        if still > STILL:
            return -inf
        now = max(time, now)
        before = ready
        if kind == 0:
            due = unsigned(0)
            for a in range(count):
                picked[due] = active[a]
                due += unsigned(w[DUE + active[a]] <= now)
            for a in range(due):
                i = picked[a]
                was_ready = w[IS_READY + i]
                _meet(m, pieces, w, i)
                ready += int(w[IS_READY + i] - was_ready)
                if w[PHASE + i] != CHARGING:
                    count = _leave_active(active, count, i)
            share = True
        elif kind == 1:
            i = unsigned(bay_slot[bay])
            bay_until[bay] = inf
            bay_at, bay = _first(bay_until)
            swaps += 1
            if w[PHASE + i] == EMPTY:
                w[SOC + i] = m[SOC_LOW] + (m[SOC_HIGH] - m[SOC_LOW]) * _uniform(streams, 2)
                w[TEMPERATURE + i] = m[TEMPERATURE_LOW_C] + (m[TEMPERATURE_HIGH_C] - m[TEMPERATURE_LOW_C]) * _uniform(
                    streams, 2
                )
                w[CLASS + i] = 0
                if len(shares) > 0:
                    u = _uniform(streams, 2)
                    for so_far in shares[:-1]:
                        w[CLASS + i] += 1.0 if u >= so_far else 0.0
                w[PHASE + i], w[SINCE + i] = COOLING, now
                w[REST_UNTIL + i] = now + m[COOLDOWN_S]
                if w[REST_UNTIL + i] < rest_at or (w[REST_UNTIL + i] == rest_at and int(i) < rester):
                    rest_at, rester = w[REST_UNTIL + i], int(i)
        elif kind == 2:
            i = unsigned(rester)
            fade = exp(-(now - w[SINCE + i]) / m[TIME_CONSTANT_S])
            w[TEMPERATURE + i] = m[AMBIENT_C] + (w[TEMPERATURE + i] - m[AMBIENT_C]) * fade
            w[SINCE + i] = now
            w[REST_UNTIL + i] = inf
            rest_at, rester = _first(w[REST_UNTIL : REST_UNTIL + slots])
            w[IS_READY + i] = w[SOC + i] >= m[READY_SOC]
            ready += int(w[IS_READY + i])
            if w[SOC + i] >= m[FULL_SOC]:
                w[PHASE + i] = DONE
            else:
                w[PHASE + i], w[RATE + i], w[CHARGING_SINCE + i] = CHARGING, UNSHARED, now
                w[IS_DERATED + i] = w[TEMPERATURE + i] >= m[DERATE_ABOVE_C]
                w[IS_WAITING + i] = False
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
            waited_s, queue_since = waited_s + waiting * (now - queue_since), now
            if until < leave_at:
                leave_at, leaver = until, waiting
            waiting += 1
        else:
            lost += 1
            waited_s, queue_since = waited_s + waiting * (now - queue_since), now
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
    arrivals_at: Counts,
    without_s_at: Floats,
    waited_s_at: Floats,
    counts: Counts,
    first_stockout: Floats,
    w: Floats,
    active: Active,
    picked: Active,
    queue: Floats,
    occupied_until: Floats,
    occupied_slot: Whole,
) -> int:
    """Live one future for each of ``levels`` and write it into the same row of the results.

    ``m``: the station's numbers, in the order of ``NUMBERS``. ``pieces[class * variants + variant, k]``: end, SoC at
    infinity, time constant and its inverse, flat rate, the pack's energy in Ws and its inverse. ``shares``:
    cumulative, of the classes of returned packs. ``slots``: one column a slot, rows as in ``ROWS``. ``reshare_at``:
    -inf where power has yet to be shared. ``waiting_until``: when each rider in the queue leaves (NaN: not known).
    ``marks``: times at which to look, all at or after ``start``; the first stockout counts from the first of them on.
    ``streams``: states of the random streams for arrivals, patience and returned packs. From ``w`` on: room to work
    in, of ``WORK_SIZE`` zeros, twice one a slot, one for every rider who may wait, and like the bays. Returns how it
    ended.
    """
    count = unsigned(slots.shape[1])
    for row in range(len(slots)):
        begin = unsigned(row * STRIDE)
        for i in range(count):
            w[begin + i] = slots[row, i]
    for i in range(count, _lanes(count)):
        w[DUE + i] = inf
    for i in range(count):
        _look_up(m, pieces, w, i)
    for row in range(len(slots)):
        begin = unsigned(row * STRIDE)
        for i in range(count):
            slots[row, i] = w[begin + i]
    for replica in range(len(levels)):
        for row in range(len(slots)):
            begin = unsigned(row * STRIDE)
            for i in range(count):
                w[begin + i] = slots[row, i]
        for bay in range(len(bay_until)):
            occupied_until[bay], occupied_slot[bay] = bay_until[bay], bay_slot[bay]
        first_stockout[replica] = _future(
            m,
            pieces,
            shares,
            rates_per_s,
            w,
            count,
            active,
            picked,
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
            arrivals_at[replica],
            without_s_at[replica],
            waited_s_at[replica],
            counts[replica],
        )
        if isnan(first_stockout[replica]):
            return CROWDED
        if first_stockout[replica] == -inf:
            return STUCK
    return LIVED


def warm() -> None:
    """Compile the kernel, or load it from where it is kept: for the installation, or for a thread at the start."""
    none, slots = np.zeros(0), np.zeros((len(ROWS), 1))
    ensemble(
        np.ones(len(NUMBERS)),
        np.full((1, 1, 7), inf),
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
        np.zeros((0, 1), np.int32),
        np.zeros((0, 1)),
        np.zeros((0, 1)),
        np.zeros((0, 3), np.int32),
        none,
        np.zeros(WORK_SIZE),
        np.zeros(1, np.uint64),
        np.zeros(1, np.uint64),
        np.zeros(1),
        np.zeros(1),
        np.zeros(1, np.int64),
    )
