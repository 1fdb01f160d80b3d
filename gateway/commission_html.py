"""The acceptance protocol as one HTML page that needs nothing else, and that prints well."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.commission_acceptance import Acceptance, Result, Step

STYLE = Path(__file__).with_name("commission_report.css")
WORDS = {Result.PASS: "passed", Result.FAIL: "failed", Result.SKIPPED: "skipped"}


def page(acceptance: Acceptance) -> str:
    """The whole page."""
    verdict = "pass" if acceptance.passed else "fail"
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts_of(acceptance))
    style = STYLE.read_text(encoding="utf-8")
    steps = "".join(_section(number, step) for number, step in enumerate(acceptance.steps, start=1))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Acceptance of {escape(acceptance.name)}</title><style>{style}</style></head>"
        f'<body><h1>Acceptance of {escape(acceptance.name)}</h1><div class="soft">Commissioning protocol</div>'
        f'<div class="verdict {verdict}">{verdict_of(acceptance)}</div><dl>{facts}</dl>{steps}'
        f"{_signatures(acceptance)}</body></html>\n"
    )


def verdict_of(acceptance: Acceptance) -> str:
    """The result in a sentence."""
    counts = {result: sum(step.result is result for step in acceptance.steps) for result in Result}
    listed = ", ".join(f"{count} {WORDS[result]}" for result, count in counts.items() if count)
    return f"{'Passed' if acceptance.passed else 'Not passed'}: {listed}"


def facts_of(acceptance: Acceptance) -> list[tuple[str, str]]:
    """What identifies the acceptance: names and values."""
    return [
        ("Site", f"{acceptance.site} ({acceptance.file})"),
        ("Stations", ", ".join(acceptance.stations)),
        ("Engineer", acceptance.engineer or "not named"),
        ("Begun", time_of(acceptance.started, acceptance.timezone)),
        ("Ended", time_of(acceptance.ended, acceptance.timezone)),
        ("Configuration", f"SHA-256 {acceptance.site_hash}"),
        ("Software", f"swaptwin {acceptance.version}"),
    ]


def time_of(seconds: float, timezone: str) -> str:
    """A time at the site, with its zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _section(number: int, step: Step) -> str:
    details = "".join(f"<li>{escape(detail)}</li>" for detail in step.details)
    curves = "".join(
        f"<figure>{_curve(values)}<figcaption>{escape(name)}, up to {max(values):.3g}</figcaption></figure>"
        for name, values in step.curves
        if len(values) > 1
    )
    return (
        f'<section><header class="step"><h2>{number}. {escape(step.title)}</h2>'
        f'<span class="mark {step.result.value}">{WORDS[step.result]}</span></header><p>{escape(step.summary)}.</p>'
        + (f"<ul>{details}</ul>" if details else "")
        + (_table(step.head, step.rows) if step.rows else "")
        + (f'<div class="curves">{curves}</div>' if curves else "")
        + "</section>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def _curve(values: Sequence[float], width: int = 200, height: int = 54) -> str:
    """The values in order, from zero up."""
    most = max(*values, 1e-9)
    step = (width - 8) / (len(values) - 1)
    points = " ".join(
        f"{4 + number * step:.1f},{height - 5 - (height - 10) * max(value, 0.0) / most:.1f}"
        for number, value in enumerate(values)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="course of the values">'
        f'<polyline points="{points}" fill="none" stroke="var(--ours)" stroke-width="1.3"/></svg>'
    )


def _signatures(acceptance: Acceptance) -> str:
    day = time_of(acceptance.ended, acceptance.timezone)
    return (
        f'<div class="sign"><div>{escape(acceptance.engineer or "Engineer")}, {escape(day)}<br>'
        '<span class="soft">commissioned by</span></div>'
        '<div><br><span class="soft">accepted by, date</span></div></div>'
    )
