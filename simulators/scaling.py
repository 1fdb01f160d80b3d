"""Which exponents a device with scale registers uses: the finest that hold what its station can show."""

import math

from config.binding import BoundPoint
from config.site import Station

STEPS = {"W": 1.0, "V": 0.01, "A": 0.01, "1": 1e-4, "C": 0.1, "Wh": 1.0, "Hz": 0.01}
"""The resolution that a device is built for, by the unit of the signal."""
CELL_STEP_V = 0.001
LIMITS = {"u16": 65_534, "i16": 32_767, "u32": 2**32 - 2, "i32": 2**31 - 1, "u64": 2**53, "i64": 2**53}
MARGIN = 1.3


def exponent(points: list[BoundPoint], station: Station) -> int:
    """The exponent of ten in a scale register that these points share."""
    return max(_exponent(bound, station) for bound in points)


def _exponent(bound: BoundPoint, station: Station) -> int:
    signal, scale = bound.signal, abs(bound.point.scale)
    step = CELL_STEP_V if signal.name.startswith("cell_") else STEPS.get(signal.unit, 1.0)
    power = max(-9, math.ceil(math.log10(step / scale) - 1e-9))
    limit = LIMITS.get(bound.point.type or "u16", math.inf)
    while power < 9 and _most(bound, station) / scale / 10.0**power > limit:
        power += 1
    return power


def _most(bound: BoundPoint, station: Station) -> float:
    """The largest value that the station can show of a signal."""
    packs = (station.pack, *station.other_packs)
    power_w = station.charger.power_w if bound.slot is not None else station.grid_limit_w
    volts = max(pack.nominal_voltage_v for pack in packs) if bound.slot is not None else 300.0
    lowest_v = min(pack.nominal_voltage_v for pack in packs) if bound.slot is not None else 230.0
    match bound.signal.name:
        case "power_w" | "power_limit_w" | "grid_limit_w":
            return MARGIN * power_w
        case "current_a" | "current_limit_a":
            return MARGIN * MARGIN * power_w / lowest_v
        case "voltage_v":
            return MARGIN * volts
        case "capacity_wh":
            return MARGIN * max(pack.capacity_wh for pack in packs)
        case "energy_wh":
            return 1e9
    return bound.signal.maximum
