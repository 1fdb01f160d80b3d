"""What ``swaptwin check`` prints: the site as it was understood, and how each device would be read."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from config.binding import BoundDevice
from config.document import read
from config.loader import LoadedSite, load_profile
from gateway.read_plan import read_plan

WANTED = ("occupied", "charger_state", "soc")
"""Slot signals without which a station can be watched only in part."""
INSTEAD = {
    "occupied": "a slot with a SoC is taken to hold a pack, and one whose device has none to be empty",
    "charger_state": "a pack is taken to charge while its charger gives power or, without that, its SoC is not full",
    "soc": "it will be shown as not configured",
}
"""What is done where a signal is missing."""


def is_profile(file: Path) -> bool:
    """Whether a file is a device profile rather than a site. Raises ``ConfigError`` where it cannot be read."""
    data = read(file).data
    return isinstance(data, dict) and "profile" in data and "stations" not in data


def describe_profile(file: Path) -> RenderableType:
    """A profile by itself, in one line. Raises ``ConfigError`` with everything that is wrong."""
    profile = load_profile(file)
    slots = sum(point.entity == "slot" for point in profile.points)
    return Text(
        f"{file}: profile {profile.profile!r} is right: {profile.protocol}, {slots} signals a slot, "
        f"{len(profile.points) - slots} of the station"
    )


def describe(loaded: LoadedSite) -> Iterator[RenderableType]:
    """The site's stations and devices, the read plans, and what is missing for a full picture."""
    site, devices = loaded.site, loaded.bind()
    points = sum(len(device.points) for device in devices)
    yield Text(
        f"{loaded.file}: site {site.site!r} is right: {len(site.stations)} stations, {len(devices)} devices, "
        f"{points} points, time zone {site.timezone}"
    )
    yield _devices(devices)
    for device in devices:
        yield Text("\n".join(read_plan(device)))
    yield from (Text(note, style="yellow") for note in _notes(devices, loaded))


def _devices(devices: list[BoundDevice]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("device", "profile", "address", "slots"):
        table.add_column(title, overflow="fold")
    for title in ("points", "interval", "stale after"):
        table.add_column(title, justify="right")
    for device in devices:
        ages = sorted({point.max_age_s for point in device.points})
        intervals = sorted({point.interval_s for point in device.points})
        table.add_row(
            device.id,
            device.profile.profile,
            device.device.url,
            device.device.slots or f"1-{device.station.slots}",
            str(len(device.points)),
            _span(intervals),
            _span(ages),
        )
    return table


def _span(seconds: list[float]) -> str:
    first, last = seconds[0], seconds[-1]
    return f"{first:g} s" if first == last else f"{first:g}-{last:g} s"


def _notes(devices: list[BoundDevice], loaded: LoadedSite) -> Iterator[str]:
    for station in loaded.site.stations:
        told = {
            (point.point.signal, point.slot)
            for device in devices
            if device.station.id == station.id
            for point in device.points
        }
        for signal in WANTED:
            missing = [slot for slot in range(1, station.slots + 1) if (signal, slot) not in told]
            if missing:
                slots = "every slot" if len(missing) == station.slots else f"slots {', '.join(map(str, missing))}"
                yield f"note: {station.id}: no device tells {signal!r} of {slots}; {INSTEAD[signal]}"
        if station.demand is None:
            yield f"note: {station.id}: no 'demand' is given; forecasts start from a wide assumption"
