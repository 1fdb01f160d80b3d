"""Values as they may be shown: live, the twin's estimate (``≈``), no longer current (``?``), or unknown (``–``)."""

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from gateway.watch.frames import Fields
from gateway.watch.rank import band
from gateway.watch.words import UNKNOWN, probable

MUTED = "$muted"
ESTIMATE = "italic $muted"
STALE = "dim"
RISK = {"high": "bold $abnormal-1", "medium": "bold $abnormal-2", "low": "bold $abnormal-3", "none": ""}
RISK_MARK = {"high": "■ H", "medium": "▲ M", "low": "◆ L", "none": "   "}
PRIORITY_MARK = {1: "■ 1", 2: "▲ 2", 3: "◆ 3", 4: "○ 4"}
PRIORITY = {1: "bold $abnormal-1", 2: "bold $abnormal-2", 3: "bold $abnormal-3", 4: "$muted"}


def value(text: str, quality: str, reason: str | None = None, *, known: bool = True) -> Content:
    """A value that cannot be mistaken for what it is not."""
    if not known or text == UNKNOWN:
        return Content.styled(UNKNOWN, MUTED)
    if reason == "substituted":
        return Content.styled(f"≈{text}", ESTIMATE)
    return Content(text) if quality == "good" else Content.styled(f"{text}?", STALE)


def counted(station: Fields, name: str, suffix: str = "") -> Content:
    """A count of a station's slots, which is as good as what is known of them."""
    count, quality, reason = station.get(name), station.get("ready_quality", "bad"), station.get("ready_reason")
    return value(f"{count}{suffix}", quality, reason, known=count is not None)


def risk(probability: float | None, *, old: bool) -> Content:
    """A probability of running out; one from a forecast whose time has passed is not current."""
    if old and probability is not None:
        return Content.styled(f"{probable(probability)}?", STALE)
    return Content.styled(probable(probability), RISK[band(probability)] if probability is not None else MUTED)


def left(content: Content | str, width: int) -> Content:
    """At the left of a column, cut with an ellipsis where it is too long."""
    held = Content(content) if isinstance(content, str) else content
    return held.truncate(width, ellipsis=True, pad=True)


def right(content: Content, width: int) -> Content:
    """At the right of a column."""
    return Content.assemble(" " * max(0, width - content.cell_length), content)


def bar(share: float | None, width: int) -> str:
    """A share as a bar of whole cells.

    >>> bar(0.5, 4)
    '██░░'
    """
    filled = 0 if share is None else round(min(max(share, 0.0), 1.0) * width)
    return "█" * filled + "░" * (width - filled)


def fitted(text: str, width: int) -> str:
    """A text that fills a column exactly, whatever its script."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"
