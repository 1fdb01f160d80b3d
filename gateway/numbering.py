"""Numbers of points that outlive a change of the site file: a device that did not change keeps its rows."""

from collections.abc import Sequence
from dataclasses import replace

from config.binding import BoundDevice


def same(one: BoundDevice, other: BoundDevice) -> bool:
    """Whether an adapter of one serves the other as well: same address, same reading, same points.

    Points follow from site, device and profile, and from which slots of the station there are.
    """
    return (
        (one.id, one.site, one.device) == (other.id, other.site, other.device)
        and one.profile == other.profile
        and [point.slot for point in one.points] == [point.slot for point in other.points]
    )


def renumbered(bound: Sequence[BoundDevice], running: Sequence[BoundDevice]) -> list[BoundDevice]:
    """Devices of a new site file: those that are the ``same`` as a running one get its numbers, the others free ones.

    A device's numbers follow each other. Numbers of devices that are gone are given away again, so that a site that is
    changed every day for years does not grow.
    """
    before = {device.id: device for device in running}
    kept = {
        device.id: before[device.id].points[0].number
        for device in bound
        if device.id in before and same(device, before[device.id])
    }
    taken = sorted((kept[device.id], kept[device.id] + len(device.points)) for device in bound if device.id in kept)
    result = []
    for device in bound:
        first = kept.get(device.id)
        if first is None:
            first = _gap(taken, len(device.points))
            taken = sorted([*taken, (first, first + len(device.points))])
        points = tuple(replace(point, number=first + place) for place, point in enumerate(device.points))
        result.append(replace(device, points=points))
    return result


def _gap(taken: Sequence[tuple[int, int]], length: int) -> int:
    """The first place of ``length`` numbers that nobody has."""
    first = 0
    for start, end in taken:
        if start - first >= length:
            break
        first = end
    return first
