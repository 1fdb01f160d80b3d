"""Which Modbus requests read a device's points: few, within the device's limits, a value never split. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from config.binding import BoundDevice

MAXIMUM_BITS = 2000
"""Coils or discrete inputs in one reply: the protocol's limit."""

ADDRESSES = 65_536

BIT_TABLES = frozenset({"coil", "discrete"})


@dataclass(frozen=True, slots=True)
class Request:
    """One read: ``count`` registers (or bits) of a unit's table from ``address``. ``rows`` index the device's points.

    ``scales`` index the points whose scale register lies in it; addresses move by ``step`` from register to register.
    """

    table: str
    address: int
    count: int
    rows: tuple[int, ...]
    unit: int = 1
    scales: tuple[int, ...] = ()
    step: int = 1


@dataclass(frozen=True, slots=True)
class PollGroup:
    """Requests that are due together, every ``interval_s`` seconds of site time."""

    name: str
    interval_s: float
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True, order=True)
class _Span:
    """What has to be read for one point: its own registers or its scale register. Places count registers."""

    start: int
    row: int
    stop: int
    is_scale: bool = False


def plan(device: BoundDevice) -> tuple[PollGroup, ...]:
    """Merge the points of each poll group, unit and table into few requests.

    A request bridges at most ``max_hole`` registers that nobody asked for and reads at most ``max_read``. A scale
    register is read in every cycle with the values that it scales: devices change it while they run, and a value must
    not meet the exponent of another moment. Raises ``ValueError`` for a value that lies outside the address space, and
    for SunSpec points that have not been located (``adapters.sunspec``); it names the point.
    """
    groups: dict[str, dict[tuple[int, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, bound in enumerate(device.points):
        groups[bound.point.poll_group][bound.unit_id, bound.point.table].append(row)
    return tuple(
        PollGroup(
            name,
            min(device.points[row].interval_s for rows in tables.values() for row in rows),
            tuple(request for (unit, table), rows in tables.items() for request in _reads(device, unit, table, rows)),
        )
        for name, tables in groups.items()
    )


def describe(device: BoundDevice) -> Iterator[str]:
    """The plan in lines for people: each poll group, then each request with what it reads and what it wastes."""
    models = sorted({bound.model for bound in device.points if bound.model is not None})
    if models:
        bases = " or ".join(map(str, device.profile.sunspec_bases))
        yield (
            f"{device.id}: {len(device.points)} points in the SunSpec models {', '.join(map(str, models))}; "
            f"where they lie is found when connected, from {bases}"
        )
        return
    for group in plan(device):
        points = sum(len(request.rows) for request in group.requests)
        count = len(group.requests)
        yield f"{device.id} {group.name}: {points} points every {group.interval_s:g} s, requests: {count}"
        for request in group.requests:
            used = {place for row in request.rows for place in _places(device, row)}
            used |= {_scale_place(device, row) for row in request.scales}
            last = request.address + (request.count - 1) * request.step
            unit = "" if request.unit == device.device.unit_id else f"unit {request.unit} "
            yield (
                f"  {unit}{request.table} {request.address}-{last}: {request.count} to read, "
                f"{len(request.rows)} points, {request.count - len(used)} unused"
            )


def _reads(device: BoundDevice, unit: int, table: str, rows: list[int]) -> Iterator[Request]:
    spans = [_Span(places.start, row, places.stop) for row in rows for places in [_places(device, row)]]
    for row in rows:
        if device.points[row].scale_address is not None:
            place = _scale_place(device, row)
            spans.append(_Span(place, row, place + 1, is_scale=True))
    for span in spans:
        _check(device, span)
    for together in _merge(device, table, sorted(spans)):
        start = together[0].start
        yield Request(
            table,
            start * device.profile.address_step,
            max(span.stop for span in together) - start,
            tuple(span.row for span in together if not span.is_scale),
            unit,
            tuple(span.row for span in together if span.is_scale),
            device.profile.address_step,
        )


def _merge(device: BoundDevice, table: str, spans: list[_Span]) -> Iterator[list[_Span]]:
    """The spans that are read together; what a request holds is never read twice."""
    profile = device.profile
    cap = MAXIMUM_BITS if table in BIT_TABLES else profile.max_read
    if profile.one_value_per_request:
        same: dict[tuple[int, int], list[_Span]] = defaultdict(list)
        for span in spans:
            same[span.start, span.stop].append(span)
        yield from same.values()
        return
    members: list[_Span] = []
    start = end = 0
    for span in spans:
        if members and (span.start - end > profile.max_hole or max(end, span.stop) - start > cap):
            yield members
            members = []
        if not members:
            start = end = span.start
        members.append(span)
        end = max(end, span.stop)
    if members:
        yield members


def _places(device: BoundDevice, row: int) -> range:
    """The registers (or bits) that a point takes, counted in registers whatever the map counts."""
    bound = device.points[row]
    if bound.model is not None:
        raise ValueError(f"{device.id}: {bound.path} is in SunSpec model {bound.model}, which is not located yet")
    if not isinstance(bound.address, int):
        raise TypeError(f"{bound.path}: a Modbus address is a number, not {bound.address!r}")
    width = 1 if bound.point.table in BIT_TABLES else bound.point.register_count
    first = bound.address // device.profile.address_step
    return range(first, first + width)


def _scale_place(device: BoundDevice, row: int) -> int:
    """The register of a point's exponent."""
    return (device.points[row].scale_address or 0) // device.profile.address_step


def _check(device: BoundDevice, span: _Span) -> None:
    step = device.profile.address_step
    if span.start < 0 or (span.stop - 1) * step >= ADDRESSES:
        what = "the scale register of " if span.is_scale else ""
        raise ValueError(
            f"{device.id}: {what}{device.points[span.row].path} lies at {span.start * step}-{(span.stop - 1) * step}, "
            f"outside 0-{ADDRESSES - 1}; check address, address_base and stride"
        )
