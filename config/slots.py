"""Lists of slot numbers as people write them."""

import re

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
