"""OPC UA: from blocks of data values to batches of samples."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from adapters.base import Batch
from adapters.convert import Conversion, Converted, Converter
from adapters.opcua_decode import Block
from adapters.opcua_status import meanings
from config.binding import BoundPoint

PREPARED = 64
"""Conversions that are kept: a device reports the same points together again and again."""

_NO_WORDS = np.empty(0, dtype=np.uint64)
_LONGEST_KEY = 65_536


class Samples:
    """One device's conversion. Client handles are rows: they count the device's points from zero."""

    def __init__(self, converter: Converter, points: tuple[BoundPoint, ...]) -> None:
        self._converter = converter
        rows = range(len(points))
        self._takes_numbers = np.array([converter.takes(row, float) for row in rows])
        self._takes_truths = np.array([converter.takes(row, bool) for row in rows])
        self._prepared: dict[bytes, Conversion] = {}

    def batch(self, block: Block, now: float, intern: Callable[[str], int]) -> Batch:
        """The samples of a block; a handle that was never given out is left out."""
        rows = block.handles
        known = (rows >= 0) & (rows < len(self._takes_numbers))
        safe = rows if known.all() else np.where(known, rows, 0)
        plain = known & ((block.is_number & self._takes_numbers[safe]) | (block.is_bool & self._takes_truths[safe]))
        if plain.all():
            samples = self._conversion(rows)(block.numbers, _NO_WORDS)
            statuses, times = block.statuses, block.times
        else:
            # Plain numbers all together, everything else one by one, then back in the order in which they came.
            at, others = np.flatnonzero(plain), np.flatnonzero(known & ~plain)
            raws = [block.raw(place) for place in others.tolist()]
            samples = _joined(
                self._conversion(rows[at])(block.numbers[at], _NO_WORDS),
                self._converter.objects(rows[others].tolist(), raws, intern),
                np.argsort(np.concatenate([at, others])),
            )
            statuses, times = block.statuses[known], block.times[known]
        if statuses.any():
            samples = samples.limited_by(*meanings(statuses))
        return self._converter.batch(samples, np.where(np.isnan(times), now, times), now)

    def _conversion(self, rows: NDArray[np.int64]) -> Conversion:
        key = rows.tobytes()
        known = self._prepared.get(key)
        if known is None:
            known = self._converter.prepare(rows)
            if len(key) <= _LONGEST_KEY:
                if len(self._prepared) >= PREPARED:
                    self._prepared.clear()
                self._prepared[key] = known
        return known


def _joined(first: Converted, second: Converted, order: NDArray[np.intp]) -> Converted:
    return Converted(
        np.concatenate([first.rows, second.rows])[order],
        np.concatenate([first.values, second.values])[order],
        np.concatenate([first.qualities, second.qualities])[order],
        np.concatenate([first.reasons, second.reasons])[order],
    )
