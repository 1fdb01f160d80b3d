"""Guesses what stands in Modbus registers: texts, floats and their word order, counters, marks. Pure.

Registers do not say what they hold, so every guess comes with the reason for it.
"""

import itertools
import math
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
MARKS = {0xFFFF: "all ones: often 'no value'", 0x8000: "0x8000: often 'no value'", 0x7FFF: "0x7FFF: often 'no value'"}
LEAST_TEXT = 4
"""Characters of the shortest text: two registers are printable by chance too often to say more."""
MOST_ZEROS = 2
"""Pairs of zeros in a row that may stand among floats."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A guess: ``count`` registers from ``address`` on hold ``value`` of a profile's ``type``."""

    address: int
    count: int
    type: str
    value: float | str
    why: str
    word_order: str = "ABCD"
    moves: float | None = None
    """By how much the value changed between two looks."""


def look(now: Mapping[int, int], later: Mapping[int, int] | None = None) -> list[Sight]:
    """What the registers seem to hold, in order of address. ``later``: the same some seconds afterwards."""
    sights: list[Sight] = []
    for run in _runs(now):
        taken: set[int] = set()
        sights += _texts(run, now, taken)
        sights += _floats(run, now, later or {}, taken)
        sights += _integers(run, now, later or {}, taken)
    return sorted(sights, key=lambda sight: sight.address)


