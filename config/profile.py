"""Device profiles: how a device type's addresses map to signals. Adapters read by them, emulators serve by them."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from config.fail_safe import DeviceRegister, FailSafe, Keepalive
from config.modbus_checks import check_fail_safe, check_modbus
from config.point import (
    REGISTERS,
    SUNSPEC_INVALID,
    TEMPLATE_FIELDS,
    ModbusType,
    Point,
    Sequence,
    WordOrder,
    Write,
    check_template,
    varies,
)
from config.strict import Strict
from config.tower_checks import check_tower

__all__ = [
    "REGISTERS",
    "SUNSPEC_INVALID",
    "TEMPLATE_FIELDS",
    "Availability",
    "DeviceRegister",
    "FailSafe",
    "Found",
    "Keepalive",
    "ModbusType",
    "Point",
    "PollGroup",
    "Profile",
    "Protocol",
    "Sequence",
    "Strict",
    "Watchdog",
    "WordOrder",
    "Write",
    "check_template",
    "profile_problems",
]

Protocol = Literal["opcua", "modbus", "mqtt", "sparkplug", "tower"]


class Availability(Strict):
    """MQTT: the retained topic on which a device, or its will, says whether it is online."""

    topic: str
    online: str = "online"
    offline: str = "offline"

    @field_validator("topic")
    @classmethod
    def _template(cls, topic: str) -> str:
        check_template(topic)
        if varies(topic):
            raise ValueError("{slot} and {index} are of slots, and the topic is the device's")
        return topic


class Command(Strict):
    """MQTT: how a JSON device is told to change a point. QoS 1, never retained.

    The message has the value at the point's own ``field``, and an id and a time after which the device must not act
    on it any more.
    """

    topic: str
    """May have slot fields, as a point's address."""
    id_field: str = "id"
    expires_field: str = "expires_at"
    valid_s: Annotated[float, Field(ge=0.5, le=60.0)] = 5.0
    """How long a command holds, and how long its effect is waited for on the state topic."""

    @field_validator("topic")
    @classmethod
    def _template(cls, topic: str) -> str:
        check_template(topic)
        return topic


class Sparkplug(Strict):
    """Sparkplug B: who the device is. Its URL may say so instead: ``mqtt://BROKER/GROUP/EDGE_NODE[/DEVICE]``."""

    group: str = "{site}"
    edge_node: str = "{station}"
    device: str | None = None
    """Without it the points are metrics of the edge node itself."""
    host_id: str | None = None
    """The host application that the gateway is, for edge nodes that wait for their primary host."""
    primary_host: bool = False
    """Whether the device (an emulated one) is born only while that host is online."""
    reorder_s: Annotated[float, Field(ge=0.0, le=60.0)] = 2.0
    """How long a message that is missing may be late before the edge node is asked to be born again."""

    @field_validator("group", "edge_node", "device", "host_id")
    @classmethod
    def _template(cls, name: str | None) -> str | None:
        if name is not None:
            check_template(name)
            if not name or set(name) & set("/+#"):
                raise ValueError("must not be empty, nor have / + or #")
        return name


class Watchdog(Strict):
    """A watchdog of ours on the device (its own, on us, is a ``fail_safe``).

    The station signal by which the device shows that it is alive inside, and how long it may stand still.
    """

    signal: str
    timeout_s: Annotated[float, Field(gt=0.0)] = 10.0


class PollGroup(Strict):
    """Points read together at an interval of their own."""

    interval_s: Annotated[float, Field(ge=0.05, le=3600.0)]


