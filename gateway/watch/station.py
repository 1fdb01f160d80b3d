"""One station: its risk, its cabinet, its forecast."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from gateway.watch.cabinet import Times, cabinet
from gateway.watch.drawn import MUTED, RISK, RISK_MARK, STALE, counted, risk
from gateway.watch.fan import LEGEND, fan
from gateway.watch.frames import Fields
from gateway.watch.live import Live
from gateway.watch.network import FORECAST_LIFE_S, data, power
from gateway.watch.page import Page
from gateway.watch.rank import band, hour
from gateway.watch.words import HORIZONS, drift, span

SIDE = 62
"""Columns of the forecast where it stands beside the cabinet."""


class Station(Page):
    """A station that was opened; its topics are followed while it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Network"),
        Binding("j", "scroll('down')", "Scroll", show=False),
        Binding("k", "scroll('up')", "Scroll", show=False),
    ]

    def __init__(self, station: str) -> None:
        super().__init__()
        self.station = station

    def body(self) -> ComposeResult:
        yield Static(id="summary", markup=False)
        with VerticalScroll(id="body"), Vertical(id="columns-of-station"):
            yield Static(id="cabinet", markup=False)
            yield Static(id="forecast", markup=False)

    def on_mount(self) -> None:
        for topic in self.topics:
            self.watch_app.client.subscribe(topic)
        self.query_one("#body").focus()

    def on_unmount(self) -> None:
        for topic in self.topics:
            self.watch_app.client.unsubscribe(topic)
            self.watch_app.live.drop(topic)

    @property
    def topics(self) -> tuple[str, str]:
        """What is followed for this page."""
        return f"station/{self.station}", f"forecast/{self.station}"

    def action_back(self) -> None:
        self.watch_app.pop_screen()

    def action_scroll(self, way: str) -> None:
        body = self.query_one("#body", VerticalScroll)
        if way == "down":
            body.scroll_down(animate=False)
        else:
            body.scroll_up(animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option.id is not None:
            self.watch_app.open_alarm(event.option.id)

    def draw_body(self, live: Live) -> None:
        held = live.held(self.topics[0]) or {}
        forecast = (live.held(self.topics[1]) or {}).get("forecast")
        summary = held.get("station")
        top = self.query_one("#summary", Static)
        if summary is None:
            refused = live.refusal(self.topics[0]) is not None
            top.update(f"The gateway knows no station {self.station}." if refused else "Waiting for the first data …")
            return
        slots = sorted((each for key, each in held.items() if key.startswith("slot/")), key=lambda each: each["slot"])
        width = self.size.width - 2
        wide = self.has_class("-wide")
        expired = forecast is not None and live.now is not None and live.now > forecast["valid_until"]
        ready_at: Times = {} if forecast is None or expired else _ready_at(forecast)
        top.update(_summary(live, summary))
        room = width - SIDE - 3 if wide else width - 1
        front = cabinet(live, slots, summary.get("layout"), ready_at, room)
        self.query_one("#cabinet", Static).update(Content.assemble(front, *_drifts(live, summary)))
        side = SIDE if wide else min(width - 1, 76)
        self.query_one("#forecast", Static).update(_forecast(live, forecast, summary, side, expired))


def _ready_at(forecast: Fields) -> Times:
    made = forecast["generated_at"]
    return {
        each["slot"]: None if each["ready_s"] is None else made + each["ready_s"] for each in forecast.get("eta") or ()
    }


def _summary(live: Live, station: Fields) -> Content:
    made = station.get("forecast_time")
    old = live.now is not None and made is not None and live.now - made > FORECAST_LIFE_S
    urgency = "none" if old else band(hour(station))
    probabilities = station.get("stockout_probability") or {}
    name = Content.assemble((str(station.get("name") or station["id"]), "bold"), (f"  {station['id']}", MUTED))
    risks: list[Content | str | tuple[str, str]] = []
    for horizon, words in HORIZONS.items():
        risks += [(f"   {words} ", MUTED), risk(probabilities.get(horizon), old=old)]
    faulted = station.get("faulted")
    return Content.assemble(
        name,
        ("   ready ", MUTED),
        counted(station, "ready", f" of {station.get('slots')}"),
        ("   charging ", MUTED),
        counted(station, "charging"),
        ("   faulted ", MUTED),
        counted(station, "faulted").stylize("bold" if faulted else ""),
        "\n",
        ("power ", MUTED),
        power(station),
        ("   data ", MUTED),
        data(live, station),
        "\n",
        ("stockout within", MUTED),
        *risks,
        ("   " + RISK_MARK[urgency].strip(), RISK[urgency]),
    )


def _drifts(live: Live, station: Fields) -> list[Content | str | tuple[str, str]]:
    parts: list[Content | str | tuple[str, str]] = []
    for alarm in station.get("drifts") or ():
        slot = "" if alarm.get("slot") is None else f"slot {alarm['slot']}: "
        lasted = "" if live.now is None else f", for {span(live.now - alarm['since'])}"
        parts += ["\n\n" if not parts else "\n", ("≠ ", "bold"), f"{slot}{drift(alarm)}{lasted}"]
    return parts


def _forecast(live: Live, forecast: Fields | None, station: Fields, width: int, expired: bool) -> Content:
    if forecast is None:
        return Content.styled("No forecast yet.", MUTED)
    age = "" if live.now is None else f", made {span(live.now - forecast['generated_at'])} ago"
    state = " – out of date" if expired else ""
    lost = forecast.get("lost_swaps") or {}
    losses: list[Content | str | tuple[str, str]] = [("mean lost swaps", MUTED)]
    for horizon, words in HORIZONS.items():
        mean = lost.get(horizon)
        text = "–" if mean is None else f"{mean:.1f}{'?' if expired else ''}"
        losses += [(f"  {words} ", MUTED), (text, STALE if expired else "")]
    parts: list[Content | str | tuple[str, str]] = [
        ("Ready packs to come", "bold"),
        (f"{age}{state}", MUTED),
        "\n",
        fan(forecast, int(station.get("slots") or 1), width, old=expired),
        ("\n" + " " * 4 + LEGEND + "\n", MUTED),
        *losses,
    ]
    advice = forecast.get("advice")
    if advice is not None and not expired:
        parts += ["\n\n", ("What helps  ", "bold"), str(advice["text"])]
    return Content.assemble(*parts)
