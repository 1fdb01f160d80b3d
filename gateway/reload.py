"""A changed site file at run time: what differs from the running one, and what cannot be changed without a restart."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from config.binding import BoundDevice
from config.document import Place, read
from config.errors import ConfigError
from config.loader import LoadedSite
from gateway.numbering import same

RELOADABLE = frozenset({"retention_days", "retention_mb", "forecast_interval_s", "replicas", "past_swaps"})
"""Keys of ``gateway`` that may change at run time; the others are what the process is built on."""
FIXED = ("site", "timezone")
"""Keys of the site itself that learned demand and addresses hang on."""


class ReloadRefusedError(Exception):
    """The site file cannot be read anew now, whatever it says; the text says why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids, each in the order of the site file that has them."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a new site file changes; devices by ids such as ``S006/chargers``.

    A device is unchanged where its adapter can go on, and a station where its twin can: its model is the same and every
    device of it is unchanged.
    """

    stations: Changes
    devices: Changes


def difference(
    running: LoadedSite, new: LoadedSite, before: Iterable[BoundDevice], after: Iterable[BoundDevice]
) -> Difference:
    """Between two site files, and the devices of both."""
    old_devices, new_devices = ({device.id: device for device in each} for each in (before, after))
    on = {name for name in new_devices.keys() & old_devices.keys() if same(old_devices[name], new_devices[name])}
    touched = {
        device.station.id
        for devices in (old_devices, new_devices)
        for name, device in devices.items()
        if name not in on
    }
    old_specs, new_specs = ({station.id: station.spec() for station in each.site.stations} for each in (running, new))
    same_stations = {name for name, spec in new_specs.items() if old_specs.get(name) == spec} - touched
    return Difference(_changes(old_specs, new_specs, same_stations), _changes(old_devices, new_devices, on))


def _changes(old: Mapping[str, Hashable], new: Mapping[str, Hashable], unchanged: set[str]) -> Changes:
    return Changes(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and name not in unchanged),
        unchanged=tuple(name for name in new if name in unchanged),
    )


def check_changeable(running: LoadedSite, new: LoadedSite) -> None:
    """Raise ``ConfigError`` with every key whose change needs a restart. Blocks."""
    old, now = running.site.gateway, new.site.gateway
    keys = [key for key in type(now).model_fields if key not in RELOADABLE]
    values: list[tuple[Place, object, object]] = [
        (("gateway", key), getattr(old, key), getattr(now, key)) for key in keys
    ]
    values += [((key,), getattr(running.site, key), getattr(new.site, key)) for key in FIXED]
    changed = [(place, before, after) for place, before, after in values if before != after]
    if not changed:
        return
    document = read(new.file)
    raise ConfigError(
        [
            document.problem(
                place,
                f"cannot be changed from {str(before)!r} to {str(after)!r} while the gateway runs",
                "Restart the gateway for it, or put the old value back",
            )
            for place, before, after in changed
        ]
    )