def _runs(now: Mapping[int, int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for address in sorted(now):
        if runs and runs[-1][-1] == address - 1:
            runs[-1].append(address)
        else:
            runs.append([address])
    return runs


def _texts(run: list[int], now: Mapping[int, int], taken: set[int]) -> list[Sight]:
    """Registers in a row whose bytes are all printable, with at least one letter."""
    found: list[Sight] = []
    start = 0
    while start < len(run):
        best: tuple[str, int, str] | None = None
        for order in ("ABCD", "BADC"):
            text, end = "", start
            while end < len(run) and (part := _characters(now[run[end]], order)) is not None:
                text += part
                end += 1
                if len(part) < 2:
                    break
            if _is_text(text):
                # Bytes in their usual order where both orders give a text: nobody can tell them apart.
                best = (text, end - start, order)
                break
        if best is None:
            start += 1
            continue
        text, count, order = best
        # Zeros behind a text belong to its field.
        address = run[start]
        while count % 2 and start + count < len(run) and now[run[start + count]] == 0:
            count += 1
        taken.update(range(address, address + count))
        found.append(Sight(address, count, "str", text.strip(), "printable characters", order))
        start += count
    return found


def _characters(word: int, order: str) -> str | None:
    """The characters of a register: two, one before a closing NUL, or ``None``."""
    high, low = (word >> 8, word & 0xFF) if order == "ABCD" else (word & 0xFF, word >> 8)
    if not 0x20 <= high <= 0x7E:
        return None
    if low == 0:
        return chr(high)
    return chr(high) + chr(low) if 0x20 <= low <= 0x7E else None


def _is_text(text: str) -> bool:
    shown = text.strip()
    good = sum(letter.isalnum() or letter in " -_./:" for letter in shown)
    return len(shown) >= LEAST_TEXT and any(letter.isalpha() for letter in shown) and good >= 0.9 * len(shown)


def f32(high: int, low: int, order: str) -> float:
    """A 32-bit float from two registers as they stand on the wire."""
    if order in {"CDAB", "DCBA"}:
        high, low = low, high
    if order in {"BADC", "DCBA"}:
        high, low = _swapped(high), _swapped(low)
    return float(struct.unpack(">f", struct.pack(">HH", high, low))[0])


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def is_plausible(value: float) -> bool:
    """Whether a float can be a measurement: most pairs of integers, read as a float, are far too large or small."""
    return math.isfinite(value) and 1e-3 <= abs(value) < 1e8


def _is_short(value: float) -> bool:
    """Whether a few decimal digits write the float exactly, as they do most settings and coarse measurements."""
    return any(f32_of(round(value, digits)) == value for digits in range(4))


def f32_of(value: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", value))[0]) if abs(value) < 3e38 else value


def _floats(run: list[int], now: Mapping[int, int], later: Mapping[int, int], taken: set[int]) -> list[Sight]:
    """Pairs that are plausible floats; the longest chains in one word order first."""
    found: list[Sight] = []
    for order, chain, real in _chains(run, now, taken):
        if any(at in taken or at + 1 in taken for at in chain):
            continue
        for at in chain:
            value = f32(now[at], now[at + 1], order)
            moves = None
            if at in later and at + 1 in later:
                after = f32(later[at], later[at + 1], order)
                moves = after - value if after != value and math.isfinite(after) else None
            why = f"a plausible float, {real} in a row in this word order" if real > 1 else "a plausible float"
            why = "zero among floats" if value == 0.0 else why
            found.append(Sight(at, 2, "f32", value, why, order, moves))
            taken.update((at, at + 1))
    return found


def _chains(run: list[int], now: Mapping[int, int], taken: set[int]) -> list[tuple[str, list[int], int]]:
    """Word order, first registers of pairs side by side, and how many of them are not zero; the best first.

    The best explains most registers that are not zero, then has most values of few digits, then even addresses.
    """
    ranked: list[tuple[tuple[int, int, bool], str, list[int], int]] = []
    for order in ORDERS:
        for parity in (0, 1):
            for chain in _side_by_side(run, now, taken, order, parity):
                real = [at for at in chain if now[at] or now[at + 1]]
                short = sum(_is_short(f32(now[at], now[at + 1], order)) for at in real)
                # Byte-swapped floats are rare, and small integers look like them.
                swapped = order in {"BADC", "DCBA"}
                if (len(real) >= 2 and short == len(real)) if swapped else (len(real) >= 2 or short):
                    filled = sum(bool(now[at]) + bool(now[at + 1]) for at in real)
                    ranked.append(((filled, short, chain[0] % 2 == 0), order, chain, len(real)))
    ranked.sort(key=lambda each: each[0], reverse=True)
    return [(order, chain, real) for _, order, chain, real in ranked]


def _side_by_side(run: list[int], now: Mapping[int, int], taken: set[int], order: str, parity: int) -> list[list[int]]:
    """Pairs in a row that may be floats; zeros may stand between them, but not at either end."""
    chains: list[list[int]] = []
    chain: list[int] = []
    zeros = 0
    for place in [*range(parity, len(run) - 1, 2), None]:
        is_zero = place is not None and not _starts(run, now, place)
        zeros = zeros + 1 if is_zero else 0
        is_pair = place is not None and zeros <= MOST_ZEROS and _pair_is(run, now, taken, place, order)
        if place is not None and is_pair and (chain or not is_zero):
            chain.append(run[place])
            continue
        while chain and now[chain[-1]] == 0 and now[chain[-1] + 1] == 0:
            chain.pop()
        if chain:
            chains.append(chain)
        chain = []
    return chains


def _pair_is(run: list[int], now: Mapping[int, int], taken: set[int], place: int, order: str) -> bool:
    at = run[place]
    if at in taken or at + 1 in taken:
        return False
    value = f32(now[at], now[at + 1], order)
    return (now[at] == 0 and now[at + 1] == 0) or is_plausible(value)


def _starts(run: list[int], now: Mapping[int, int], place: int) -> bool:
    return bool(now[run[place]] or now[run[place] + 1])


def _integers(run: list[int], now: Mapping[int, int], later: Mapping[int, int], taken: set[int]) -> list[Sight]:
    found: list[Sight] = []
    skip = -1
    for address in run:
        word = now[address]
        if address in taken or address <= skip:
            continue
        after = address + 1
        if after in now and after not in taken:
            wide = _wide(address, now, later)
            if wide is not None:
                found.append(wide)
                skip = after
                continue
        if word == 0 and later.get(address, 0) == 0:
            continue
        moves = float(later[address] - word) if later.get(address, word) != word else None
        if word in MARKS:
            found.append(Sight(address, 1, "u16", word, MARKS[word], moves=moves))
        elif word >= 0xF000:
            found.append(Sight(address, 1, "i16", word - 0x10000, "a small negative number", moves=moves))
        else:
            above = now.get(address - 1) == 0 and address - 1 not in taken
            why = f"zero before it: u16, or u32 from {address - 1}" if above else ""
            found.append(Sight(address, 1, "u16", word, why, moves=moves))
    return found


def _wide(address: int, now: Mapping[int, int], later: Mapping[int, int]) -> Sight | None:
    """Two registers as one number, where both halves are set and they counted up together."""
    pair, after = (now[address], now[address + 1]), (later.get(address), later.get(address + 1))
    if after[0] is None or after[1] is None:
        return None
    later_pair = (after[0], after[1])
    for order, (high, low) in (("ABCD", (0, 1)), ("CDAB", (1, 0))):
        value = pair[high] << 16 | pair[low]
        moved = (later_pair[high] << 16 | later_pair[low]) - value
        # The upper half of a counter is small, and stands still while the lower half moves.
        if pair[low] != later_pair[low] and 0 < moved < 100_000 and 0 < pair[high] < 0x10:
            return Sight(address, 2, "u32", value, "went up, the upper half standing still", order, float(moved))
    return None


def stride(sights: list[Sight]) -> tuple[int, int, int] | None:
    """The address of the first of at least three texts at equal distances, the distance, and how many have room.

    Where every slot has a block of its own, its pack's serial number stands at the same place in each; that of an
    empty slot is missing.
    """
    places = [sight.address for sight in sights if sight.type == "str"]
    best: tuple[int, list[int]] = (0, [])
    # The smallest distance first: where a slot is empty, its neighbours stand two apart.
    for step in sorted({later - earlier for earlier, later in itertools.pairwise(places)}):
        rest, _ = Counter(place % step for place in places).most_common(1)[0]
        members = [place for place in places if place % step == rest]
        if len(members) > len(best[1]):
            best = (step, members)
    step, members = best
    if len(members) < 3:
        return None
    return members[0], step, (members[-1] - members[0]) // step + 1


def blocks(sights: list[Sight]) -> tuple[list[tuple[Sight, list[Sight]]], tuple[int, int, int] | None]:
    """Each sight with those at the same place of the following blocks, where the registers repeat; and the stride."""
    found = stride(sights)
    if found is None:
        return [(sight, []) for sight in sights], None
    first, step, count = found
    # Where a block begins is not known. A gap before the first text, or a stride before its end, is a good guess.
    at = {sight.address: sight for sight in sights}
    begin = first
    while begin > first - step + 1 and any(place in at for place in range(begin - 4, begin)):
        begin -= 1
    listed: list[tuple[Sight, list[Sight]]] = []
    for sight in sights:
        block = (sight.address - begin) // step if begin <= sight.address < begin + count * step else 0
        if block > 0 and any(place in at for place in range(sight.address - block * step, sight.address, step)):
            continue
        others = [at[place] for place in range(sight.address + step, begin + count * step, step) if place in at]
        inside = begin <= sight.address < begin + count * step
        listed.append((sight, others if inside else []))
    return listed, found
