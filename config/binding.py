"""From site and profiles to numbered points: every signal of every device, with its address filled in."""

from dataclasses import dataclass
from pathlib import Path

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
    """Modbus: zero-based PDU address, or the offset in a SunSpec model while ``model`` is set. OPC UA: node id. MQTT:
    topic. Sparkplug: metric name. Tower: attribute id."""
    field: str | None
    interval_s: float
    max_age_s: float
    unit_id: int = 1
    """Modbus: the unit that has the point."""
    scale_address: int | None = None
    """Modbus: where its exponent stands, counted as ``address`` is."""
    write_address: int | None = None
    """Modbus: where it is written, counted as ``address`` is; ``None`` where it may not be."""
    model: int | None = None
    """The SunSpec model whose place must be discovered before anything can be read."""
    instance: int = 0
    """Which of several such models in the chain it is."""

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
    pki: Path
    """Folder of certificates and keys that are made or remembered."""

    @property
    def id(self) -> str:
        """Unique in the site, for example ``S006/chargers``."""
        return f"{self.station.id}/{self.device.id}"

    def fill(self, template: str) -> str:
        """A template of the profile without slot fields, filled in for this device."""
        return template.format(site=self.site, station=self.station.id, device=self.device.id, slot="", index="")

    def fill_for(self, bound: BoundPoint, template: str) -> str:
        """A template of the profile, filled in for one of this device's points."""
        index = self.station.slots_of(self.device).index(bound.slot) + 1 if bound.slot is not None else ""
        return template.format(
            site=self.site, station=self.station.id, device=self.device.id, slot=bound.slot or "", index=index
        )


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
            pki = site.gateway.data / "pki"
            bound.append(BoundDevice(len(bound), site.site, station, device, profile, tuple(points), pki))
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
    address: int | str
    scale_address = write_address = None
    if isinstance(point.address, int):
        shift = (point.stride or 0) * (index - 1) - (profile.address_base if point.model is None else 0)
        address = point.address + shift
        if point.scale_register is not None:
            base = profile.address_base if point.model is None else 0
            scale_address = point.scale_register - base + point.scale_stride * (index - 1)
        if point.write is not None:
            write_address = address if point.write.address is None else point.write.address + shift
    else:
        address = point.address.format(**names)
    unit_id = device.unit_id + (profile.unit_stride or 0) * (index - 1)
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
        unit_id=unit_id if point.unit_id is None else point.unit_id,
        scale_address=scale_address,
        write_address=write_address,
        model=point.model,
        instance=index - 1 if slot is not None and point.stride is None else 0,
    )