class Profile(Strict):
    """A device type. One schema for adapters, emulators and documentation."""

    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    protocol: Protocol
    source: Literal["reference", "vendor-doc", "open-source", "hardware-tested"]
    """``reference``: an address map of swaptwin's own, for emulators and for makers who have none yet."""
    references: tuple[str, ...] = ()
    interval_s: Annotated[float, Field(ge=0.05, le=3600.0)] = 1.0
    """OPC UA: sampling interval. Modbus: poll interval. MQTT: interval at which the device publishes."""
    poll_groups: dict[str, PollGroup] = Field(default_factory=dict)
    address_base: Literal[0, 1] = 0
    """Modbus: 1 where the map counts registers from one."""
    max_read: Annotated[int, Field(ge=1, le=125)] = 125
    max_hole: Annotated[int, Field(ge=0, le=124)] = 16
    """Modbus: registers that nobody asked for and that a merged read may bridge."""
    one_value_per_request: bool = False
    """Modbus: for devices that answer reads of several values wrongly."""
    address_step: Annotated[int, Field(ge=1, le=2)] = 1
    """Modbus: how far addresses move from one register to the next: 2 where the map counts bytes."""
    unit_stride: Annotated[int, Field(ge=1)] | None = None
    """Modbus: step of the unit id from one slot to the next, where each slot is a unit of its own."""
    write_function: Literal[6, 16] | None = None
    """Modbus: the only function by which the device lets a single register be written; without it both do, and 16 is
    used. A value of several registers is always written with 16."""
    sunspec_bases: tuple[Annotated[int, Field(ge=0, le=65_533)], ...] = (40_000, 0, 50_000)
    """Modbus: where to look for SunSpec's chain of models, zero-based, in this order."""
    fail_safe: FailSafe | None = None
    """Modbus: what the device does when nobody speaks to it."""
    keepalive: Keepalive | None = None
    """Modbus: what keeps it from doing so, besides reading."""
    inter_request_gap_ms: Annotated[float, Field(ge=0.0, le=5000.0)] = 0.0
    timeout_s: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0
    publish_interval_s: Annotated[float, Field(ge=0.05, le=60.0)] | None = None
    """OPC UA: how often the server reports what it has sampled; default: the shortest interval, at most 1 s."""
    queue_size: Annotated[int, Field(ge=1, le=1000)] | None = None
    """OPC UA: values of a point that the server keeps between two reports; default: as many as it samples."""
    stamps: Literal["on_change", "every_scan"] = "on_change"
    """OPC UA: whether the server renews source time stamps of values that do not change."""
    time_field: str | None = None
    """MQTT: dotted path of the source time in the payload; without it, the time of arrival counts."""
    time_unit: Literal["s", "ms"] = "s"
    availability: Availability | None = None
    framing: Literal["length", "newline"] = "length"
    """Tower: how cabinets of this type frame their messages. Emulators keep to it; the gateway takes either."""
    command: Command | None = None
    sparkplug: Sparkplug = Sparkplug()
    watchdog: Watchdog | None = None
    points: Annotated[tuple[Point, ...], Field(min_length=1)]

    def interval_of(self, point: Point) -> float:
        group = self.poll_groups.get(point.poll_group)
        return group.interval_s if group else self.interval_s

    def max_age_of(self, point: Point) -> float:
        """Three intervals unless the point says otherwise: two reads may fail before a value is stale."""
        return point.max_age_s or 3.0 * max(self.interval_of(point), self.publish_interval_s or 0.0)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if not (info.context and info.context.get("deferred")):
            for place, message, _ in profile_problems(self):
                raise ValueError(f"{place}: {message}")
        return self


Found = tuple[tuple[str | int, ...], str, str]
"""Where in the file, what is wrong, and what to do."""


def profile_problems(profile: Profile) -> list[Found]:
    """Everything that is wrong between the keys of a profile; the loader maps it onto lines."""
    found: list[Found] = []
    first: dict[tuple[str, str], int] = {}
    for number, point in enumerate(profile.points):
        place = ("points", number)
        earlier = first.setdefault((point.entity, point.signal), number)
        if earlier != number:
            found.append(((*place, "signal"), f"{point.signal!r} is already mapped by points[{earlier}]", "Keep one"))
        if point.poll_group != "default" and point.poll_group not in profile.poll_groups:
            message = f"unknown poll group {point.poll_group!r}"
            found.append(((*place, "poll_group"), message, "Define it under poll_groups"))
        if point.register_count > profile.max_read and point.table in {"holding", "input"}:
            message = f"the value takes {point.register_count} registers but max_read is {profile.max_read}"
            found.append(((*place, "type"), message, "A value is never read in pieces: raise max_read or shorten it"))
        check = _CHECKS.get(profile.protocol)
        if check is not None:
            found.extend(((*place, key), message, remedy) for key, message, remedy in check(point, profile))
    if profile.watchdog and ("station", profile.watchdog.signal) not in first:
        message = f"{profile.watchdog.signal!r} is no station signal of this profile"
        found.append((("watchdog", "signal"), message, "Map it under points, or remove the watchdog"))
    found.extend(check_fail_safe(profile))
    return found


def _check_opcua(point: Point, profile: Profile) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address.startswith(("nsu=", "i=")):
        yield "address", "an OPC UA address names its namespace by URI", "Write 'nsu=URI;s=NODE'"
    elif point.entity == "slot" and not varies(point.address):
        yield "address", "is the same for every slot", "Put {slot} or {index} into it"


def _check_mqtt(point: Point, profile: Profile) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address or "#" in point.address or "+" in point.address:
        yield "address", "is no MQTT topic", "Give a topic without wildcards"
    elif point.field is None:
        yield "field", "is missing", "Give the dotted path of the value in the payload"
    elif point.entity == "slot" and not (varies(point.address) or varies(point.field)):
        yield "address", "is the same for every slot", "Put {slot} or {index} into topic or field"


def _check_sparkplug(point: Point, _: Profile) -> Iterator[tuple[str, str, str]]:
    if not isinstance(point.address, str) or not point.address:
        yield "address", "is no metric name", "Give the metric's name, for example 'Slot{slot:02d}/Pack/SoC'"
    elif point.entity == "slot" and not varies(point.address):
        yield "address", "is the same for every slot", "Put {slot} or {index} into it"


_CHECKS: dict[Protocol, Callable[[Point, Profile], Iterator[tuple[str, str, str]]]] = {
    "opcua": _check_opcua,
    "modbus": check_modbus,
    "mqtt": _check_mqtt,
    "sparkplug": _check_sparkplug,
    "tower": check_tower,
}
