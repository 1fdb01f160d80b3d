"""An ensemble of futures of a station, from a snapshot: by the compiled kernel, or by the SimPy reference."""

from dataclasses import dataclass
from math import inf, nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from simpy import Environment

from twin import charging, kernel, snapshot
from twin.demand import Intensity
from twin.riders import ARRIVALS, PATIENCE, RETURNS, Riders, shares_so_far, stream_states
from twin.slot import Slot
from twin.spec import HORIZONS_S, Floats, Forecast, StationSpec, StationState
from twin.station import Station

READY_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
TIME_QUANTILES = (0.10, 0.50, 0.90)

_QUEUE = 256
"""Riders that may wait at once before the kernel is given more room."""

Engine = Literal["kernel", "simpy"]
Counts = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Futures:
    """What happens in every future from ``start`` (epoch s) on; one row a future.

    ``wait_s``: time to the first moment without a ready pack (``inf``: none up to the end). ``lost``, ``came``,
    ``stockout_s`` and ``waited_s`` (riders lost, riders who came, seconds without a ready pack and seconds that riders
    waited so far) have one column for each of ``horizons`` (seconds ahead), ``ready`` (packs) one for each of
    ``ready_t`` (epoch s). ``swaps`` and ``arrivals`` count up to the end.
    """

    start: float
    wait_s: Floats
    lost: Counts
    came: Counts
    stockout_s: Floats
    waited_s: Floats
    ready: Counts
    ready_t: Floats
    swaps: Counts
    arrivals: Counts
    horizons: tuple[float, ...] = HORIZONS_S


