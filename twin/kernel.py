"""The station of ``twin.station``, compiled: the same events from the same random numbers, a whole ensemble at a time.

Every line of physics here has its twin in ``twin.charging``, ``twin.slot`` and ``twin.station``, in the same order of
operations, so that both engines give the same numbers to the last bit; tests hold them to it. What differs is work
that is left out because its outcome is known: a limited pack whose next event cannot come before the next sharing is
not asked when it comes; packs are not asked what they take where all chargers together cannot reach the limit.

Compiled code releases the interpreter's lock. Everything that describes a station is an argument: numba keeps compiled
code by this file's date and would not notice a constant that changed elsewhere, and for the same reason no compiled
function lives in another file.
"""

from collections.abc import Callable
from math import exp, floor, inf, log, sqrt
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.spec import Floats

_F = TypeVar("_F", bound=Callable[..., Any])

EMPTY, COOLING, CHARGING, DONE = 0, 1, 2, 3
NOTHING, READY, FULL, TAPER, DERATE, RESTORE, PIECE, CAP = range(8)
UNSHARED = -1.0
TAPER_TOLERANCE = 1.0 - 1e-9
UNUSED_SHARE = 0.001
SHORTEST_RAMP_S = 1.0
HOUR_S = 3600.0
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SURE = 1.0 + 1e-8
"""By this much a bound must hold before it spares a calculation: far more than rounding, far less than anything real."""
NEAR_S = 1.0
"""Within this time of its event a pack is looked at closely, because of the tolerance of the taper."""
LOST, SWAPS, ARRIVALS = 0, 1, 2
COUNTS = 3


def _compiled(function: _F) -> _F:
    compiled: _F = njit(nogil=True, error_model="numpy")(function)
    return compiled


def _kept(function: _F) -> _F:
    """Compiled, and kept on disk where there is a place for it."""
    try:
        compiled: _F = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return _compiled(function)
    return compiled


class Model(NamedTuple):
    """A station and its demand. Arrays: by slot, by class, or pieces of envelopes by ``class * variants + variant``."""

    grid_limit_w: float
    base_load_w: float
    ready_soc: float
    full_soc: float
    swap_s: float
    cooldown_s: float
    patience_s: float
    ambient_c: float
    rise_k_per_c2: float
    time_constant_s: float
    derate_above_c: float
    restore_below_c: float
    derate_factor: float
    soc_low: float
    soc_high: float
    temperature_low_c: float
    temperature_high_c: float
    share_tick_s: float
    chargers: int
    variants: int
    shares: Floats
    energy_ws: Floats
    piece_end: Floats
    piece_infinity: Floats
    piece_tau_s: Floats
    piece_flat: Floats
    variant: NDArray[np.int64]
    power_w: Floats
    efficiency: Floats
    rates_per_s: Floats
    rates_start: float
    rates_step_s: float


class Slots(NamedTuple):
    """What is known of the slots now, as in ``twin.slot.Slot``, and what follows from it until it changes."""

    phase: NDArray[np.int64]
    pack_class: NDArray[np.int64]
    ready: NDArray[np.bool_]
    derated: NDArray[np.bool_]
    tapering: NDArray[np.bool_]
    event: NDArray[np.int64]
    since: Floats
    soc: Floats
    temperature_c: Floats
    rate: Floats
    ramp: Floats
    due: Floats
    cooling_until: Floats
    charging_since: Floats
    piece: NDArray[np.int64]
    end: Floats
    infinity: Floats
    tau_s: Floats
    flat: Floats
    energy_ws: Floats
    most_w: Floats
    """The most that charger and piece give; zero while the pack waits for a charger."""
    ask_w: Floats
    """The same at the grid side."""
    clear: Floats
    """From so far below the end of its taper the pack takes more than that for sure."""
    limited: NDArray[np.bool_]
    waits: NDArray[np.bool_]


class Desk(NamedTuple):
    """Room to work in: active slots by number, and columns for them."""

    active: NDArray[np.int64]
    pack_w: Floats
    demand_w: Floats
    bay_until: Floats
    bay_slot: NDArray[np.int64]


