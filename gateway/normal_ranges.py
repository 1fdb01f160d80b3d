"""Where a signal lies while nothing is wrong, from what the site file says of packs and chargers. Pure."""

from config.site import Station

Range = tuple[float | None, float | None]
"""Least and most; ``None`` where there is no such limit."""

CELL_V = (2.5, 4.25)
"""From an empty iron-phosphate cell to a full nickel-manganese-cobalt one."""
PACK_VOLTAGE = (0.78, 1.17)
"""The same two cells, over their nominal voltages."""
WORN_OUT_SOH = 0.8
"""Below it a pack is by custom at the end of its life."""
COLDEST_CHARGE_C = 0.0
"""Lithium cells are not charged below freezing."""
MARGIN = 1.05
"""Ratings are met within a twentieth."""


def normal_range(station: Station, entity: str, signal: str) -> Range | None:
    """``None`` where no value says that something is wrong."""
    return (_of_slot(station) if entity == "slot" else _of_station(station)).get(signal)


def _of_slot(station: Station) -> dict[str, Range]:
    packs = (station.pack, *station.other_packs)
    least_v = PACK_VOLTAGE[0] * min(pack.nominal_voltage_v for pack in packs)
    most_v = PACK_VOLTAGE[1] * max(pack.nominal_voltage_v for pack in packs)
    power_w = MARGIN * station.charger.power_w
    return {
        "soc": (0.0, 1.0),
        "soh": (WORN_OUT_SOH, None),
        "temperature_c": (COLDEST_CHARGE_C, station.spec().thermal.derate_above_c),
        "power_w": (0.0, power_w),
        "voltage_v": (least_v, most_v),
        "current_a": (0.0, power_w / least_v),
        "capacity_wh": (
            WORN_OUT_SOH * min(pack.capacity_wh for pack in packs),
            MARGIN * max(pack.capacity_wh for pack in packs),
        ),
        "cell_voltage_min_v": CELL_V,
        "cell_voltage_max_v": CELL_V,
        "fault_bits": (0.0, 0.0),
        "pack_fault_bits": (0.0, 0.0),
    }


def _of_station(station: Station) -> dict[str, Range]:
    return {
        "power_w": (0.0, station.grid_limit_w),
        "temperature_c": (COLDEST_CHARGE_C, station.spec().thermal.derate_above_c),
        "fault_bits": (0.0, 0.0),
    }