@dataclass(frozen=True, slots=True)
class _Marks:
    """At which times (seconds ahead) to look, and which of them are horizons and steps of the ready count."""

    ahead: list[float]
    at_horizon: NDArray[np.int64]
    on_grid: NDArray[np.int64]
    grid: Floats


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen at the marks, one row a future."""

    ready: Counts
    lost: Counts
    arrivals: Counts
    without_s: Floats
    waited_s: Floats
    counts: Counts
    first_stockout: Floats


def futures(
    spec: StationSpec,
    state: StationState,
    intensity: Intensity,
    *,
    replicas: int,
    seed: int,
    horizon_s: float = HORIZONS_S[-1],
    step_s: float = 300.0,
    engine: Engine = "kernel",
    horizons: tuple[float, ...] = HORIZONS_S,
    lead_s: float = 0.0,
) -> Futures:
    """Live ``replicas`` futures from ``state.time`` on, and say what happens from ``lead_s`` after it.

    Replica ``r`` of a seed is always the same, whatever the number of replicas, and the same with both engines. Its
    level of demand is drawn from a Gamma distribution with mean one and the coefficient of variation
    ``intensity.dispersion``. ``horizon_s`` is how far ``ready_t`` reaches, in steps of ``step_s``. A lead is for a
    state that is old by now: every future lives through it, and is counted from then on. With the kernel, the
    interpreter's lock is free nearly all the time: call it in a thread. Raises ``ValueError`` for a number of
    replicas, a horizon, a step or a lead that makes no sense, and for a state that is not the station's.
    """
    if replicas < 1:
        raise ValueError(f"replicas is {replicas}: a forecast needs at least one future")
    if horizon_s < horizons[-1] or step_s <= 0.0:
        raise ValueError(
            f"horizon_s {horizon_s} with step_s {step_s}: give at least {horizons[-1]} s and a step above zero"
        )
    if not 0.0 <= lead_s < inf:
        raise ValueError(f"lead_s is {lead_s}: a state is at most as old as can be said in seconds, and not of later")
    snapshot.check(spec, state)
    marks = _marks(horizons, horizon_s, step_s)
    levels = _levels(intensity.dispersion, replicas, seed)
    live = _by_kernel if engine == "kernel" else _by_simpy
    seen = live(spec, state, intensity, [lead_s + ahead for ahead in marks.ahead], levels, seed)
    start = state.time + lead_s
    return Futures(
        start=start,
        wait_s=seen.first_stockout - start,
        lost=seen.lost[:, marks.at_horizon] - seen.lost[:, :1],
        came=seen.arrivals[:, marks.at_horizon] - seen.arrivals[:, :1],
        stockout_s=seen.without_s[:, marks.at_horizon] - seen.without_s[:, :1],
        waited_s=seen.waited_s[:, marks.at_horizon] - seen.waited_s[:, :1],
        ready=seen.ready[:, marks.on_grid],
        ready_t=start + marks.grid,
        swaps=seen.counts[:, kernel.SWAPS],
        arrivals=seen.counts[:, kernel.ARRIVALS],
        horizons=horizons,
    )


def summarise(made: Futures, seed: int) -> Forecast:
    """What the futures have in common."""
    return Forecast(
        start=made.start,
        replicas=len(made.wait_s),
        seed=seed,
        stockout_probability=np.array([np.mean(made.wait_s <= horizon) for horizon in made.horizons]),
        lost_swaps=made.lost.mean(axis=0),
        time_to_stockout_s=_time_quantiles(made.wait_s),
        ready_t=made.ready_t,
        ready_quantiles=np.quantile(made.ready, READY_QUANTILES, axis=0),
    )


def _marks(horizons: tuple[float, ...], horizon_s: float, step_s: float) -> _Marks:
    grid = np.arange(0.0, horizon_s + 0.5 * step_s, step_s)
    ahead = sorted({*grid.tolist(), *horizons})
    return _Marks(ahead, np.searchsorted(ahead, horizons), np.searchsorted(ahead, grid), grid)


def _levels(dispersion: float, replicas: int, seed: int) -> Floats:
    if dispersion <= 0.0:
        return np.ones(replicas)
    shape = dispersion**-2
    return np.random.default_rng(seed).gamma(shape, 1.0 / shape, size=replicas)


def _room(replicas: int, marks: int) -> _Seen:
    return _Seen(
        ready=np.empty((replicas, marks), dtype=np.int32),
        lost=np.empty((replicas, marks), dtype=np.int32),
        arrivals=np.empty((replicas, marks), dtype=np.int32),
        without_s=np.empty((replicas, marks)),
        waited_s=np.empty((replicas, marks)),
        counts=np.empty((replicas, 3), dtype=np.int32),
        first_stockout=np.empty(replicas),
    )


def _by_simpy(
    spec: StationSpec, state: StationState, intensity: Intensity, ahead: list[float], levels: Floats, seed: int
) -> _Seen:
    seen = _room(len(levels), len(ahead))
    for replica, level in enumerate(levels.tolist()):
        env = Environment(initial_time=state.time)
        riders = Riders(spec, intensity, state.time, seed=seed, replica=replica, level=level)
        station = Station(env, spec, state, riders)
        for column, mark in enumerate(ahead):
            if mark > 0.0:
                env.run(until=state.time + mark)
            if column == 0:
                station.first_stockout = inf if station.ready else env.now
            seen.ready[replica, column], seen.lost[replica, column] = station.ready, station.lost
            seen.arrivals[replica, column] = station.arrivals
            seen.without_s[replica, column], seen.waited_s[replica, column] = station.stockout_s, station.waited_s
        seen.counts[replica] = station.lost, station.swaps, station.arrivals
        seen.first_stockout[replica] = station.first_stockout
    return seen


def _by_kernel(
    spec: StationSpec, state: StationState, intensity: Intensity, ahead: list[float], levels: Floats, seed: int
) -> _Seen:
    seen = _room(len(levels), len(ahead))
    scales = [1.0] * spec.slots if state.tau_scale is None else np.nan_to_num(state.tau_scale, nan=1.0).tolist()
    variants = sorted(set(scales))
    waiting_until = np.full(state.queue, nan)
    known = np.maximum(np.array(state.patience_until[: state.queue]), state.time)
    waiting_until[: len(known)] = known
    slots = _slots(spec, state, [variants.index(scale) for scale in scales])
    bay_slot = state.bay_slot.astype(np.int64)
    room = state.queue + _QUEUE
    while (
        ended := kernel.ensemble(
            _numbers(spec, intensity, len(variants)),
            _pieces(spec, variants),
            np.array(shares_so_far(spec)),
            np.ascontiguousarray(intensity.rates_per_s, dtype=np.float64),
            slots,
            np.maximum(state.bay_until, state.time),
            bay_slot,
            state.time,
            -inf if state.segments is None else state.segments.reshare_at,
            waiting_until,
            levels,
            np.stack([stream_states(seed, len(levels), purpose) for purpose in (ARRIVALS, PATIENCE, RETURNS)], axis=1),
            state.time + np.array(ahead),
            seen.ready,
            seen.lost,
            seen.arrivals,
            seen.without_s,
            seen.waited_s,
            seen.counts,
            seen.first_stockout,
            np.zeros(kernel.WORK_SIZE),
            np.empty(spec.slots, dtype=np.uint64),
            np.empty(spec.slots, dtype=np.uint64),
            np.empty(room),
            np.empty(spec.bays),
            np.empty_like(bay_slot),
        )
    ) == kernel.CROWDED:
        room *= 4
    if ended == kernel.STUCK:
        raise RuntimeError("the compiled model stands still: please report this station's state and site file")
    return seen


def _slots(spec: StationSpec, state: StationState, variants: list[int]) -> Floats:
    """One column a slot; rows that only the kernel knows begin at zero."""
    if spec.slots > kernel.MOST_SLOTS:
        raise ValueError(f"a station of {spec.slots} slots: there is room for {kernel.MOST_SLOTS}")
    slots = snapshot.restore(spec, state, state.time)
    table = np.zeros((len(kernel.ROWS), spec.slots))
    for row, name in zip(table, kernel.ROWS, strict=True):
        if name in Slot.__slots__:
            row[:] = [getattr(slot, name) for slot in slots]
    cooling_until = table[kernel.ROWS.index("cooling_until")]
    np.maximum(cooling_until, state.time, out=cooling_until)
    table[kernel.ROWS.index("variant")] = variants
    table[kernel.ROWS.index("grid_w_per_w")] = [1.0 / slot.efficiency for slot in slots]
    return table


def _numbers(spec: StationSpec, intensity: Intensity, variants: int) -> Floats:
    (soc_low, soc_high), (cold, hot) = spec.returned_soc, spec.returned_temperature_c
    other = {
        "soc_low": soc_low,
        "soc_high": soc_high,
        "temperature_low_c": cold,
        "temperature_high_c": hot,
        "chargers": -1 if spec.chargers is None else spec.chargers,
        "variants": variants,
        "rates_start": intensity.start,
        "rates_step_s": intensity.step_s,
    }
    values = [
        other[name] if name in other else getattr(spec if hasattr(spec, name) else spec.thermal, name)
        for name in kernel.NUMBERS
    ]
    return np.array(values, dtype=np.float64)


def _pieces(spec: StationSpec, variants: list[float]) -> Floats:
    rows = [(pack, charging.envelope(pack, scale)) for pack in spec.packs for scale in variants]
    table = np.full((len(rows), max(len(pieces) for _, pieces in rows), 7), inf)
    for row, (pack, pieces) in enumerate(rows):
        for k, piece in enumerate(pieces):
            energy_ws = pack.capacity_wh * charging.HOUR_S
            table[row, k, :4] = piece.end, piece.soc_infinity, piece.tau_s, piece.slope_per_s
            table[row, k, 4:] = piece.flat_per_s, energy_ws, 1.0 / energy_ws
    return table


def _time_quantiles(wait_s: Floats) -> tuple[float, float, float]:
    """Quantiles by order, without interpolation: between a time and ``inf`` there is nothing to interpolate."""
    within = np.sort(np.where(wait_s <= HORIZONS_S[-1], wait_s, inf))
    low, middle, high = (float(within[int(np.ceil(share * len(within))) - 1]) for share in TIME_QUANTILES)
    return low, middle, high
