"""Riders of a possible future: when they come, how long they wait, what they bring. Reproducible random streams.

Order of draws, which any other engine must keep to live the same future (common random numbers). A stream is one
SplitMix64 sequence (Steele, Lea and Flood, 2014) of its own per seed, replica and purpose:

- ``ARRIVALS``: one number a rider; the first when the riders are made, each next one when a rider arrives.
- ``PATIENCE``: one number for each rider who waits at the start and whose patience is not known, in the order of the
  queue; then one for every rider who arrives, at arrival, needed or not.
- ``RETURNS``: two numbers a returned pack, at the end of its swap: SoC, then temperature; and where the station has
  ``returned_shares``, a third one: its class.
"""

from math import inf, log

import numpy as np
from numpy.typing import NDArray

from twin.demand import Intensity
from twin.spec import StationSpec

ARRIVALS, PATIENCE, RETURNS = 1, 2, 3

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


def _mix(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)


def stream_states(seed: int, replicas: int, purpose: int) -> NDArray[np.uint64]:
    """The states of the new streams of replicas 0, 1, ... for one purpose."""
    words = np.full(replicas, seed & _MASK, dtype=np.uint64)
    for part in (np.arange(replicas, dtype=np.uint64), np.full(replicas, purpose, dtype=np.uint64)):
        words += np.uint64(_GOLDEN) * (part + np.uint64(1))
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
        words ^= words >> np.uint64(31)
    return words


class Stream:
    """Uniform numbers in [0, 1). ``state`` is all there is to go on from."""

    __slots__ = ("state",)

    def __init__(self, seed: int, replica: int, purpose: int) -> None:
        word = seed & _MASK
        for part in (replica, purpose):
            word = _mix((word + _GOLDEN * (part + 1)) & _MASK)
        self.state = word

    def uniform(self) -> float:
        self.state = word = (self.state + _GOLDEN) & _MASK
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((word ^ (word >> 31)) >> 11) * (1.0 / 9007199254740992.0)

    def exponential(self) -> float:
        """An exponential number of mean one, by inversion."""
        return -log(1.0 - self.uniform())


def shares_so_far(spec: StationSpec) -> list[float]:
    """The cumulative shares of the classes of returned packs, up to one; empty where there is but one class."""
    total = sum(spec.returned_shares)
    return [sum(spec.returned_shares[: number + 1]) / total for number in range(len(spec.returned_shares))]


class Riders:
    """The riders of one replica. ``next_arrival`` is the time of the next one (``inf``: none comes).

    Arrivals are a Poisson process with intensity ``level * intensity``, by inversion of the cumulative intensity.
    """

    def __init__(
        self, spec: StationSpec, intensity: Intensity, start: float, *, seed: int, replica: int = 0, level: float = 1.0
    ) -> None:
        self._arrivals = Stream(seed, replica, ARRIVALS)
        self._patience = Stream(seed, replica, PATIENCE)
        self._returns = Stream(seed, replica, RETURNS)
        self._start, self._step_s = intensity.start, intensity.step_s
        self._rates: list[float] = (intensity.rates_per_s * level).tolist()
        self._patience_s = spec.patience_s
        self._soc, self._temperature_c = spec.returned_soc, spec.returned_temperature_c
        self._shares = shares_so_far(spec)
        self.next_arrival = self._arrival_after(start)

    def arrive(self) -> float:
        """Take the next rider: returns how long he is ready to wait, in seconds, and draws his successor."""
        self.next_arrival = self._arrival_after(self.next_arrival)
        return self.wait_s()

    def wait_s(self) -> float:
        """The patience of one rider."""
        return self._patience_s * self._patience.exponential()

    def returned_pack(self) -> tuple[float, float, int]:
        """SoC, temperature and class of the pack that a rider brings."""
        (soc_low, soc_high), (cold, hot) = self._soc, self._temperature_c
        soc = soc_low + (soc_high - soc_low) * self._returns.uniform()
        temperature_c = cold + (hot - cold) * self._returns.uniform()
        if not self._shares:
            return soc, temperature_c, 0
        share = self._returns.uniform()
        return soc, temperature_c, sum(share >= so_far for so_far in self._shares[:-1])

    def _arrival_after(self, time: float) -> float:
        need = self._arrivals.exponential()
        last = len(self._rates) - 1
        step = min(max(int((time - self._start) / self._step_s), 0), last)
        while step < last:
            rate, end = self._rates[step], self._start + (step + 1) * self._step_s
            room = rate * (end - time)
            if need <= room and rate > 0.0:
                return time + need / rate
            need -= room
            time = max(time, end)
            step += 1
        return time + need / self._rates[last] if self._rates[last] > 0.0 else inf
