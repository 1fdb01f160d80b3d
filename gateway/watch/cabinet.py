"""The cabinet's front in text: a tile per slot, in the places that the doors have where these fit. Pure."""

from collections.abc import Mapping, Sequence

from textual.content import Content

from gateway.watch.drawn import ESTIMATE, MUTED, STALE, bar, fitted, left, right
from gateway.watch.frames import Fields
from gateway.watch.live import Live
from gateway.watch.words import CHARGER, UNKNOWN, age_s, percent, ready_in, silent, trouble

TILE = 18
GAP = 1
BAR = 8

Times = Mapping[int, float | None]
"""When the pack of a slot is ready; None is never, as power is shared now."""


def cabinet(live: Live, slots: Sequence[Fields], layout: Fields | None, ready_at: Times, width: int) -> Content:
    """All tiles, row by row."""
    tiles = {slot["slot"]: tile(live, slot, ready_at) for slot in slots}
    rows = []
    for numbers in _places([slot["slot"] for slot in slots], layout, (width + GAP) // (TILE + GAP)):
        row = [tiles.get(number) if number is not None else None for number in numbers]
        for line in range(3):
            cells = [Content(" " * TILE) if each is None else each[line] for each in row]
            rows.append(Content(" " * GAP).join(cells))
        rows.append(Content(""))
    return Content("\n").join(rows[:-1])


def _places(numbers: Sequence[int], layout: Fields | None, fit: int) -> list[list[int | None]]:
    """Rows of slot numbers: as on the door, else as many beside each other as fit."""
    cells = (layout or {}).get("cells")
    if cells and max(len(row) for row in cells) <= fit:
        return [list(row) for row in cells]
    fit = max(1, fit)
    return [list(numbers[i : i + fit]) for i in range(0, len(numbers), fit)]


def tile(live: Live, slot: Fields, ready_at: Times) -> tuple[Content, Content, Content]:
    """Three lines of one slot."""
    marks = slot.get("not_good") or {}
    empty = slot.get("occupied") is False and "occupied" not in marks
    good = slot.get("quality") == "good"
    state = slot.get("charger_state")
    fault = state == "fault"
    letter, word = CHARGER.get(state or "", ("", UNKNOWN))
    what = "empty" if empty and state in {"idle", None} else f"{letter} {word}".strip()
    doubtful = "charger_state" in marks
    head = f"{slot['slot']:>2} {what}{'?' if doubtful else ''}"
    drifting = bool((slot.get("twin") or {}).get("drift"))
    edge = ("▌", "bold $abnormal-1" if fault else "$equipment")
    flags = "≠" if drifting else ""
    first = Content.assemble(
        edge, (fitted(head, TILE - 2), "bold" if fault else STALE if doubtful else ""), (fitted(flags, 1), "bold")
    )
    second = Content.assemble(edge, left(_level(slot, empty), TILE - 1))
    return first, second, Content.assemble(edge, left(_foot(live, slot, good, ready_at), TILE - 1))


def _level(slot: Fields, empty: bool) -> Content:
    """The state of charge: live where that is good, else the twin's estimate, else the last known, as such."""
    if empty:
        return Content("")
    soc, believed = slot.get("soc"), (slot.get("twin") or {}).get("soc")
    if soc is not None and "soc" not in (slot.get("not_good") or {}):
        return Content.assemble((" " + bar(soc, BAR), "$equipment"), right(Content(percent(soc)), 7))
    if believed is not None:
        return Content.styled(f" {bar(believed, BAR)}{'≈' + percent(believed):>7}", ESTIMATE)
    if soc is not None:
        return Content.styled(f" {bar(soc, BAR)}{percent(soc) + '?':>7}", STALE)
    return Content.styled(f" {bar(None, BAR)}{UNKNOWN:>7}", MUTED)


def _foot(live: Live, slot: Fields, good: bool, ready_at: Times) -> Content:
    if not good:
        reason = slot.get("reason")
        age = age_s(slot.get("data_time"), live.now) if silent(reason) else None
        return Content.styled(" " + trouble(slot.get("quality") or "bad", reason, age), "bold")
    if slot.get("door_open"):
        return Content.styled(" door open", "bold")
    pack = slot.get("pack_id")
    name = f"…{pack[-4:]}" if pack else ""
    if slot.get("ready"):
        return Content.assemble((f" {name:<6}", MUTED), f"{'ready':>9}")
    if slot["slot"] in ready_at and live.now is not None:
        return Content.assemble((f" {name:<6}", MUTED), (f"{ready_in(ready_at[slot['slot']], live.now):>9}", MUTED))
    return Content.styled(f" {name}", MUTED)
