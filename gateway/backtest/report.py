"""The report of a backtest: one page that says how good the forecast was, in words, tables and drawings. No scripts."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.backtest.drawing import bars, lines, reliability_diagram

STYLE = Path(__file__).with_name("report.css")

NAMES = {
    "swaptwin": "swaptwin",
    "ready_only": "ready count only",
    "climatology": "climatology",
    "persistence": "persistence",
    "oracle": "oracle",
}
EXPLAINED = {
    "swaptwin": "what the gateway would have shown",
    "ready_only": "how often it happened with so many packs ready at these hours; knows nothing of charges under way",
    "climatology": "how often it happened at this half hour of a working day or weekend",
    "persistence": "as now, so later",
    "oracle": "the same twin told how many riders will come in each five minutes: out of reach, it bounds what "
    "a better demand model could gain",
}
HORIZON_NAMES = {"900": "15 min", "1800": "30 min", "3600": "60 min", "7200": "120 min"}


def page(result: Mapping[str, Any]) -> str:
    """The whole page."""
    ours = result["scores"]["swaptwin"]
    title = f"How good was the forecast? {result['site']}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="soft">{_what(result)}</p>',
        f'<p class="lead">{_verdict(result)}</p>',
        _cards(ours),
        _notes(result["notes"]),
        "<h2>Beside simpler forecasts</h2>",
        "<p>Brier skill against climatology: 1 is perfect, 0 is no better, below 0 is worse. "
        "In brackets the 90&nbsp;% interval, drawn by whole days.</p>",
        _skill_table(result["scores"]),
        "<dl>" + "".join(f"<dt>{NAMES[model]}</dt><dd>{text}</dd>" for model, text in EXPLAINED.items()) + "</dl>",
        "<h2>Did it happen as often as it said?</h2>",
        "<p>Each point is a group of forecasts: what they said, and how often it happened. On the diagonal they can be "
        "taken at their word. The columns below count each group (logarithmic).</p>",
        _figures((HORIZON_NAMES[h], reliability_diagram(ours[h]["reliability"])) for h in HORIZON_NAMES),
        "<h2>Skill by horizon, hour and load</h2>",
        _figures(
            [
                ("By horizon, beside the others", _by_horizon(result["scores"])),
                ("By hour of the local day: 30 and 120 min", _by_hour(result["by_hour"])),
            ],
            wide=True,
        ),
        _load_table(result["by_load"]),
        "<h2>The count of ready packs</h2>",
        "<p>Where in the ensemble the true count fell (randomised PIT). Level columns: the bands are as wide as they "
        "should be. High in the middle: too wide; high at both ends: too narrow; slanted: too high or too low.</p>",
        _figures(
            (f"{HORIZON_NAMES[h]} · CRPS {_figure(ours[h]['crps_ready'], 2)} packs", bars(ours[h]["pit"]))
            for h in HORIZON_NAMES
        ),
        "<h2>All scores</h2>",
        _score_table(ours),
        "<h2>Stations</h2>",
        _station_table(result),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _what(result: Mapping[str, Any]) -> str:
    return html.escape(
        f"{result['forecasts']} forecasts at {len(result['stations'])} stations, every half hour from "
        f"{result['test_from']} until {result['test_until']} ({result['timezone']}), "
        f"{result['replicas']} futures each. "
        f"Riders of {result['arrivals']}; learned from {result['train_from']} on. The station is the emulator's "
        "physics; the forecaster saw its telemetry only, with noise and gaps, up to each moment."
    )


def _verdict(result: Mapping[str, Any]) -> str:
    hour = result["scores"]["swaptwin"]["3600"]
    base = hour["base_rate"]
    if not base:
        return "No station ran out of ready packs in these days, so there was nothing to foresee."
    skill, others = hour["brier_skill"], result["scores"]["ready_only"]["3600"]["brier_skill"]
    better = "avoids" if skill > 0 else "adds"
    text = (
        f"Within an hour of a forecast a station ran out of ready packs in {base:.0%} of cases. "
        f"swaptwin {better} {abs(skill):.0%} of the error that going by the time of day makes"
    )
    if others is not None:
        text += f"; knowing how many packs are ready avoids {others:.0%}" if others > 0 else ""
    said = hour["ece"]
    return html.escape(f"{text}. What it says is off by {said * 100:.1f} percentage points on average.")


def _cards(ours: Mapping[str, Any]) -> str:
    cards = (
        f'<div class="card"><span class="soft">{HORIZON_NAMES[h]} ahead</span>'
        f"<b>{_figure(ours[h]['brier_skill'], 2)}</b>"
        f'<span class="soft">skill · calibration error {_figure(ours[h]["ece"], 3)}</span></div>'
        for h in HORIZON_NAMES
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return (
        "<p>About the file of arrivals:</p><ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in notes) + "</ul>"
    )


def _figures(figures: Any, *, wide: bool = False) -> str:
    cells = (f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>" for caption, drawing in figures)
    return f'<div class="grid{" wide" if wide else ""}">{"".join(cells)}</div>'


def _by_horizon(scores: Mapping[str, Any]) -> str:
    shown = {
        NAMES[m]: [scores[m][h]["brier_skill"] for h in HORIZON_NAMES] for m in ("swaptwin", "ready_only", "oracle")
    }
    return lines(list(HORIZON_NAMES.values()), shown)


def _by_hour(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = {HORIZON_NAMES[h]: [row.get(h, {}).get("brier_skill") for row in rows] for h in ("1800", "7200")}
    return lines([str(hour) for hour in range(24)], shown)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], ours: int = -1) -> str:
    body = "".join(
        f"<tr{' class=ours' if number == ours else ''}>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
        for number, row in enumerate(rows)
    )
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _skill_table(scores: Mapping[str, Any]) -> str:
    rows = []
    for model, name in NAMES.items():
        cells = []
        for h in HORIZON_NAMES:
            text = _figure(scores[model][h]["brier_skill"], 3)
            low, high = scores[model][h].get("brier_skill_90", (None, None))
            cells.append(text if low is None else f"{text} ({_figure(low, 2)} to {_figure(high, 2)})")
        rows.append([name, *cells])
    rows.append(["how often it happened", *(_figure(scores["swaptwin"][h]["base_rate"], 3) for h in HORIZON_NAMES)])
    return _table(["", *HORIZON_NAMES.values()], rows, ours=0)


def _load_table(loads: Mapping[str, Any]) -> str:
    rows = [
        [name, str(row["forecasts"]), *(f"{_figure(row.get(h, {}).get('brier_skill'), 3)}" for h in HORIZON_NAMES)]
        for name, row in loads.items()
    ]
    return "<p>By load: thirds of the forecasts by riders in the hour before, station by station.</p>" + _table(
        ["load", "forecasts", *HORIZON_NAMES.values()], rows
    )


def _score_table(ours: Mapping[str, Any]) -> str:
    kinds = {
        "brier": "Brier score",
        "fair_brier": "fair Brier score (noise of the ensemble's size taken out)",
        "brier_skill": "Brier skill against climatology",
        "fair_brier_skill": "fair Brier skill",
        "ece": "calibration error (ECE, 10 bins)",
        "log_loss": "log loss",
        "auc": "area under the ROC curve",
        "crps_ready": "CRPS of the ready count (packs)",
    }
    rows = [[text, *(_figure(ours[h][key], 4) for h in HORIZON_NAMES)] for key, text in kinds.items()]
    return _table(["", *HORIZON_NAMES.values()], rows)


def _station_table(result: Mapping[str, Any]) -> str:
    rows = []
    for station, scores in result["stations"].items():
        counts = result["replays"][station]
        skills = (_figure(scores["swaptwin"][h]["brier_skill"], 3) for h in HORIZON_NAMES)
        rate = _figure(scores["swaptwin"]["3600"]["base_rate"], 3)
        rows.append([html.escape(station), str(counts["arrivals"]), str(counts["lost"]), rate, *skills])
    return _table(["station", "riders", "lost", "happened (60 min)", *HORIZON_NAMES.values()], rows)


def _figure(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"
