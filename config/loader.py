"""Load a site file with everything it names, or say everything that is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.binding import BoundDevice, bind
from config.document import Document, Place, key_of, read, validate
from config.errors import ConfigError, Problem
from config.profile import Point, Profile, Strict, profile_problems
from config.site import SCHEMES, SERIAL, Demand, Device, Site, Station
from config.sparkplug import path_id
from config.tower import login_problems

LAST_REGISTER = 65_535
LAST_UNIT = 255
CERTIFICATES = ("certificate", "private_key", "server_certificate")
"""Keys of a device that name files; relative ones start at the site file's folder."""

BUNDLED = Path(str(files("config")))


class DayShape(Strict):
    """A named shape of a day's demand: 48 numbers, one a half hour of local time, and where they come from."""

    shape: str
    title: str
    source: str
    half_hourly: Annotated[tuple[Annotated[float, Field(ge=0.0)], ...], Field(min_length=48, max_length=48)]


@dataclass(frozen=True, slots=True)
class LoadedSite:
    """A site that has been checked as a whole."""

    file: Path
    site: Site
    profiles: dict[str, Profile]
    shapes: dict[str, tuple[float, ...]]

    def bind(self) -> list[BoundDevice]:
        """All devices of the site with their points numbered."""
        return bind(self.site, self.profiles)

    def half_hourly(self, demand: Demand) -> tuple[float, ...]:
        """The 48 numbers of a demand's day, wherever they stand."""
        return demand.half_hourly if demand.half_hourly is not None else self.shapes[str(demand.profile)]

    def problem(self, device: BoundDevice, message: str) -> Problem:
        """Something that is wrong with a device, with its place in the site file. Reads the file."""
        station = next(n for n, station in enumerate(self.site.stations) if station.id == device.station.id)
        place = ("stations", station, "devices", device.station.devices.index(device.device))
        return read(self.file).problem(place, message, "Correct the device's profile or its slots")

    def resolve(self, file: Path) -> Path:
        """A path of the site file; relative ones start at the site file's folder."""
        return file if file.is_absolute() else self.file.parent / file


def bundled_site(name: str) -> Path:
    """The path of a site file that comes with swaptwin."""
    return BUNDLED / "sites" / f"{name}.yaml"


def load_site(file: Path) -> LoadedSite:
    """Read and check a site file and all that it names. Raises ``ConfigError`` with every problem found."""
    document = read(file)
    if not isinstance(document.data, dict):
        raise ConfigError([document.problem((), "is not a mapping of keys", "See docs/reference/site-file.md")])
    site, problems = validate(Site, document)
    problems += document.problems
    profiles: dict[str, Profile] = {}
    shapes: dict[str, tuple[float, ...]] = {}
    for place in document.lines:
        match place:
            case ("stations", int(), "devices", int(), "profile"):
                problems += _load_profile(document, place, profiles)
            case ("stations", int(), "demand", "profile") | ("stations", int(), "emulation", "demand", "profile"):
                problems += _load_shape(document, place, shapes)
    stations = _valid_stations(document)
    problems += _between_stations(document, stations)
    problems += _on_serial_lines(document, stations)
    problems += login_problems(document, stations)
    for place, station in stations:
        problems += _within_station(document, place, station, profiles)
    if problems or site is None:
        raise ConfigError(problems)
    return LoadedSite(file, _with_absolute_files(site, file.parent), profiles, shapes)


def _with_absolute_files(site: Site, folder: Path) -> Site:
    """The site with its devices' certificates where they are, seen from anywhere."""
    stations = []
    for station in site.stations:
        devices = [
            device.model_copy(
                update={key: folder / path for key in CERTIFICATES if (path := getattr(device, key)) is not None}
            )
            for device in station.devices
        ]
        stations.append(station.model_copy(update={"devices": tuple(devices)}))
    return site.model_copy(update={"stations": tuple(stations)})


def load_profile(file: Path) -> Profile:
    """Read and check a device profile. Raises ``ConfigError`` with every problem found."""
    document = read(file)
    profile, problems = validate(Profile, document)
    problems += document.problems
    if profile is not None:
        problems += [document.problem(place, message, remedy) for place, message, remedy in profile_problems(profile)]
    if problems or profile is None:
        raise ConfigError(problems)
    return profile


