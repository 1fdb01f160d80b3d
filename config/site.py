"""Site files: which stations and devices there are, and how they are emulated where there are none."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from config.alarms import AlarmRules, Rule, rules
from config.calendar import CalendarEntry
from config.profile import Strict
from twin.spec import ChargerSpec, PackSpec, StationSpec

Positive = Annotated[float, Field(gt=0.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]

SCHEMES: dict[str, tuple[str, ...]] = {
    "opc.tcp": ("opcua",),
    "modbus": ("modbus",),
    "modbus+rtu": ("modbus",),
    "modbus+serial": ("modbus",),
    "mqtt": ("mqtt", "sparkplug"),
    "tower": ("tower",),
}
"""The protocols that an address of each scheme may speak. ``modbus+rtu``: RTU frames over TCP, as converters send."""
DEFAULT_PORTS: dict[str, int] = {
    "opc.tcp": 4840,
    "modbus": 502,
    "modbus+rtu": 502,
    "mqtt": 1883,
    "tower": 7900,
}
SERIAL = "modbus+serial"
"""The scheme of a serial line: its URL has a device file instead of a host, for example ``modbus+serial:///dev/ttyS0``."""


class Demand(Strict):
    """How riders come: a day's shape (48 half hours, from a profile or given here) and swaps a day."""

    swaps_per_day: Annotated[float, Field(ge=0.0, le=100_000.0)]
    profile: str | None = None
    half_hourly: tuple[Annotated[float, Field(ge=0.0)], ...] | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if (self.profile is None) == (self.half_hourly is None):
            raise ValueError("give either 'profile' or 'half_hourly'")
        if self.half_hourly is not None and len(self.half_hourly) != 48:
            raise ValueError(f"'half_hourly' has {len(self.half_hourly)} numbers; a day has 48 half hours")
        return self


class Pack(Strict):
    """The class of packs that a station handles (twin.charging explains the constants)."""

    capacity_wh: Positive = 1500.0
    soc_infinity: Annotated[float, Field(gt=1.0, le=1.5)] = 1.02
    """Where the constant-voltage phase would end if it were never cut off."""
    tau_s: Positive = 720.0
    """Time constant of the constant-voltage phase."""
    nominal_voltage_v: Positive = 72.0
    rate_cap: tuple[tuple[Fraction, Positive], ...] = ()
    """Points (SoC, C-rate in 1/h) of the most that the pack takes, where it charges more slowly when fuller."""

    @field_validator("rate_cap")
    @classmethod
    def _rising(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
            raise ValueError("the points of 'rate_cap' must rise in SoC")
        return points

    def spec(self) -> PackSpec:
        """The class as the model sees it."""
        return PackSpec(self.capacity_wh, self.soc_infinity, self.tau_s, self.rate_cap)


class OtherPack(Pack):
    """A further class of packs at a station that handles several."""

    share: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Of the packs that riders bring."""


class Charger(Strict):
    power_w: Positive = 1200.0
    efficiency: Annotated[float, Field(gt=0.0, le=1.0)] = 0.94
    """Power into the pack over power from the grid."""


class EmulatedStation(Strict):
    """What the emulator needs beyond the station itself. The gateway never reads it."""

    packs: Annotated[int, Field(ge=0)] | None = None
    """Packs at start; default: one less than slots."""
    seed: int = 1
    demand: Demand | None = None
    """Default: the station's own expected demand."""
    arrivals: Path | None = None
    """A CSV file of ``station,time``; riders come at those times instead."""
    ambient_c: float = 28.0
    returned_soc: tuple[Fraction, Fraction] = (0.10, 0.40)


class Device(Strict):
    """One machine with an address. ``slots`` lists the station's slots that it serves, in its own order."""

    id: Identifier
    profile: str
    url: str
    slots: str | None = None
    unit_id: Annotated[int, Field(ge=0, le=255)] = 1
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] = 9600
    """Of a serial line, as are parity and stop bits."""
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    dev_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Tower: the ``devId`` with which the cabinet logs in; default: whoever logs in at the address is the cabinet."""
    interval_s: Annotated[float, Field(ge=0.05, le=3600.0)] | None = None
    correct_clock: bool = False
    """Whether source times are corrected by the measured skew of the device's clock."""
    username: str | None = None
    password_env: str | None = None
    """Name of the environment variable that holds the password: secrets do not belong in site files."""
    security: Literal["None", "Basic256Sha256", "Aes256Sha256RsaPss"] = "None"
    """OPC UA: the policy by which all messages are signed and encrypted."""
    certificate: Path | None = None
    """OPC UA: the gateway's application certificate, PEM or DER; default: one is made at the first need."""
    private_key: Path | None = None
    """OPC UA: the key of ``certificate``."""
    server_certificate: Path | None = None
    """OPC UA: the certificate that the server must show; default: the one that it shows first."""

    @model_validator(mode="after")
    def _secured(self) -> Self:
        if self.security != "None" and self.scheme != "opc.tcp":
            raise ValueError("'security' is for opc.tcp:// addresses")
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("'certificate' and 'private_key' belong together: give both or neither")
        if self.security == "None" and (self.certificate or self.server_certificate):
            raise ValueError("certificates are of no use without 'security'")
        return self

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise ValueError(f"unknown scheme {parts.scheme!r}; use {', '.join(f'{s}://' for s in SCHEMES)}")
        if parts.scheme == SERIAL:
            if parts.netloc or len(parts.path) < 2:
                raise ValueError("a serial line has a device file and no host: write 'modbus+serial:///dev/ttyUSB0'")
            return url
        try:
            port = parts.port
        except ValueError as error:
            raise ValueError("the port must be a number from 1 to 65535") from error
        if not parts.hostname or port == 0:
            raise ValueError("give a host and, unless it is the protocol's own, a port")
        if parts.username or parts.password:
            raise ValueError("credentials do not belong in the URL; use username and password_env")
        return url

    @field_validator("slots")
    @classmethod
    def _slots(cls, slots: str | None) -> str | None:
        if slots is not None:
            parse_slots(slots)
        return slots

    @model_validator(mode="after")
    def _only_serial(self) -> Self:
        for key in ("baudrate", "parity", "stop_bits"):
            if key in self.model_fields_set and self.scheme != SERIAL:
                raise ValueError(f"{key!r} is for serial lines, whose url begins with '{SERIAL}:///'")
        return self

    @property
    def scheme(self) -> str:
        """How the device is reached; its profile says what is spoken there."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host, or the device file of a serial line."""
        parts = urlsplit(self.url)
        return parts.path if parts.scheme == SERIAL else parts.hostname or ""

    @property
    def port(self) -> int:
        """The TCP port; 0 for a serial line."""
        parts = urlsplit(self.url)
        return 0 if parts.scheme == SERIAL else parts.port or DEFAULT_PORTS[parts.scheme]

    @property
    def where(self) -> str:
        """The address in words: host and port, or the device file of a serial line."""
        return self.host if self.scheme == SERIAL else f"{self.host}:{self.port}"


