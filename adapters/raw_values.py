"""What the points of a device came from: its latest raw values, kept as columns beside the conversion."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from config.binding import BoundPoint

LONGEST = 128
"""Characters of a raw text that are kept."""


class RawValues:
    """The latest raw value of each point. Numbers are a column, so that keeping them costs one assignment a batch."""

    def __init__(self, points: Sequence[BoundPoint]) -> None:
        """``points``: all of one device, which are numbered without a gap."""
        self.first = points[0].number
        self.numbers = np.full(len(points), np.nan)
        self.others: dict[int, str | int | None] = {}
        """What is no number, such as the name of a state, by row."""

    def rows(self, points: Sequence[BoundPoint]) -> NDArray[np.int64]:
        """Where some of the points stand here."""
        return np.array([bound.number - self.first for bound in points], dtype=np.int64)

    def note(self, raws: Iterable[tuple[int, object]]) -> None:
        """Keep what is no number, by row."""
        for row, raw in raws:
            self.others[row] = raw[:LONGEST] if isinstance(raw, str) else raw if isinstance(raw, int) else None

    def of(self, row: int) -> float | int | str | bool | None:
        """A raw value as JSON has it; ``None`` where there was none."""
        number = float(self.numbers[row])
        if isfinite(number):
            return int(number) if number.is_integer() and abs(number) < 2.0**53 else number
        return self.others.get(row)


_keeper: ContextVar[RawValues | None] = ContextVar("raw_values", default=None)


def keeper() -> RawValues | None:
    """Where converters that are made now keep their raw values."""
    return _keeper.get()


@contextmanager
def kept_in(values: RawValues) -> Iterator[None]:
    """An adapter that is built, and one that is started, in this block keeps its raw values there."""
    token = _keeper.set(values)
    try:
        yield
    finally:
        _keeper.reset(token)
