"""From site and profiles to numbered points: every signal of every device, with its address filled in."""

from dataclasses import dataclass

from config.profile import Point, Profile
from config.site import Device, Site, Station
from twin.signals import Signal, path


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point of one device. ``number`` is its row in the process image."""

    number: int
    path: str
    station: str
    slot: int | None
    point: Point
    address: int | str
    """Modbus: zero-based PDU address. OPC UA: node id. MQTT: topic. Tower: attribute id."""
    field: str | None
    interval_s: float
    max_age_s: float

    @property
    def signal(self) -> Signal:
        return self.point.definition


@dataclass(frozen=True, slots=True)
class BoundDevice:
    """A device with all its points. ``number`` counts devices over the whole site."""

    number: int
    site: str
    station: Station
    device: Device
    profile: Profile
    points: tuple[BoundPoint, ...]

    @property
    def id(self) -> str:
        """Unique in the site, for example ``S006/chargers``."""
        return f"{self.station.id}/{self.device.id}"

    def fill(self, template: str) -> str:
        """A template of the profile without slot fields, filled in for this device."""
        return template.format(site=self.site, station=self.station.id, device=self.device.id, slot="", index="")


def bind(site: Site, profiles: dict[str, Profile]) -> list[BoundDevice]:
    """Number all points of a site. The order is that of the site file, so numbers are stable."""
    bound: list[BoundDevice] = []
    next_point = 0
    for station in site.stations:
        for device in station.devices:
            profile = profiles[device.profile]
            points: list[BoundPoint] = []
            for point in profile.points:
                slots: tuple[int | None, ...] = (None,) if point.entity == "station" else station.slots_of(device)
                for index, slot in enumerate(slots, start=1):
                    points.append(_point(next_point, site, station, device, profile, point, slot, index))
                    next_point += 1
            bound.append(BoundDevice(len(bound), site.site, station, device, profile, tuple(points)))
    return bound


def _point(
    number: int,
    site: Site,
    station: Station,
    device: Device,
    profile: Profile,
    point: Point,
    slot: int | None,
    index: int,
) -> BoundPoint:
    names = {
        "site": site.site,
        "station": station.id,
        "device": device.id,
        "slot": slot or "",
        "index": index,
    }
    if isinstance(point.address, int):
        address: int | str = point.address - profile.address_base + (point.stride or 0) * (index - 1)
    else:
        address = point.address.format(**names)
    interval_s = profile.interval_of(point)
    max_age_s = profile.max_age_of(point)
    if device.interval_s is not None and point.poll_group == "default":
        interval_s = device.interval_s
        max_age_s = point.max_age_s or 3.0 * interval_s
    return BoundPoint(
        number=number,
        path=path(station.id, point.signal, slot),
        station=station.id,
        slot=slot,
        point=point,
        address=address,
        field=point.field.format(**names) if point.field else None,
        interval_s=interval_s,
        max_age_s=max_age_s,
    )
