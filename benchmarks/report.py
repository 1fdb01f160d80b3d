"""What a benchmark hands over, and the figures that all of them need."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as RichTable

Cell = str | float | int | None

CALIBRATION_ROUNDS = 5


@dataclass(frozen=True)
class Table:
    """Rows of figures; the first column names what was measured. ``notes`` say how to read them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def show(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left")
        for number, name in enumerate(self.columns):
            table.add_column(name, justify="left" if number == 0 else "right")
        for row in self.rows:
            table.add_row(*(shown(cell) for cell in row))
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}")
        console.print()


@dataclass(frozen=True)
class Outcome:
    """All that one benchmark measured."""

    tables: Sequence[Table]
    seconds: float
    calibration: tuple[float, float]
    """``calibrate`` just before and just after."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def shown(cell: Cell) -> str:
    """A figure with three significant digits.

    >>> [shown(cell) for cell in (None, 3, 0.01234, 123456.7, "bare")]
    ['-', '3', '0.0123', '123,457', 'bare']
    """
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100.0 else f"{cell:.3g}"
    return str(cell)


def quantile(values: Sequence[float], share: float) -> float:
    """A quantile, NaN of nothing."""
    return float(np.quantile(values, share)) if len(values) else float("nan")


def median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def calibrate() -> float:
    """The machine's speed right now: thousands of turns a second of a fixed pure Python loop; the best of a few."""
    best = float("inf")
    for _ in range(CALIBRATION_ROUNDS):
        begun = time.perf_counter()
        total = 0
        for number in range(200_000):
            total += number & 7
        best = min(best, time.perf_counter() - begun)
    return 200.0 / best


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"
