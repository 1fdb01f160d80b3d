"""Numbers and text out of Modbus registers, for all word orders. Pure and vectorised."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.convert import Codes, Converted, Converter, Floats, Rows
from adapters.modbus_plan import BIT_TABLES, Request
from adapters.modbus_scales import Scales
from config.binding import BoundPoint
from config.profile import REGISTERS
from twin.signals import Reason

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
    "u8": ">u1",
    "i8": ">i1",
}


def numbers(registers: NDArray[np.uint16], kind: str, word_order: str) -> NDArray[Any]:
    """Values of a type from registers of shape (values, registers each).

    The order names where the bytes ABCD of a big-endian value stand on the wire, and is read likewise for 64
    bits: ``CDAB`` has the registers in reverse, ``BADC`` the bytes within each register, ``DCBA`` both.

    >>> numbers(np.array([[0x0000, 0x3F80]], dtype=np.uint16), "f32", "CDAB")
    array([1.], dtype='>f4')

    ``u8`` and ``i8`` are the first byte of a big-endian register, with ``BADC`` the second one.
    """
    if word_order in {"CDAB", "DCBA"}:
        registers = registers[:, ::-1]
    if word_order in {"BADC", "DCBA"}:
        registers = registers.byteswap()
    return np.ascontiguousarray(registers, dtype=">u2").view(DTYPES[kind])[:, 0]


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


class _Numbers:
    """The numbers of one type and word order in a poll."""

    def __init__(self, kind: str, word_order: str, at: Rows, places: Rows, has_part: NDArray[np.bool_]) -> None:
        """``at``: which of the poll's samples; ``places``: their registers; ``has_part``: of all the poll's samples."""
        self._kind, self._word_order = kind, word_order
        self._at, self._places = at, places
        self._with_part = np.flatnonzero(has_part[at])
        self._words_at = (np.cumsum(has_part) - 1)[at[self._with_part]]

    def read(self, wire: NDArray[np.uint16], raw: Floats, words: NDArray[np.uint64]) -> None:
        """Put the numbers in their places in ``raw``, and all bits of those of which a part counts into ``words``."""
        values = numbers(wire[self._places], self._kind, self._word_order)
        with np.errstate(invalid="ignore"):  # a float that is no number may be of a kind that complains
            raw[self._at] = values
        if self._with_part.size == 0:
            return
        carriers = values[self._with_part]
        if carriers.dtype.kind == "f":
            whole = (carriers >= 0.0) & (carriers < 2.0**53) & (np.floor(carriers) == carriers)
            raw[self._at[self._with_part[~whole]]] = np.nan
            carriers = np.where(whole, carriers, 0.0)
        words[self._words_at] = carriers.astype(np.uint64)


class _Texts:
    """The texts of one length and word order in a poll. Only those whose registers changed are looked at again."""

    def __init__(self, word_order: str, at: Rows, places: Rows, rows: Rows, converter: Converter) -> None:
        self._word_order = word_order
        self._at, self._places, self._rows = at, places, rows
        self._converter = converter
        self._seen = np.zeros_like(places, dtype=">u2")
        self._values = np.full(len(at), np.nan)
        self._reasons: Codes = np.full(len(at), Reason.NOT_CONFIGURED, dtype=np.uint8)

    def forget(self) -> None:
        """Start with registers of nothing but zeros, which hold no text."""
        self._seen[:] = 0
        self._values[:] = np.nan
        self._reasons[:] = Reason.NOT_CONFIGURED

    def read(self, wire: NDArray[np.uint16], samples: Converted, intern: Callable[[str], int]) -> None:
        """Put the texts in their places."""
        lines = wire[self._places]
        if not np.array_equal(lines, self._seen):
            at = np.flatnonzero((lines != self._seen).any(axis=1))
            # A reply that holds no text is not the same as an empty one: b"" has the wrong type on purpose.
            texts = [text(line, self._word_order) for line in lines[at]]
            raws: list[object] = [b"" if word is None else word for word in texts]
            changed = self._converter.objects(self._rows[at].tolist(), raws, intern)
            self._values[at], self._reasons[at] = changed.values, changed.reasons
            self._seen = lines
        samples.put(self._at, self._values, self._reasons)


def _form(request: Request, bound: BoundPoint) -> tuple[str, str, int]:
    """Type, word order and number of registers of a point."""
    if request.table in BIT_TABLES:
        return "bool", "ABCD", 1
    kind = bound.point.type or "bool"
    if bound.point.byte is not None:
        swapped = bound.point.word_order in {"BADC", "DCBA"}
        return f"{kind[0]}8", "ABCD" if (bound.point.byte == "hi") != swapped else "BADC", 1
    return kind, bound.point.word_order, REGISTERS.get(kind, bound.point.register_count)


Answer = bytes | Reason
"""What came of a request: its registers, two bytes each, big-endian (bits: a register of 0 or 1), or why none came."""


class Poll:
    """The answers to a poll group's requests into samples: all of them at once, for arrays are cheap when long."""

    def __init__(self, requests: Sequence[Request], points: Sequence[BoundPoint], converter: Converter) -> None:
        self.requests = requests
        self._blanks = [bytes(2 * request.count) for request in requests]
        self._rows: Rows = np.array([row for request in requests for row in request.rows], dtype=np.int64)
        self._request_of = np.repeat(np.arange(len(requests)), [len(request.rows) for request in requests])
        same: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
        sample = start = 0
        for request in requests:
            for row in request.rows:
                place = start + (int(points[row].address) - request.address) // request.step
                same[_form(request, points[row])].append((sample, place))
                sample += 1
            start += request.count
        self._scales = Scales(requests, points)
        has_part = np.array([points[row].point.part is not None for row in self._rows], dtype=np.bool_)
        single = np.zeros(len(self._rows), dtype=np.bool_)
        self._numbers: list[_Numbers] = []
        self._texts: list[_Texts] = []
        for (kind, word_order, width), members in same.items():
            at = np.array([at for at, _ in members])
            places = np.array([place for _, place in members])[:, None] + np.arange(width)
            single[at] = kind == "f32"
            if kind == "str":
                self._texts.append(_Texts(word_order, at, places, self._rows[at], converter))
            else:
                self._numbers.append(_Numbers(kind, word_order, at, places, has_part))
        self._conversion = converter.prepare(self._rows, single)
        self._words = np.zeros(np.count_nonzero(has_part), dtype=np.uint64)

    def forget(self) -> None:
        """Number all texts anew, for another ``intern``."""
        for texts in self._texts:
            texts.forget()

    def samples(
        self, answers: Sequence[Answer | None], times: Sequence[float], intern: Callable[[str], int]
    ) -> tuple[Converted, Floats]:
        """The samples of the requests that have an answer, each with its request's time.

        ``intern`` gives a text its number, and is asked only for texts that changed.
        """
        wire = np.frombuffer(
            b"".join(
                blank if answer is None or isinstance(answer, Reason) else answer
                for blank, answer in zip(self._blanks, answers, strict=True)
            ),
            dtype=">u2",
        )
        raw = np.full(len(self._rows), np.nan)
        for group in self._numbers:
            group.read(wire, raw, self._words)
        factors = self._scales.factors(wire, len(raw))
        converted = self._conversion(raw, self._words, factors)
        for texts in self._texts:
            texts.read(wire, converted, intern)
        if factors is not None and np.isnan(factors).any():
            self._scales.explain(wire, converted)
        source_times = np.array(times)[self._request_of]
        refused = np.array([int(answer) if isinstance(answer, Reason) else 0 for answer in answers], dtype=np.uint8)
        if refused.any():
            reasons = refused[self._request_of]
            self._scales.refuse(refused, reasons)
            at = np.flatnonzero(reasons)
            converted.put(at, np.full(len(at), np.nan), reasons[at])
        if None in answers:
            missing = np.array([answer is None for answer in answers])
            answered = ~missing[self._request_of]
            self._scales.leave_out(missing, answered)
            return converted.only(answered), source_times[answered]
        return converted, source_times
