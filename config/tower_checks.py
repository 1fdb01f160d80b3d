"""What can be wrong between the keys of a tower profile."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from config.point import Point, varies
from twin.signals import Kind

if TYPE_CHECKING:
    from config.profile import Profile

TOWER_ALARM = "alarm:"
"""Before the id of an alarm, in a tower address: the point is true from the alarm's start to its end."""
TOWER_WRITABLE = frozenset({"enabled", "door_open"})
"""Signals of slots that the tower protocol has commands for."""


def check_tower(point: Point, _: "Profile") -> Iterator[tuple[str, str, str]]:
    """Everything that is wrong with a point of a tower profile."""
    attribute = point.address.removeprefix(TOWER_ALARM) if isinstance(point.address, str) else ""
    if not re.fullmatch(r"[0-9A-Za-z]{1,32}", attribute):
        yield "address", "is no attribute id", "Give it in quotes, with its zeros, for example '02109001'"
    elif attribute != point.address and point.definition.kind is not Kind.BOOL:
        yield "address", "an alarm is on or off", "Map it to a boolean signal"
    if point.field is not None and (point.entity == "station" or not varies(point.field)):
        yield "field", "is no doorId of a slot", "Leave it out, or put {slot} or {index} into it"
    if point.write is not None and (point.entity, point.signal in TOWER_WRITABLE) != ("slot", True):
        yield "write", "the protocol has no command for it", f"Only {', '.join(sorted(TOWER_WRITABLE))} of slots"
    elif point.write is not None and point.write.refresh_s is not None:
        yield "write", "cabinets keep what they were told", "Leave out refresh_s"