class Station(Strict):
    id: Identifier
    name: str
    latitude: Annotated[float, Field(ge=-90.0, le=90.0)]
    longitude: Annotated[float, Field(ge=-180.0, le=180.0)]
    slots: Annotated[int, Field(ge=1, le=999)]
    bays: Annotated[int, Field(ge=1, le=99)] = 1
    ready_soc: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    full_soc: Annotated[float, Field(gt=0.0, le=1.0)] = 0.995
    swap_s: Positive = 60.0
    cooldown_s: Annotated[float, Field(ge=0.0)] = 60.0
    patience_s: Positive = 300.0
    grid_limit_w: Annotated[float, Field(ge=0.0)]
    base_load_w: Annotated[float, Field(ge=0.0)] = 150.0
    """What the station itself draws: controllers, fans, lights."""
    pack: Pack = Pack()
    other_packs: tuple[OtherPack, ...] = ()
    """Classes of packs besides ``pack``; the capacity that a device reports tells of which class a pack is."""
    charger: Charger = Charger()
    chargers: Annotated[int, Field(ge=0, le=999)] | None = None
    """Chargers at work at once, where the cabinet has fewer than slots."""
    share_tick_s: Annotated[float, Field(ge=0.0, le=3600.0)] = 0.0
    """The tick on which the cabinet's controller shares the grid limit anew; 0: all the time."""
    demand: Demand | None = None
    calendar: tuple[CalendarEntry, ...] = ()
    """Besides the site's."""
    target_stockout_60min: Fraction | None = None
    """The risk of a stockout within 60 min from which on the station asks for advice; default: the site's."""
    alarms: AlarmRules | None = None
    """What differs at this station from the site's alarm rules, by alarm."""
    devices: Annotated[tuple[Device, ...], Field(min_length=1)]
    emulation: EmulatedStation | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.full_soc < self.ready_soc:
            raise ValueError(f"full_soc {self.full_soc} is below ready_soc {self.ready_soc}")
        if self.emulation and self.emulation.packs is not None and self.emulation.packs > self.slots:
            raise ValueError(f"emulation.packs {self.emulation.packs} is more than slots {self.slots}")
        if sum(other.share for other in self.other_packs) >= 1.0:
            raise ValueError("the shares of other_packs add up to 1 or more: nothing is left for 'pack'")
        return self

    @property
    def pack_shares(self) -> tuple[float, ...]:
        """Which share of the packs that riders bring is of each class: ``pack``, then ``other_packs``."""
        others = tuple(other.share for other in self.other_packs)
        return (1.0 - sum(others), *others)

    def slots_of(self, device: Device) -> tuple[int, ...]:
        """The station's slot numbers that a device serves, in the device's order."""
        return parse_slots(device.slots) if device.slots else tuple(range(1, self.slots + 1))

    def spec(self) -> StationSpec:
        """The station as the model sees it."""
        return StationSpec(
            slots=self.slots,
            bays=self.bays,
            ready_soc=self.ready_soc,
            full_soc=self.full_soc,
            swap_s=self.swap_s,
            cooldown_s=self.cooldown_s,
            patience_s=self.patience_s,
            grid_limit_w=self.grid_limit_w,
            base_load_w=self.base_load_w,
            pack=self.pack.spec(),
            charger=ChargerSpec(self.charger.power_w, self.charger.efficiency),
            more_packs=tuple(other.spec() for other in self.other_packs),
            returned_shares=self.pack_shares if self.other_packs else (),
            chargers=self.chargers,
            share_tick_s=self.share_tick_s,
        )