def _valid_stations(document: Document) -> list[tuple[Place, Station]]:
    """Stations that are right in themselves: what is wrong between them is worth saying even if others fail."""
    listed = document.data.get("stations")
    if not isinstance(listed, list):
        return []
    stations: list[tuple[Place, Station]] = []
    for number, data in enumerate(listed):
        station, _ = validate(Station, document, ("stations", number), data)
        if station is not None:
            stations.append((("stations", number), station))
    return stations


def _find(document: Document, folder: str, name: str) -> Path | None:
    """A file by path (with .yaml), beside the site file, or among those that come with swaptwin."""
    here = document.file.parent
    candidates = (
        [here / name]
        if name.endswith((".yaml", ".yml"))
        else [here / folder / f"{name}.yaml", BUNDLED / folder / f"{name}.yaml"]
    )
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _known(document: Document, folder: str) -> str:
    places = (document.file.parent / folder, BUNDLED / folder)
    return ", ".join(sorted({file.stem for place in places if place.is_dir() for file in place.glob("*.yaml")}))


def _load_profile(document: Document, place: Place, profiles: dict[str, Profile]) -> list[Problem]:
    name = document.at(place)
    if not isinstance(name, str) or name in profiles:
        return []
    file = _find(document, "profiles", name)
    if file is None:
        remedy = f"Known: {_known(document, 'profiles')}; or give the path of a .yaml file"
        return [document.problem(place, f"unknown profile {name!r}", remedy)]
    try:
        profiles[name] = load_profile(file)
    except ConfigError as error:
        return error.problems
    return []


def _load_shape(document: Document, place: Place, shapes: dict[str, tuple[float, ...]]) -> list[Problem]:
    name = document.at(place)
    if not isinstance(name, str) or name in shapes:
        return []
    file = _find(document, "demand", name)
    if file is None:
        remedy = f"Known: {_known(document, 'demand')}; or give 48 numbers under half_hourly"
        return [document.problem(place, f"unknown demand profile {name!r}", remedy)]
    try:
        shape_document = read(file)
    except ConfigError as error:
        return error.problems
    shape, problems = validate(DayShape, shape_document)
    problems += shape_document.problems
    if shape is not None:
        shapes[name] = shape.half_hourly
    return problems


def _between_stations(document: Document, stations: list[tuple[Place, Station]]) -> list[Problem]:
    problems: list[Problem] = []
    first: dict[str, Place] = {}
    for place, station in stations:
        earlier = first.setdefault(station.id, place)
        if earlier is not place:
            message = f"{station.id!r} is already the id of {key_of(earlier)}"
            problems.append(document.problem((*place, "id"), message, "Give each station an id of its own"))
    return problems


def _on_serial_lines(document: Document, stations: list[tuple[Place, Station]]) -> list[Problem]:
    """Devices on one serial line speak at one speed."""
    problems: list[Problem] = []
    first: dict[str, tuple[Place, Device]] = {}
    for place, station in stations:
        for number, device in enumerate(station.devices):
            if device.scheme != SERIAL:
                continue
            here = (*place, "devices", number)
            where, earlier = first.setdefault(device.where, (here, device))
            for key in ("baudrate", "parity", "stop_bits"):
                ours, theirs = getattr(device, key), getattr(earlier, key)
                if ours != theirs:
                    at = (*here, key if key in device.model_fields_set else "url")
                    message = f"{key} is {ours} here, but {theirs} for {key_of(where)} on the same line"
                    problems.append(document.problem(at, message, "Give all devices of a line the same"))
    return problems


