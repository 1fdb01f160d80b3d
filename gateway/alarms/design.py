"""Suppression by design: which alarms say nothing more while another one says why."""

from collections.abc import Iterator

from config.alarm_catalogue import CATALOGUE
from gateway.alarms.site import Source, device_path

AWAY, ALL_AWAY = "device_away", "connection_away"
_BY_SAME = {
    "pack_hot": ("pack_overheated",),
    "pack_unlocked": ("door_left_open",),
    "charger_warning": ("charger_fault",),
    "charger_degraded": ("charger_fault",),
    "soc_sensor_drift": ("charger_fault",),
    "stockout_expected": ("stockout",),
    "values_stale": ("values_frozen",),
}
"""Alarms that another one of the same source explains."""
_BY_STATION = {
    "charger_fault": ("mains_lost",),
    "charger_warning": ("mains_lost",),
    "charger_degraded": ("mains_lost",),
    "cabinet_fault": ("mains_lost",),
    "station_power_mismatch": ("mains_lost",),
}
"""Alarms that one of their station explains."""
EXPLAINING = frozenset({AWAY, ALL_AWAY}).union(*_BY_SAME.values(), *_BY_STATION.values())
"""Conditions that explain others."""


def suppressing() -> dict[str, tuple[str, ...]]:
    """Besides a device's being away: by condition, those that suppress it."""
    return {name: _BY_SAME.get(name, ()) + _BY_STATION.get(name, ()) for name in {**_BY_SAME, **_BY_STATION}}


def explained_by(condition: str, source: Source, devices: tuple[str, ...]) -> frozenset[str]:
    """Ids of the alarms that explain one. ``devices``: those without which nothing is known of it."""
    return frozenset(_explaining(condition, source, devices))


def _explaining(condition: str, source: Source, devices: tuple[str, ...]) -> Iterator[str]:
    # A fire that takes the network with it is still a fire.
    if CATALOGUE[condition].group != "safety":
        for device in devices:
            yield f"{device_path(device)}.{AWAY}"
    for other in _BY_SAME.get(condition, ()):
        yield f"{source.path}.{other}"
    for other in _BY_STATION.get(condition, ()):
        yield f"{source.station}.{other}"