@_compiled
def _uniform(streams: NDArray[np.uint64], purpose: int) -> float:
    word = streams[purpose] + GOLDEN
    streams[purpose] = word
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((word ^ (word >> np.uint64(31))) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@_compiled
def _next_arrival(m: Model, level: float, streams: NDArray[np.uint64], time: float) -> float:
    need = -log(1.0 - _uniform(streams, 0))
    last = len(m.rates_per_s) - 1
    step = min(max(int((time - m.rates_start) // m.rates_step_s), 0), last)
    while step < last:
        rate, end = m.rates_per_s[step] * level, m.rates_start + (step + 1) * m.rates_step_s
        room = rate * (end - time)
        if need <= room and rate > 0.0:
            return time + need / rate
        need -= room
        time = max(time, end)
        step += 1
    rate = m.rates_per_s[last] * level
    return time + need / rate if rate > 0.0 else inf


@_compiled
def _refresh(m: Model, w: Slots, i: int) -> None:
    """What a slot asks for at most, after its charger, its piece or its temperature has changed."""
    most = m.power_w[i] * m.derate_factor if w.derated[i] else m.power_w[i]
    if w.waits[i]:
        most = 0.0
    if w.flat[i] > 0.0:
        pack_w = w.flat[i] * w.energy_ws[i]
        most = min(most, pack_w)
        w.clear[i] = -1.0 if most < pack_w * (1.0 - 1e-6) else inf
    else:
        w.clear[i] = most * w.tau_s[i] / w.energy_ws[i] * SURE
    w.most_w[i] = most
    w.ask_w[i] = most / m.efficiency[i]


@_compiled
def _look_up(m: Model, w: Slots, i: int) -> None:
    """The piece on which the pack charges on."""
    row = w.pack_class[i] * m.variants + m.variant[i]
    k = 0
    while w.soc[i] >= m.piece_end[row, k]:
        k += 1
    w.end[i] = m.piece_end[row, k]
    w.infinity[i], w.tau_s[i], w.flat[i] = m.piece_infinity[row, k], m.piece_tau_s[row, k], m.piece_flat[row, k]
    w.energy_ws[i] = m.energy_ws[w.pack_class[i]]
    _refresh(m, w, i)


@_compiled
def _soc_at(w: Slots, i: int, time: float) -> float:
    seconds = time - w.since[i]
    if w.tapering[i]:
        return w.infinity[i] - (w.infinity[i] - w.soc[i]) * exp(-seconds / w.tau_s[i])
    return w.soc[i] + (w.rate[i] + 0.5 * w.ramp[i] * seconds) * seconds


@_compiled
def _rise(m: Model, rate: float) -> float:
    c_rate = rate * HOUR_S
    return m.rise_k_per_c2 * (c_rate * c_rate)


@_compiled
def _taper_heat(m: Model, tau_s: float, rate: float) -> tuple[float, float, float]:
    slow, fast = 1.0 / m.time_constant_s, 2.0 / tau_s
    if abs(slow - fast) < 1e-6 * slow:
        fast = slow * (1.0 + 1e-6)
    return slow, fast, _rise(m, rate) * slow / (slow - fast)


@_compiled
def _after_taper(m: Model, tau_s: float, temperature_c: float, seconds: float, rate: float) -> float:
    slow, fast, heat = _taper_heat(m, tau_s, rate)
    fade = exp(-seconds * slow)
    return m.ambient_c + (temperature_c - m.ambient_c) * fade + heat * (exp(-seconds * fast) - fade)


@_compiled
def _settle(m: Model, w: Slots, i: int, time: float) -> None:
    if time == w.since[i]:
        return
    seconds = time - w.since[i]
    soc = _soc_at(w, i, time)
    if w.tapering[i]:
        w.temperature_c[i] = _after_taper(m, w.tau_s[i], w.temperature_c[i], seconds, w.rate[i])
    else:
        fade = exp(-seconds / m.time_constant_s)
        heat = _rise(m, max(w.rate[i], 0.0)) * (1.0 - fade)
        w.temperature_c[i] = m.ambient_c + (w.temperature_c[i] - m.ambient_c) * fade + heat
    w.soc[i], w.since[i] = soc, time


@_compiled
def _stop(w: Slots, i: int) -> None:
    w.rate[i], w.ramp[i], w.tapering[i] = 0.0, 0.0, False
    w.due[i], w.event[i] = inf, NOTHING
    w.limited[i] = False


@_compiled
def _meet(m: Model, w: Slots, i: int) -> None:
    due, event = w.due[i], w.event[i]
    rate = w.rate[i] + w.ramp[i] * (due - w.since[i])
    _settle(m, w, i, due)
    if event == READY:
        w.soc[i], w.ready[i] = m.ready_soc, True
    elif event == FULL:
        w.soc[i], w.ready[i], w.derated[i] = m.full_soc, True, False
        w.phase[i], w.charging_since[i] = DONE, inf
        _stop(w, i)
        return
    elif event == TAPER:
        w.soc[i] = w.infinity[i] - w.tau_s[i] * rate
    elif event == PIECE:
        w.soc[i] = w.end[i]
    elif event == DERATE:
        w.temperature_c[i], w.derated[i] = m.derate_above_c, True
    elif event == RESTORE:
        w.temperature_c[i], w.derated[i] = m.restore_below_c, False
    _stop(w, i)
    w.rate[i] = UNSHARED
    _look_up(m, w, i)


@_compiled
def _seconds_to_rise(gap: float, rate: float, ramp: float) -> float:
    if ramp == 0.0:
        return gap / rate
    return 2.0 * gap / (rate + sqrt(rate * rate + 2.0 * ramp * gap))


@_compiled
def _seconds_to_temperature(m: Model, temperature_c: float, threshold_c: float, rate: float) -> float:
    final_c = m.ambient_c + _rise(m, rate)
    left, leaves = final_c - threshold_c, final_c - temperature_c
    if left == 0.0 or leaves / left < 1.0:
        return inf
    return m.time_constant_s * log(leaves / left)


@_compiled
def _seconds_to_derate_taper(m: Model, tau_s: float, temperature_c: float, rate: float) -> float:
    ambient, hot = m.ambient_c, m.derate_above_c
    if temperature_c >= hot:
        return 0.0
    if max(ambient, ambient + _rise(m, rate)) <= hot:
        return inf
    slow, fast, heat = _taper_heat(m, tau_s, rate)
    own = temperature_c - ambient - heat
    turn = -fast * heat / (slow * own) if own != 0.0 else 0.0
    peak_s = log(turn) / (fast - slow) if turn > 0.0 else inf
    high = min(peak_s, 50.0 * (m.time_constant_s + tau_s))
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
def _seconds_to_threshold(m: Model, w: Slots, i: int) -> float:
    temperature_c = w.temperature_c[i]
    if w.derated[i]:
        if temperature_c <= m.restore_below_c:
            return 0.0
        return _seconds_to_temperature(m, temperature_c, m.restore_below_c, w.rate[i])
    if temperature_c >= m.derate_above_c:
        return 0.0
    return _seconds_to_temperature(m, temperature_c, m.derate_above_c, w.rate[i])


@_compiled
def _find_event(m: Model, w: Slots, i: int) -> None:
    """When the segment that began at ``since`` ends, and by what."""
    rate, ramp, soc = w.rate[i], w.ramp[i], w.soc[i]
    target, event = (m.full_soc, FULL) if w.ready[i] else (m.ready_soc, READY)
    if w.end[i] < target:
        target, event = w.end[i], PIECE
    gap = target - soc if target > soc else 0.0
    if w.tapering[i]:
        infinity = w.infinity[i]
        wait = w.tau_s[i] * log((infinity - soc) / (infinity - target)) if gap > 0.0 else 0.0
        warm = inf
        if not w.derated[i]:
            warm = _seconds_to_derate_taper(m, w.tau_s[i], w.temperature_c[i], rate)
    else:
        wait = _seconds_to_rise(gap, rate, ramp)
        if w.flat[i] == 0.0:
            bend_gap = max(w.infinity[i] - soc - w.tau_s[i] * rate, 0.0)
            bend = _seconds_to_rise(bend_gap, rate + w.tau_s[i] * ramp, ramp)
            if bend < wait:
                wait, event = bend, TAPER
        if ramp > 0.0:
            capped = (w.most_w[i] / w.energy_ws[i] - rate) / ramp
            if capped < wait:
                wait, event = capped, CAP
        warm = _seconds_to_threshold(m, w, i)
    if warm < wait:
        wait, event = warm, RESTORE if w.derated[i] else DERATE
    w.due[i], w.event[i] = w.since[i] + wait, event


@_compiled
def _comes_later(m: Model, w: Slots, i: int, time: float) -> bool:
    """Whether a limited pack's next event comes after ``time`` for sure, by bounds that need no root or logarithm."""
    window = (time - w.since[i]) * SURE
    rate, ramp, soc = w.rate[i], w.ramp[i], w.soc[i]
    fastest = rate + ramp * window
    target = min(m.full_soc if w.ready[i] else m.ready_soc, w.end[i])
    if target - soc <= fastest * window:
        return False
    if w.flat[i] == 0.0 and w.infinity[i] - soc - w.tau_s[i] * rate <= (fastest + w.tau_s[i] * ramp) * window:
        return False
    if ramp > 0.0 and w.most_w[i] <= fastest * w.energy_ws[i] * SURE:
        return False
    temperature_c, final_c = w.temperature_c[i], m.ambient_c + _rise(m, rate)
    if w.derated[i]:
        return (temperature_c - m.restore_below_c) * m.time_constant_s > (temperature_c - final_c) * window and (
            temperature_c > m.restore_below_c
        )
    if temperature_c >= m.derate_above_c:
        return False
    return (m.derate_above_c - temperature_c) * m.time_constant_s > (final_c - temperature_c) * window


@_compiled
def _charge(m: Model, w: Slots, i: int, time: float, rate: float, ramp: float, tapering: bool, limited: bool) -> bool:
    """Returns whether derating has ended: what the slot asks for must be refreshed, but not before power is shared."""
    if tapering == w.tapering[i] and (tapering or (rate == w.rate[i] and ramp == w.ramp[i])):
        return False
    was_derated = w.derated[i]
    if w.rate[i] == UNSHARED:
        w.since[i] = time
    else:
        _settle(m, w, i, time)
        if w.tapering[i] and w.derated[i]:
            w.derated[i] = w.temperature_c[i] > m.restore_below_c
    w.rate[i], w.ramp[i], w.tapering[i] = rate, ramp, tapering
    w.limited[i] = limited
    w.due[i], w.event[i] = inf, NOTHING
    if rate > 0.0 and not limited:
        _find_event(m, w, i)
    return was_derated and not w.derated[i]


@_compiled
def _level(demand_w: Floats, count: int, available_w: float, guess_w: float) -> float:
    """The water level. It does not hang on the guess: only how often the demands are looked through does."""
    if count == 0:
        return inf
    if available_w <= 0.0:
        return 0.0
    level, larger = guess_w, -1
    for attempt in range(2):
        if attempt == 1:
            level, larger = available_w / count, count
        while True:
            large, small_w = 0, 0.0
            for a in range(count):
                if demand_w[a] > level:
                    large += 1
                else:
                    small_w += demand_w[a]
            if large == 0:
                break
            if large == larger:
                return level
            level, larger = (available_w - small_w) / large, large
    return inf


@_compiled
def _assign_chargers(m: Model, w: Slots, d: Desk, count: int) -> None:
    """The packs that came first have the chargers; among equals, the lower slot."""
    for a in range(count):
        i = d.active[a]
        before = 0
        for b in range(count):
            j = d.active[b]
            if w.charging_since[j] < w.charging_since[i] or (w.charging_since[j] == w.charging_since[i] and b < a):
                before += 1
        waits = before >= m.chargers
        if waits != w.waits[i]:
            w.waits[i] = waits
            _refresh(m, w, i)


@_compiled
def _share_freely(m: Model, w: Slots, d: Desk, count: int, now: float) -> None:
    """Where all chargers together stay within the limit only those that changed are looked at."""
    for a in range(count):
        i = d.active[a]
        if w.tapering[i]:
            continue
        most_w = w.most_w[i]
        steady = w.rate[i] == most_w / w.energy_ws[i] and w.ramp[i] == 0.0
        if steady and not w.limited[i] and w.due[i] - now > NEAR_S:
            continue
        power_w, falls = most_w, False
        if w.flat[i] == 0.0:
            pack_w = (w.infinity[i] - _soc_at(w, i, now)) / w.tau_s[i] * w.energy_ws[i]
            power_w = min(most_w, pack_w)
            falls = power_w >= pack_w * TAPER_TOLERANCE
        if _charge(m, w, i, now, power_w / w.energy_ws[i], 0.0, falls, False):
            _refresh(m, w, i)
        if w.limited[i]:
            w.limited[i] = False
            _find_event(m, w, i)


@_compiled
def _share(m: Model, w: Slots, d: Desk, count: int, now: float, guess_w: float) -> tuple[float, float, float]:
    """Share the limit. Returns when the next charging event comes, when to share at the latest, and the level."""
    available_w = m.grid_limit_w - m.base_load_w
    if m.chargers >= 0:
        _assign_chargers(m, w, d, count)
    most_w = 0.0
    for a in range(count):
        most_w = max(most_w, w.ask_w[d.active[a]])
    if available_w > 0.0 and most_w <= available_w / max(count, 1):
        _share_freely(m, w, d, count, now)
        due = inf
        for a in range(count):
            due = min(due, w.due[d.active[a]])
        return due, inf, guess_w
    for a in range(count):
        i = d.active[a]
        soc = _soc_at(w, i, now)
        if w.infinity[i] - soc > w.clear[i]:
            d.pack_w[a] = inf
            d.demand_w[a] = w.ask_w[i]
        else:
            pack_w = (w.flat[i] if w.flat[i] > 0.0 else (w.infinity[i] - soc) / w.tau_s[i]) * w.energy_ws[i]
            d.pack_w[a] = pack_w
            d.demand_w[a] = w.ask_w[i] if w.most_w[i] < pack_w else pack_w / m.efficiency[i]
    level_w = _level(d.demand_w, count, available_w, guess_w)
    ramp_w_per_s, reshare_at = 0.0, inf
    if level_w < inf:
        ramp_w_per_s, reshare_at = _until_next_sharing(m, w, d, count, now, level_w, available_w)
    due, cooled = inf, False
    for a in range(count):
        i = d.active[a]
        pack_w, most_w = d.pack_w[a], w.most_w[i]
        limited = d.demand_w[a] > level_w
        power_w = level_w * m.efficiency[i] if limited else min(most_w, pack_w)
        falls = w.flat[i] == 0.0 and power_w >= pack_w * TAPER_TOLERANCE
        ramp_w = ramp_w_per_s * m.efficiency[i] if limited and power_w < most_w * TAPER_TOLERANCE else 0.0
        energy_ws = w.energy_ws[i]
        cooled |= _charge(m, w, i, now, power_w / energy_ws, ramp_w / energy_ws, falls, limited and not falls)
        if not w.limited[i] and w.due[i] < due:
            due = w.due[i]
    until = min(due, reshare_at)
    for a in range(count):
        i = d.active[a]
        if w.limited[i] and w.rate[i] > 0.0:
            if until < inf and _comes_later(m, w, i, until):
                w.due[i], w.event[i] = inf, NOTHING
            else:
                _find_event(m, w, i)
                if w.due[i] < until:
                    until = due = w.due[i]
    if cooled:
        for a in range(count):
            _refresh(m, w, d.active[a])
    return until, reshare_at, level_w


@_compiled
def _until_next_sharing(
    m: Model, w: Slots, d: Desk, count: int, now: float, level_w: float, available_w: float
) -> tuple[float, float]:
    if m.share_tick_s > 0.0:
        tick = (floor(now / m.share_tick_s) + 1.0) * m.share_tick_s
        return 0.0, tick if tick > now else tick + m.share_tick_s
    limited, fall, bend = 0, 0.0, 0.0
    for a in range(count):
        i = d.active[a]
        if d.demand_w[a] > level_w:
            limited += 1
        elif d.pack_w[a] <= w.most_w[i] and w.flat[i] == 0.0:
            fall += d.demand_w[a] / w.tau_s[i]
            bend += d.demand_w[a] / w.tau_s[i] / w.tau_s[i]
    if limited == 0 or bend == 0.0:
        return 0.0, inf
    spans_s = max(sqrt(8.0 * UNUSED_SHARE * available_w / bend), SHORTEST_RAMP_S)
    return max(fall - 0.5 * spans_s * bend, 0.0) / limited, now + spans_s


@_compiled
def _fullest(m: Model, w: Slots, now: float) -> int:
    best, most = -1, -inf
    for i in range(len(w.phase)):
        if w.ready[i] and w.phase[i] == DONE and w.soc[i] > most:
            best, most = i, w.soc[i]
    sure = most >= m.full_soc
    for i in range(len(w.phase)):
        if w.ready[i] and w.phase[i] == CHARGING and (w.limited[i] or not sure or w.due[i] - now <= NEAR_S):
            soc = _soc_at(w, i, now)
            if soc > most or (soc == most and i < best):
                best, most = i, soc
    return best


@_compiled
def _leave_active(d: Desk, count: int, slot: int) -> int:
    kept = 0
    for a in range(count):
        if d.active[a] != slot:
            d.active[kept] = d.active[a]
            kept += 1
    return kept


@_compiled
def _join_active(d: Desk, count: int, slot: int) -> int:
    a = count
    while a > 0 and d.active[a - 1] > slot:
        d.active[a] = d.active[a - 1]
        a -= 1
    d.active[a] = slot
    return count + 1


@_compiled
def _first(values: Floats) -> tuple[float, int]:
    """The least value and the lowest place of it."""
    least, place = inf, 0
    for index in range(len(values)):
        if values[index] < least:
            least, place = values[index], index
    return least, place


@_compiled
def _future(
    m: Model,
    w: Slots,
    d: Desk,
    shared: bool,
    reshare_at: float,
    waiting_until: Floats,
    level: float,
    streams: NDArray[np.uint64],
    marks: Floats,
    ready_at: NDArray[np.int32],
    lost_at: NDArray[np.int32],
    without_s_at: Floats,
    counts: NDArray[np.int64],
) -> float:
    """Live one future up to the last mark. Returns the time of its first moment without a ready pack."""
    start = marks[0]
    now = start
    count = ready = 0
    for i in range(len(w.phase)):
        ready += w.ready[i]
        if w.phase[i] == CHARGING:
            count = _join_active(d, count, i)
    first_stockout = without_since = inf
    without_s = 0.0
    if ready == 0:
        first_stockout = without_since = now
    queue = np.empty(max(64, 2 * len(waiting_until)))
    waiting = len(waiting_until)
    for rank in range(waiting):
        until = waiting_until[rank]
        queue[rank] = until if until == until else now + m.patience_s * -log(1.0 - _uniform(streams, 1))
    leave_at, leaver = _first(queue[:waiting])
    bay_at, bay = _first(d.bay_until)
    rest_at, rester = _first(w.cooling_until)
    arrival_at = _next_arrival(m, level, streams, now)
    guess_w = m.grid_limit_w
    charge_at = reshare_at
    for a in range(count):
        charge_at = min(charge_at, w.due[d.active[a]])
    share = not shared
    swaps = lost = arrivals = 0
    mark = 0
    kind = -1
    while True:
        # Serve whom there is a bay and a pack for, then share what is to be shared.
        if waiting > 0 and ready > 0:
            served = False
            for free in range(len(d.bay_until)):
                if waiting == 0 or ready == 0:
                    break
                if d.bay_until[free] < inf:
                    continue
                i = _fullest(m, w, now)
                waiting -= 1
                for q in range(waiting):
                    queue[q] = queue[q + 1]
                if w.phase[i] == CHARGING:
                    count = _leave_active(d, count, i)
                    share = True
                _stop(w, i)
                w.phase[i], w.ready[i], w.derated[i], w.soc[i] = EMPTY, False, False, 0.0
                w.charging_since[i] = inf
                w.since[i], w.temperature_c[i] = now, m.ambient_c
                ready -= 1
                d.bay_until[free], d.bay_slot[free] = now + m.swap_s, i
                served = True
            if served:
                leave_at, leaver = _first(queue[:waiting])
                bay_at, bay = _first(d.bay_until)
                if ready == 0:
                    without_since = now
                    first_stockout = min(first_stockout, now)
        if share:
            charge_at, reshare_at, guess_w = _share(m, w, d, count, now, guess_w)
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
            mark += 1
        if mark == len(marks):
            break
        now = max(time, now)
        before = ready
        if kind == 0:
            kept = 0
            for a in range(count):
                i = d.active[a]
                if w.due[i] <= now:
                    was_ready = w.ready[i]
                    _meet(m, w, i)
                    ready += w.ready[i] - was_ready
                if w.phase[i] == CHARGING:
                    d.active[kept] = i
                    kept += 1
            count = kept
            share = True
        elif kind == 1:
            i = d.bay_slot[bay]
            d.bay_until[bay] = inf
            bay_at, bay = _first(d.bay_until)
            swaps += 1
            if w.phase[i] == EMPTY:
                w.soc[i] = m.soc_low + (m.soc_high - m.soc_low) * _uniform(streams, 2)
                w.temperature_c[i] = m.temperature_low_c + (
                    m.temperature_high_c - m.temperature_low_c
                ) * _uniform(streams, 2)
                w.pack_class[i] = 0
                if len(m.shares) > 0:
                    u = _uniform(streams, 2)
                    for so_far in m.shares[:-1]:
                        w.pack_class[i] += u >= so_far
                w.phase[i], w.since[i] = COOLING, now
                w.cooling_until[i] = now + m.cooldown_s
                if w.cooling_until[i] < rest_at or (w.cooling_until[i] == rest_at and i < rester):
                    rest_at, rester = w.cooling_until[i], i
        elif kind == 2:
            i = rester
            fade = exp(-(now - w.since[i]) / m.time_constant_s)
            w.temperature_c[i] = m.ambient_c + (w.temperature_c[i] - m.ambient_c) * fade
            w.since[i] = now
            w.cooling_until[i] = inf
            rest_at, rester = _first(w.cooling_until)
            w.ready[i] = w.soc[i] >= m.ready_soc
            ready += w.ready[i]
            if w.soc[i] >= m.full_soc:
                w.phase[i] = DONE
            else:
                w.phase[i], w.rate[i], w.charging_since[i] = CHARGING, UNSHARED, now
                w.derated[i] = w.temperature_c[i] >= m.derate_above_c
                w.waits[i] = False
                _look_up(m, w, i)
                count = _join_active(d, count, i)
            share = True
        elif kind == 3:
            arrivals += 1
            arrival_at = _next_arrival(m, level, streams, arrival_at)
            if waiting == len(queue):
                longer = np.empty(2 * waiting)
                longer[:waiting] = queue
                queue = longer
            until = now + m.patience_s * -log(1.0 - _uniform(streams, 1))
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


@_compiled
def _copy(source: Slots, target: Slots) -> None:
    target.phase[:] = source.phase
    target.pack_class[:] = source.pack_class
    target.ready[:] = source.ready
    target.derated[:] = source.derated
    target.tapering[:] = source.tapering
    target.event[:] = source.event
    target.since[:] = source.since
    target.soc[:] = source.soc
    target.temperature_c[:] = source.temperature_c
    target.rate[:] = source.rate
    target.ramp[:] = source.ramp
    target.due[:] = source.due
    target.cooling_until[:] = source.cooling_until
    target.charging_since[:] = source.charging_since
    target.limited[:] = False
    target.waits[:] = False


@_kept
def ensemble(
    m: Model,
    begin: Slots,
    w: Slots,
    d: Desk,
    bay_until: Floats,
    bay_slot: NDArray[np.int64],
    shared: bool,
    reshare_at: float,
    waiting_until: Floats,
    levels: Floats,
    streams: NDArray[np.uint64],
    marks: Floats,
    ready_at: NDArray[np.int32],
    lost_at: NDArray[np.int32],
    without_s_at: Floats,
    counts: NDArray[np.int64],
    first_stockout: Floats,
) -> None:
    """One future a row of the results, from the slots as they ``begin``. ``w`` and ``d`` are room to work in."""
    for replica in range(len(levels)):
        _copy(begin, w)
        for i in range(len(w.phase)):
            _look_up(m, w, i)
        d.bay_until[:] = bay_until
        d.bay_slot[:] = bay_slot
        first_stockout[replica] = _future(
            m, w, d, shared, reshare_at, waiting_until, levels[replica], streams[replica], marks,
            ready_at[replica], lost_at[replica], without_s_at[replica], counts[replica],
        )