def _within_station(document: Document, place: Place, station: Station, profiles: dict[str, Profile]) -> list[Problem]:
    problems: list[Problem] = []
    ids: set[str] = set()
    providers: dict[tuple[str, int | None], str] = {}
    try:
        station.front()
    except ValueError as error:
        remedy = "Give every slot of the station one place"
        problems.append(document.problem((*place, "cabinets"), str(error), remedy))
    for number, device in enumerate(station.devices):
        here = (*place, "devices", number)
        if device.id in ids:
            message = f"{device.id!r} is already the id of another device of {station.id}"
            problems.append(document.problem((*here, "id"), message, "Give each device an id of its own"))
        ids.add(device.id)
        slots = station.slots_of(device)
        beyond = [slot for slot in slots if slot > station.slots]
        if beyond:
            message = f"slot {beyond[0]} is beyond the station's {station.slots} slots"
            problems.append(document.problem((*here, "slots"), message, "Correct 'slots' of device or station"))
        for key in CERTIFICATES:
            path = getattr(device, key)
            if path is not None and not (document.file.parent / path).is_file():
                remedy = "Correct the path; it starts at the site file's folder"
                problems.append(document.problem((*here, key), f"there is no file {path}", remedy))
        profile = profiles.get(device.profile)
        if profile is None:
            continue
        if profile.protocol not in SCHEMES[device.scheme]:
            message = f"scheme does not fit profile {profile.profile!r}, which speaks {profile.protocol}"
            problems.append(document.problem((*here, "url"), message, f"Use {_scheme_of(profile.protocol)}://"))
        if profile.protocol == "sparkplug":
            try:
                path_id(device.url)
            except ValueError as error:
                remedy = "Write mqtt://HOST:PORT/GROUP/EDGE_NODE or .../GROUP/EDGE_NODE/DEVICE, or leave out the path"
                problems.append(document.problem((*here, "url"), str(error), remedy))
        problems += _double_provision(document, here, device.id, profile, slots, providers)
        problems += _beyond_address_space(document, here, profile, len(slots))
        problems += _beyond_units(document, here, profile, device.unit_id, len(slots))
    return problems


def _double_provision(
    document: Document,
    here: Place,
    device: str,
    profile: Profile,
    slots: tuple[int, ...],
    providers: dict[tuple[str, int | None], str],
) -> list[Problem]:
    """Two devices must not report the same signal: nobody could say which one is right."""
    for point in profile.points:
        targets: tuple[int | None, ...] = (None,) if point.entity == "station" else slots
        for slot in targets:
            other = providers.setdefault((point.signal, slot), device)
            if other != device:
                where = "" if slot is None else f" of slot {slot}"
                message = f"{point.signal}{where} already comes from device {other!r}"
                return [document.problem((*here, "profile"), message, "Remove the point from one of the profiles")]
    return []


def _beyond_address_space(document: Document, here: Place, profile: Profile, slots: int) -> list[Problem]:
    """Modbus registers end at 65535; with many slots and a wide stride a map can run past that."""
    if profile.protocol != "modbus":
        return []
    problems = []
    for point in profile.points:
        if not isinstance(point.address, int) or point.model is not None:
            continue
        steps = slots - 1 if point.entity == "slot" else 0
        for what, first, last in _spans(point, profile, steps):
            if first < 0 or last > LAST_REGISTER:
                message = f"{what} of profile {profile.profile!r} would lie at registers {first} to {last}"
                problems.append(
                    document.problem((*here, "slots"), message, "Correct slots, or address_base or stride there")
                )
    return problems


def _spans(point: Point, profile: Profile, steps: int) -> Iterator[tuple[str, int, int]]:
    """All that a point has in the address space, from the first slot to the last: what, first and last register."""
    width = (point.register_count - 1) * profile.address_step
    moves = (point.stride or 0) * steps
    base = profile.address_base
    first = int(point.address) - base
    yield point.signal, first, first + moves + width
    if point.scale_register is not None:
        first = point.scale_register - base
        yield f"scale_register of {point.signal}", first, first + point.scale_stride * steps
    if point.write is not None and point.write.address is not None:
        first = point.write.address - base
        yield f"write.address of {point.signal}", first, first + moves + width


def _beyond_units(document: Document, here: Place, profile: Profile, first: int, slots: int) -> list[Problem]:
    """Modbus units end at 255; with a unit for each slot a device can run past that."""
    last = first + (profile.unit_stride or 0) * (slots - 1)
    if last <= LAST_UNIT:
        return []
    message = f"with unit_stride {profile.unit_stride} the last of {slots} slots would be unit {last}"
    return [document.problem((*here, "slots"), message, f"Units end at {LAST_UNIT}: correct slots or unit_id")]


def _scheme_of(protocol: str) -> str:
    return next(scheme for scheme, spoken in SCHEMES.items() if protocol in spoken)
