"""Numbers and text out of Modbus registers, for all word orders. Pure and vectorised."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from adapters.convert import Converted, Converter, joined
from adapters.modbus_plan import Request
from config.binding import BoundPoint
from config.profile import REGISTERS

DTYPES: dict[str, str] = {
    "bool": ">u2",
    "u16": ">u2",
    "i16": ">i2",
    "u32": ">u4",
    "i32": ">i4",
    "f32": ">f4",
    "u64": ">u8",
    "i64": ">i8",
    "f64": ">f8",
}


def numbers(registers: NDArray[np.uint16], kind: str, word_order: str) -> NDArray[np.generic]:
    """Values of a type from registers of shape (values, registers each).

    The order names where the bytes ABCD of a big-endian value stand on the wire, and is read likewise for 64
    bits: ``CDAB`` has the registers in reverse, ``BADC`` the bytes within each register, ``DCBA`` both.

    >>> numbers(np.array([[0x0000, 0x3F80]], dtype=np.uint16), "f32", "CDAB")
    array([1.], dtype='>f4')
    """
    if word_order in {"CDAB", "DCBA"}:
        registers = registers[:, ::-1]
    if word_order in {"BADC", "DCBA"}:
        registers = registers.byteswap()
    wire = np.ascontiguousarray(registers).astype(">u2")
    return np.frombuffer(wire.tobytes(), dtype=DTYPES[kind])


def text(registers: NDArray[np.uint16], word_order: str) -> str | None:
    """Text of two characters a register, padded with zeros or blanks; ``None`` if no text is there.

    Blank registers (all zeros or all ones) are an empty text. Only the bytes within registers follow the word
    order: a text has no most significant register.
    """
    if word_order in {"BADC", "DCBA"}:
        registers = registers.byteswap()
    wire = registers.astype(">u2").tobytes()
    if not wire.strip(b"\xff"):
        return ""
    try:
        return wire.split(b"\0", 1)[0].decode()
    except UnicodeDecodeError:
        return None


class Block:
    """One request with all that is needed to read its reply."""

    def __init__(self, request: Request, points: Sequence[BoundPoint], converter: Converter) -> None:
        self.request = request
        self.rows = np.array(request.rows, dtype=np.int64)
        self._converter = converter
        self._bits = request.table in {"coil", "discrete"}
        same: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        for row in request.rows:
            point = points[row].point
            same[point.type or "bool", point.word_order, point.register_count].append(row)
        self._groups: list[tuple[str, str, NDArray[np.int64], NDArray[np.int64]]] = []
        for (kind, word_order, width), rows in same.items():
            offsets = np.array([int(points[row].address) - request.address for row in rows])
            width = REGISTERS.get(kind, width)
            self._groups.append((kind, word_order, np.array(rows), offsets[:, None] + np.arange(width)))

    def decode(self, reply: Sequence[int], intern: Callable[[str], int]) -> Converted:
        """The samples of a reply that has at least the length asked for."""
        if self._bits:
            offsets = np.concatenate([places[:, 0] for *_, places in self._groups])
            rows = np.concatenate([rows for _, _, rows, _ in self._groups])
            return self._converter.numbers(rows, np.array(reply, dtype=np.uint8)[offsets])
        registers = np.array(reply, dtype=np.uint16)
        parts = []
        for kind, word_order, rows, places in self._groups:
            if kind == "str":
                # A reply that holds no text is not the same as an empty one: b"" has the wrong type on purpose.
                texts = [text(line, word_order) for line in registers[places]]
                raws: list[object] = [b"" if word is None else word for word in texts]
                parts.append(self._converter.objects(rows.tolist(), raws, intern))
            else:
                parts.append(self._converter.numbers(rows, numbers(registers[places], kind, word_order)))
        return joined(parts)
