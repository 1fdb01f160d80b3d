"""Which Modbus requests read a device's points: few, within the device's limits, a value never split. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from config.binding import BoundDevice

MAXIMUM_BITS = 2000
"""Coils or discrete inputs in one reply: the protocol's limit."""

ADDRESSES = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """One read: ``count`` registers (or bits) of a table from ``address``. ``rows`` index the device's points."""

    table: str
    address: int
    count: int
    rows: tuple[int, ...]
    unit: int = 1


@dataclass(frozen=True, slots=True)
class PollGroup:
    """Requests that are due together, every ``interval_s`` seconds of site time."""

    name: str
    interval_s: float
    requests: tuple[Request, ...]


def plan(device: BoundDevice) -> tuple[PollGroup, ...]:
    """Merge the points of each poll group and table into few requests.

    A request bridges at most ``max_hole`` registers that nobody asked for and reads at most ``max_read``.
    Raises ``ValueError`` for a value that lies outside the address space; it names the point.
    """
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, bound in enumerate(device.points):
        groups[bound.point.poll_group][bound.point.table].append(row)
    return tuple(
        PollGroup(
            name,
            min(device.points[row].interval_s for rows in tables.values() for row in rows),
            tuple(request for table, rows in tables.items() for request in _merge(device, table, rows)),
        )
        for name, tables in groups.items()
    )


def describe(device: BoundDevice) -> Iterator[str]:
    """The plan in lines for people: each poll group, then each request with what it reads and what it wastes."""
    for group in plan(device):
        points = sum(len(request.rows) for request in group.requests)
        count = len(group.requests)
        yield f"{device.id} {group.name}: {points} points every {group.interval_s:g} s, requests: {count}"
        for request in group.requests:
            used = {place for row in request.rows for place in _places(device, row)}
            last = request.address + request.count - 1
            yield (
                f"  {request.table} {request.address}-{last}: {request.count} to read, "
                f"{len(request.rows)} points, {request.count - len(used)} unused"
            )


def _merge(device: BoundDevice, table: str, rows: list[int]) -> Iterator[Request]:
    cap = MAXIMUM_BITS if table in {"coil", "discrete"} else device.profile.max_read
    members: list[int] = []
    start = end = 0
    for row in sorted(rows, key=lambda row: (_places(device, row).start, row)):
        places = _places(device, row)
        _check(device, row, places)
        if members and (places.start - end > device.profile.max_hole or max(end, places.stop) - start > cap):
            yield Request(table, start, end - start, tuple(members), device.device.unit_id)
            members = []
        if not members:
            start = end = places.start
        members.append(row)
        end = max(end, places.stop)
    if members:
        yield Request(table, start, end - start, tuple(members), device.device.unit_id)


def _places(device: BoundDevice, row: int) -> range:
    """The registers (or bits) that a point takes."""
    bound = device.points[row]
    if not isinstance(bound.address, int):
        raise TypeError(f"{bound.path}: a Modbus address is a number, not {bound.address!r}")
    width = 1 if bound.point.table in {"coil", "discrete"} else bound.point.register_count
    return range(bound.address, bound.address + width)


def _check(device: BoundDevice, row: int, places: range) -> None:
    if places.start < 0 or places.stop > ADDRESSES:
        raise ValueError(
            f"{device.id}: {device.points[row].path} lies at {places.start}-{places.stop - 1}, outside "
            f"0-{ADDRESSES - 1}; check address, address_base and stride"
        )
