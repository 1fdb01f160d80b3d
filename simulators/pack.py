"""A battery pack as an equivalent circuit: an open-circuit voltage behind one resistance, and one thermal mass."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

CELL_NOMINAL_V = 3.2
CELL_LIMIT_V = 3.45
"""Voltage at which a cell is held while the current tapers: the usual long-life limit of iron-phosphate cells."""

# Rest voltage of an iron-phosphate cell: steep at both ends, a plateau between.
OCV_SOC = (0.0, 0.02, 0.05, 0.10, 0.20, 0.40, 0.60, 0.80, 0.88, 0.93, 0.97, 1.0)
OCV_V = (2.60, 2.90, 3.05, 3.17, 3.22, 3.26, 3.29, 3.325, 3.353, 3.378, 3.410, 3.450)
_OCV_MEAN_V = sum(
    (v0 + v1) / 2.0 * (s1 - s0) for (s0, s1), (v0, v1) in zip(pairwise(OCV_SOC), pairwise(OCV_V), strict=True)
)

# Ohmic and slow polarisation resistance of a cell together. A separate RC pair would only move the first
# minutes of a charge of more than an hour, below what the telemetry resolves.
CELL_OHM_AH = 0.121
HEAT_CAPACITY_J_PER_K_WH = 5.4
COOLING_W_PER_K_WH = 0.002
RESISTANCE_GROWTH = 2.0
FADE_PER_CYCLE = 1e-4


def cell_ocv_v(soc: float) -> float:
    """Rest voltage of one cell at a state of charge (0-1), linear between the points of the curve."""
    right = min(max(bisect_right(OCV_SOC, soc), 1), len(OCV_SOC) - 1)
    left = right - 1
    part = (soc - OCV_SOC[left]) / (OCV_SOC[right] - OCV_SOC[left])
    return OCV_V[left] + part * (OCV_V[right] - OCV_V[left])


@dataclass(frozen=True, slots=True)
class PackClass:
    """What all packs of a kind share: energy when new (Wh) and nominal voltage (V)."""

    capacity_wh: float
    nominal_voltage_v: float
    rate_cap: tuple[tuple[float, float], ...] = ()
    """Points (SoC, C-rate in 1/h) of the most that its management system lets in; linear between, constant outside."""

    def most_c(self, soc: float) -> float:
        """The C-rate (1/h) that the management system lets in at a state of charge."""
        if not self.rate_cap:
            return math.inf
        right = bisect_right(self.rate_cap, (soc, math.inf))
        if right in (0, len(self.rate_cap)):
            return self.rate_cap[max(right - 1, 0)][1]
        (soc_0, rate_0), (soc_1, rate_1) = self.rate_cap[right - 1 : right + 1]
        return rate_0 + (soc - soc_0) / (soc_1 - soc_0) * (rate_1 - rate_0)

    @property
    def cells(self) -> int:
        """Cells in series."""
        return max(1, round(self.nominal_voltage_v / CELL_NOMINAL_V))

    @property
    def charge_ah(self) -> float:
        """Charge of a new full pack, such that its energy at rest voltage is ``capacity_wh``."""
        return self.capacity_wh / (self.cells * _OCV_MEAN_V)

    @property
    def limit_v(self) -> float:
        """Voltage that a charger must not exceed."""
        return self.cells * CELL_LIMIT_V


class Pack:
    """One pack. ``soc`` and ``soh`` are fractions; current is positive into the pack."""

    def __init__(
        self, kind: PackClass, serial: str, *, soc: float, soh: float, temperature_c: float, cycles: float
    ) -> None:
        self.kind = kind
        self.serial = serial
        self.soc = soc
        self.soh = soh
        self.temperature_c = temperature_c
        self.cycles = cycles
        self.heat_w = 0.0
        """Joule heat of the latest step."""

    @property
    def charge_ah(self) -> float:
        """Charge that the pack takes from empty to full, as it has aged."""
        return self.kind.charge_ah * self.soh

    @property
    def capacity_wh(self) -> float:
        """Usable energy of the full pack, as it has aged."""
        return self.kind.capacity_wh * self.soh

    @property
    def ocv_v(self) -> float:
        return self.kind.cells * cell_ocv_v(self.soc)

    @property
    def resistance_ohm(self) -> float:
        ageing = 1.0 + RESISTANCE_GROWTH * (1.0 - self.soh)
        return self.kind.cells * CELL_OHM_AH / self.kind.charge_ah * ageing

    def voltage_v(self, current_a: float) -> float:
        """Voltage at the terminals at a current."""
        return self.ocv_v + current_a * self.resistance_ohm

    def step(self, current_a: float, ambient_c: float, seconds: float) -> None:
        """Let a current flow for a time much shorter than any of the pack's time constants."""
        self.heat_w = current_a * current_a * self.resistance_ohm
        charge = current_a * seconds / 3600.0 / self.charge_ah
        self.soc = min(max(self.soc + charge, 0.0), 1.0)
        self._age(abs(charge) / 2.0)
        loss_w = COOLING_W_PER_K_WH * self.kind.capacity_wh * (self.temperature_c - ambient_c)
        self.temperature_c += (self.heat_w - loss_w) * seconds / (HEAT_CAPACITY_J_PER_K_WH * self.kind.capacity_wh)

    def ride(self, soc: float, temperature_c: float) -> None:
        """Come back from a rider with less charge."""
        self._age(max(self.soc - soc, 0.0) / 2.0)
        self.soc = soc
        self.temperature_c = temperature_c

    def _age(self, cycles: float) -> None:
        self.cycles += cycles
        self.soh = max(self.soh - FADE_PER_CYCLE * cycles, 0.5)
