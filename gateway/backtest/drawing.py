"""Small drawings as inline SVG; colours come from the page's style."""

import html
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

_COLOURS = ("var(--ours)", "var(--other)", "var(--oracle)")


def reliability_diagram(table: Mapping[str, Any], size: int = 230) -> str:
    """Said against happened, with the diagonal, and the number of forecasts of each group on a logarithmic scale."""
    left, top, plot, below = 34, 8, size - 44, 44
    points = []
    most = max(*table["count"], 1)
    columns = []
    for number, count in enumerate(table["count"]):
        if not count:
            continue
        x = left + table["said"][number] * plot
        y = top + (1.0 - table["happened"][number]) * plot
        radius = 3.5 if count >= 20 else 2.0
        points.append((x, y, radius, count, table["said"][number], table["happened"][number]))
        tall = below * (len(str(count)) - 1 + count / 10 ** len(str(count))) / (len(str(most)))
        width = plot / len(table["count"])
        foot = top + plot + 22 + below
        columns.append(
            f'<rect x="{left + number * width + 1:.1f}" y="{foot - max(tall, 1.5):.1f}" width="{width - 2:.1f}" '
            f'height="{max(tall, 1.5):.1f}" fill="var(--other)" opacity=".55"><title>{count} forecasts</title></rect>'
        )
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="var(--ours)">'
        f"<title>said {said:.2f}, happened {happened:.2f}, {count} forecasts</title></circle>"
        for x, y, r, count, said, happened in points
    )
    return (
        f'<svg viewBox="0 0 {size} {top + plot + 22 + below + 4}" role="img" aria-label="reliability diagram">'
        f"{_frame(left, top, plot, plot, ('0', '.5', '1'), ('0', '.5', '1'))}"
        f'<line x1="{left}" y1="{top + plot}" x2="{left + plot}" y2="{top}" stroke="var(--line)" stroke-width="1.5"/>'
        f'<polyline points="{joined}" fill="none" stroke="var(--ours)" stroke-width="1.5" opacity=".7"/>{dots}'
        f"{''.join(columns)}</svg>"
    )


def bars(counts: Sequence[int], width: int = 230, height: int = 120) -> str:
    """A histogram of shares with the level that all columns would have if they were alike."""
    left, top, plot_w, plot_h = 8, 8, width - 16, height - 16
    total, mean = max(sum(counts), 1), 1.0 / len(counts)
    most = max(max(counts) / total, 2.0 * mean)
    each = plot_w / len(counts)
    columns = "".join(
        f'<rect x="{left + number * each + 1:.1f}" y="{top + plot_h * (1 - count / total / most):.1f}" '
        f'width="{each - 2:.1f}" height="{plot_h * count / total / most:.1f}" fill="var(--ours)" opacity=".8">'
        f"<title>{count / total:.1%}</title></rect>"
        for number, count in enumerate(counts)
    )
    level = top + plot_h * (1 - mean / most)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="histogram">{columns}'
        f'<line x1="{left}" x2="{left + plot_w}" y1="{level:.1f}" y2="{level:.1f}" stroke="var(--ink)" '
        f'stroke-dasharray="3 3" opacity=".6"/><line x1="{left}" x2="{left + plot_w}" y1="{top + plot_h}" '
        f'y2="{top + plot_h}" stroke="var(--line)"/></svg>'
    )


def lines(labels: Sequence[str], series: Mapping[str, Sequence[float | None]], width: int = 480) -> str:
    """Skills from -0.2 to 1 over named places; a gap where there is none, worse ones at the lower edge."""
    left, top, plot_w, plot_h = 34, 26, width - 44, 170
    low, high = -0.2, 1.0

    def place(number: int, value: float) -> str:
        x = left + plot_w * (number + 0.5) / len(labels)
        return f"{x:.1f},{top + plot_h * (high - max(value, low)) / (high - low):.1f}"

    drawn, legend, at = [], [], left
    for (name, values), colour in zip(series.items(), _COLOURS, strict=False):
        numbered = [(number, value) for number, value in enumerate(values)]
        for known, run in groupby(numbered, key=lambda item: item[1] is not None):
            if known:
                joined = " ".join(place(number, value) for number, value in run if value is not None)
                drawn.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [
            f'<circle cx="{place(n, v).split(",")[0]}" cy="{place(n, v).split(",")[1]}" r="2.6" fill="{colour}">'
            f"<title>{html.escape(name)}, {labels[n]}: {v:.2f}</title></circle>"
            for n, v in numbered
            if v is not None
        ]
        legend.append(
            f'<rect x="{at}" y="6" width="14" height="3" fill="{colour}"/>'
            f'<text x="{at + 19}" y="11">{html.escape(name)}</text>'
        )
        at += 30 + 7 * len(name)
    marks = "".join(
        f'<text x="{left + plot_w * (number + 0.5) / len(labels):.1f}" y="{top + plot_h + 16}" '
        f'text-anchor="middle">{html.escape(label)}</text>'
        for number, label in enumerate(labels)
        if len(labels) <= 8 or number % 3 == 0
    )
    levels = "".join(
        f'<line x1="{left}" x2="{left + plot_w}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)" '
        f'stroke-width="{1.6 if level == 0 else 1}"/>'
        f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{level:g}</text>'
        for level in (0, 0.25, 0.5, 0.75, 1)
        for y in (top + plot_h * (high - level) / (high - low),)
    )
    return (
        f'<svg viewBox="0 0 {width} {top + plot_h + 24}" role="img" aria-label="skill">{levels}{marks}'
        f"{''.join(drawn)}{''.join(legend)}</svg>"
    )


def _frame(left: float, top: float, wide: float, tall: float, below: Sequence[str], beside: Sequence[str]) -> str:
    texts = []
    for number, text in enumerate(below):
        x = left + wide * number / (len(below) - 1)
        texts.append(f'<text x="{x:.1f}" y="{top + tall + 14}" text-anchor="middle">{text}</text>')
    for number, text in enumerate(beside):
        y = top + tall * (1 - number / (len(beside) - 1)) + 4
        texts.append(f'<text x="{left - 6}" y="{y:.1f}" text-anchor="end">{text}</text>')
    frame = f'<rect x="{left}" y="{top}" width="{wide}" height="{tall}" fill="var(--card)" stroke="var(--line)"/>'
    return frame + "".join(texts)
