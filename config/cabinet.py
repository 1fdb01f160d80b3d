"""The front of a station as on its doors: in which row and column each slot stands."""

from dataclasses import dataclass
from math import ceil, isqrt
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from config.slots import parse_slots
from config.strict import Strict

MOST_ROWS = 8
"""Rows of a cabinet whose form is not given: nobody reaches higher."""

Row = tuple[int | None, ...]


class Cabinet(Strict):
    """One cabinet's doors. Either drawn, slot by slot (``cells``), or told by its columns and how they are numbered."""

    name: str = ""
    """What stands on the cabinet."""
    slots: str | None = None
    """The station's slots in it, in the order of their numbering; default: those that no cabinet before has."""
    columns: Annotated[int, Field(ge=1, le=100)] | None = None
    """Doors beside each other; default: about as many as stand above each other."""
    rows: Annotated[int, Field(ge=1, le=100)] | None = None
    """Default: as many as the slots need."""
    numbering: Literal["rows", "columns"] = "rows"
    """Whether numbers run along the rows or along the columns."""
    first: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-left"
    """The corner in which the numbering begins."""
    gaps: tuple[tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]], ...] = ()
    """Places (row, column; counted from 1, from the top left) without a slot, such as a screen's."""
    cells: Annotated[tuple[Row, ...], Field(min_length=1, max_length=100)] | None = None
    """Slot numbers row by row from the top, ``null`` where there is none, for a numbering that follows no rule."""

    @field_validator("slots")
    @classmethod
    def _slots(cls, slots: str | None) -> str | None:
        if slots is not None:
            parse_slots(slots)
        return slots

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cells is None:
            return self
        others = sorted(self.model_fields_set - {"name", "cells"})
        if others:
            raise ValueError(f"'cells' says it all: leave out {', '.join(others)}")
        if len({len(row) for row in self.cells}) != 1 or not self.cells[0]:
            raise ValueError("all rows of 'cells' have the same length: write null where there is no slot")
        return self

    def front(self, left: tuple[int, ...]) -> tuple[Row, ...]:
        """Its doors, row by row from the top. ``left``: the station's slots that no cabinet before has.

        Raises ``ValueError`` where they have no place.
        """
        if self.cells is not None:
            return self.cells
        slots = parse_slots(self.slots) if self.slots else left
        count = len(slots) + len(self.gaps)
        columns = self.columns or (ceil(count / self.rows) if self.rows else _columns(count))
        rows = self.rows or ceil(count / columns)
        for row, column in self.gaps:
            if row > rows or column > columns:
                raise ValueError(f"the gap at row {row}, column {column} lies outside {rows} rows, {columns} columns")
        if len(set(self.gaps)) != len(self.gaps):
            raise ValueError("a gap is listed twice")
        if rows * columns - len(self.gaps) < len(slots):
            places = rows * columns - len(self.gaps)
            raise ValueError(f"{len(slots)} slots do not fit into {rows} rows, {columns} columns: {places} places")
        grid: list[list[int | None]] = [[None] * columns for _ in range(rows)]
        gaps = {(row - 1, column - 1) for row, column in self.gaps}
        places_in_order = [place for place in self._order(rows, columns) if place not in gaps]
        for slot, (row, column) in zip(slots, places_in_order, strict=False):
            grid[row][column] = slot
        return tuple(map(tuple, grid))

    def _order(self, rows: int, columns: int) -> list[tuple[int, int]]:
        down = list(range(rows)) if self.first.startswith("top") else list(reversed(range(rows)))
        along = list(range(columns)) if self.first.endswith("left") else list(reversed(range(columns)))
        if self.numbering == "rows":
            return [(row, column) for row in down for column in along]
        return [(row, column) for column in along for row in down]


def _columns(count: int) -> int:
    return max(isqrt(count), ceil(count / MOST_ROWS), 1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A cabinet within the station's front; ``column`` counts from 0."""

    name: str
    column: int
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Front:
    """All cabinets beside each other, from left to right, standing on one floor."""

    cells: tuple[Row, ...]
    cabinets: tuple[Placed, ...]


def front(cabinets: tuple[Cabinet, ...], slots: int) -> Front:
    """The front of a station with so many slots. Raises ``ValueError`` where cabinets and slots do not fit."""
    left = tuple(range(1, slots + 1))
    fronts: list[tuple[Row, ...]] = []
    for cabinet in cabinets or (Cabinet(),):
        fronts.append(cabinet.front(left))
        here = {cell for row in fronts[-1] for cell in row}
        left = tuple(slot for slot in left if slot not in here)
    _check([cell for cells in fronts for row in cells for cell in row if cell is not None], slots)
    height = max(len(cells) for cells in fronts)
    padded = [((None,) * len(cells[0]),) * (height - len(cells)) + cells for cells in fronts]
    placed, column = [], 0
    for cabinet, cells in zip(cabinets or (Cabinet(),), fronts, strict=True):
        placed.append(Placed(cabinet.name, column, len(cells[0]), len(cells)))
        column += len(cells[0])
    rows = tuple(tuple(cell for cells in padded for cell in cells[row]) for row in range(height))
    return Front(rows, tuple(placed))


def _check(shown: list[int], slots: int) -> None:
    beyond = [slot for slot in shown if not 1 <= slot <= slots]
    if beyond:
        raise ValueError(f"slot {beyond[0]} is beyond the station's {slots} slots")
    if len(set(shown)) != len(shown):
        twice = next(slot for slot in shown if shown.count(slot) > 1)
        raise ValueError(f"slot {twice} stands in two places")
    missing = sorted(set(range(1, slots + 1)) - set(shown))
    if missing:
        raise ValueError(f"slot {missing[0]} has no place in 'cabinets'")
