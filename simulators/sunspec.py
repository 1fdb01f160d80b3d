"""A SunSpec device's chain of models as the standard orders it: mark, common model, the profile's models, end."""

from collections.abc import Iterable
from dataclasses import dataclass

from config.binding import BoundPoint
from simulators.registers import width

COMMON, COMMON_LENGTH = 1, 66
END = (0xFFFF, 0)
NOT_IMPLEMENTED = 0xFFFF
"""What stands in registers that no point of the profile names."""

LENGTHS: dict[int, tuple[int, int]] = {
    101: (50, 0),
    102: (50, 0),
    103: (50, 0),
    201: (105, 0),
    202: (105, 0),
    203: (105, 0),
    204: (105, 0),
    713: (7, 0),
    714: (18, 25),
    802: (62, 0),
    803: (26, 32),
    805: (42, 0),
}
"""Length of a model without its repeated blocks, and of one block. Others end with the profile's last point."""
BLOCK_COUNTS: dict[int, tuple[int, ...]] = {714: (4,), 803: (2, 3)}
"""Where a model counts its blocks, from its ID register."""
MODULE_INDEX: dict[int, int] = {805: 3}
"""Where a model of which there are several says which one it is."""


@dataclass(frozen=True, slots=True)
class Container:
    """The words of a chain, by address, and where the models of it lie, by id and instance."""

    words: dict[int, int]
    places: dict[tuple[int, int], int]


def lay_out(points: Iterable[BoundPoint], base: int, serial: str) -> Container:
    """The chain from ``base`` on that holds these points, which are all of one unit."""
    ends: dict[tuple[int, int], int] = {}
    blocks: dict[tuple[int, int], set[int]] = {}
    for bound in points:
        if bound.model is None:
            continue
        key = (bound.model, bound.instance)
        last = int(bound.address) + width(bound.point)
        ends[key] = max(ends.get(key, 2), last, (bound.scale_address or 0) + 1, (bound.write_address or 0) + 1)
        if bound.point.stride is not None:
            blocks.setdefault(key, set()).add(bound.slot or 0)
    words = {base: 0x5375, base + 1: 0x6E53}
    places: dict[tuple[int, int], int] = {}
    at = _common(words, base + 2, serial)
    for model, instance in sorted(ends, key=lambda key: key[1]):
        count = max(1, len(blocks.get((model, instance), ())))
        fixed, block = LENGTHS.get(model, (ends[model, instance] - 2, 0))
        length = max(fixed + block * count, ends[model, instance] - 2)
        places[model, instance] = at
        words.update(dict.fromkeys(range(at + 2, at + 2 + length), NOT_IMPLEMENTED))
        words[at], words[at + 1] = model, length
        words.update({at + offset: count for offset in BLOCK_COUNTS.get(model, ())})
        if model in MODULE_INDEX:
            words[at + MODULE_INDEX[model]] = instance + 1
        at += 2 + length
    words[at], words[at + 1] = END
    return Container(words, places)


def _common(words: dict[int, int], at: int, serial: str) -> int:
    """Model 1: who made the device. Returns the address behind it."""
    words.update(dict.fromkeys(range(at + 2, at + 2 + COMMON_LENGTH), 0))
    words[at], words[at + 1] = COMMON, COMMON_LENGTH
    for offset, text, registers in ((2, "swaptwin", 16), (18, "emulator", 16), (50, serial, 16)):
        data = text.encode("ascii", "replace")[: 2 * registers].ljust(2 * registers, b"\0")
        for place in range(registers):
            words[at + offset + place] = int.from_bytes(data[2 * place : 2 * place + 2], "big")
    return at + 2 + COMMON_LENGTH
