"""The forecast of ready packs as a chart of characters. Pure."""

from textual.content import Content

from gateway.watch.drawn import MUTED
from gateway.watch.frames import Fields

HEIGHT = 7
AXIS = 4
LEGEND = "━ median   ▒ 25–75 %   ░ 5–95 %"


def fan(forecast: Fields, slots: int, width: int, *, old: bool) -> Content:
    """Ready packs over the forecast's time, none at the bottom and all slots at the top."""
    ready = forecast["ready"]
    times = ready["t"]
    plot = max(10, width - AXIS)
    count = len(times)
    top = max(1, slots)

    def row(value: float) -> int:
        return round(min(max(value, 0.0), top) / top * (HEIGHT - 1))

    picks = [min(count - 1, round(column * (count - 1) / (plot - 1))) for column in range(plot)] if count else []
    columns = [{band: row(ready[band][i]) for band in ("p05", "p25", "p50", "p75", "p95")} for i in picks]
    lines = []
    for level in reversed(range(HEIGHT)):
        label = {0: "0", HEIGHT - 1: str(top)}.get(level, "")
        cells = "".join(_cell(column, level) for column in columns)
        lines.append(Content.assemble((f"{label:>{AXIS - 2}} ┤" if label else f"{'':{AXIS - 1}}│", MUTED), cells))
    lines.append(Content.styled(" " * AXIS + _times(times, plot), MUTED))
    chart = Content("\n").join(lines)
    return chart.stylize("dim") if old else chart


def _cell(column: dict[str, int], level: int) -> str:
    if level == column["p50"]:
        return "━"
    if column["p25"] <= level <= column["p75"]:
        return "▒"
    return "░" if column["p05"] <= level <= column["p95"] else " "


def _times(times: list[float], plot: int) -> str:
    """Labels every half hour, as far as the forecast goes."""
    line = [" "] * plot
    total = times[-1] - times[0] if len(times) > 1 else 0.0
    for minutes in range(0, 24 * 60, 30):
        if total <= 0.0 or minutes * 60 > total:
            break
        label = "made" if minutes == 0 else f"+{minutes // 60} h" if minutes % 60 == 0 else f"+{minutes} min"
        start = min(round(minutes * 60 / total * (plot - 1)), plot - len(label))
        line[start : start + len(label)] = label
    return "".join(line)