class GatewaySettings(Strict):
    """Where the gateway listens and what it keeps."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data: Path = Path("data")
    """Folder of the history; relative to where the gateway is started."""
    writes: bool = False
    """Whether devices may be written at all; without it adapters are built that cannot."""
    past_swaps: tuple[Path, ...] = ()
    """CSV files ``station,time`` from which demand is learned at a station where nothing was learned before."""
    boost: bool = False
    """Whether demand is also learned from all stations together, once eight weeks are there (extra ``boost``)."""
    retention_days: Positive = 30.0
    retention_mb: Positive = 2000.0
    forecast_interval_s: Annotated[float, Field(ge=1.0, le=60.0)] = 30.0
    replicas: Annotated[int, Field(ge=10, le=100_000)] = 200


class EmulationSettings(Strict):
    """How ``swaptwin emulate`` and ``swaptwin demo`` serve this site."""

    truth_port: Annotated[int, Field(ge=0, le=65535)] = 8001
    broker: Literal["embedded", "external"] = "embedded"
    """``embedded``: start a broker on the MQTT devices' loopback address; ``external``: one runs there already."""


class Site(Strict):
    site: Identifier
    name: str
    timezone: str = "UTC"
    target_stockout_60min: Fraction = 0.1
    gateway: GatewaySettings = GatewaySettings()
    emulation: EmulationSettings = EmulationSettings()
    calendar: tuple[CalendarEntry, ...] = ()
    """Holidays and events of all stations."""
    alarms: AlarmRules | None = None
    """What differs from the catalogue of alarms, by alarm."""
    stations: Annotated[tuple[Station, ...], Field(min_length=1)]

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no such time zone; use a name such as Asia/Kolkata") from error
        return name

    def target_of(self, station: Station) -> float:
        """The risk of a stockout within 60 min that a station is to stay under."""
        own = station.target_stockout_60min
        return self.target_stockout_60min if own is None else own

    def alarm_rules(self, station: Station | None = None) -> dict[str, Rule]:
        """The alarm rules in force at a station, or for the gateway itself."""
        return rules([self.alarms, station.alarms if station else None])


_RANGE = re.compile(r"^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$")


def parse_slots(text: str) -> tuple[int, ...]:
    """Slot numbers from a list of numbers and ranges, in order.

    >>> parse_slots("1-3, 7")
    (1, 2, 3, 7)
    """
    numbers: list[int] = []
    for part in text.split(","):
        match = _RANGE.match(part)
        if not match:
            raise ValueError("write slots as numbers and ranges, for example '1-8, 10'")
        first = int(match[1])
        last = int(match[2] or first)
        if not 1 <= first <= last <= 999:
            raise ValueError(f"slots {part.strip()!r} are not a rising range from 1 to 999")
        numbers.extend(range(first, last + 1))
    if len(numbers) != len(set(numbers)):
        raise ValueError("a slot is listed twice")
    return tuple(numbers)
