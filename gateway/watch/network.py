"""The network: stations worst first."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from gateway.watch.drawn import MUTED, RISK, RISK_MARK, counted, left, right, risk, value
from gateway.watch.frames import Fields
from gateway.watch.live import Live
from gateway.watch.page import Page
from gateway.watch.rank import band, hour, worst_first
from gateway.watch.rows import Rows
from gateway.watch.words import HORIZONS, UNKNOWN, age_s, kilowatts, roughly, silent, trouble

FORECAST_LIFE_S = 900.0
"""A forecast whose first horizon has passed says nothing about the next quarter of an hour."""
WIDE = 100
READY, CHARGING, RISKS, POWER, DATA = 7, 9, 6, 15, 18
MARK = 4


class Network(Page):
    """All stations in one list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search"),
        Binding("escape", "clear", "All stations", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sought = ""

    def body(self) -> ComposeResult:
        yield Static(id="figures", markup=False)
        yield Static(id="columns", markup=False)
        yield Rows(id="stations")
        yield Static(id="nothing", markup=False)
        yield Input(id="search", placeholder="part of a station's name", compact=True)

    def on_mount(self) -> None:
        self.query_one("#search").display = False
        self.query_one("#stations").focus()

    def draw_body(self, live: Live) -> None:
        held = live.held("stations")
        stations = worst_first((held or {}).values())
        found = [s for s in stations if self._sought in f"{s['id']} {s.get('name', '')}".lower()]
        width = self.size.width - 2
        self.query_one("#figures", Static).update(_figures(stations) if held is not None else Content(""))
        self.query_one("#columns", Static).update(_titles(width))
        rows = self.query_one("#stations", Rows)
        rows.show([(station["id"], _row(live, station, width)) for station in found])
        nothing = self.query_one("#nothing", Static)
        nothing.display = not found
        if held is None:
            nothing.update("Waiting for the first data …")
        else:
            nothing.update("No station is called so." if stations else "The site file names no station.")

    def action_search(self) -> None:
        search = self.query_one("#search", Input)
        search.display = True
        search.focus()

    def action_clear(self) -> None:
        search = self.query_one("#search", Input)
        search.value = ""
        search.display = False
        self.query_one("#stations").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._sought = event.value.strip().lower()
        self.draw()

    def on_input_submitted(self) -> None:
        self.query_one("#stations").focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option.id is None:
            return
        if event.option_list.id == "stations":
            self.watch_app.open_station(event.option.id)
        else:
            self.watch_app.open_alarm(event.option.id)


def _figures(stations: list[Fields]) -> Content:
    def total(name: str) -> float:
        return sum(station.get(name) or 0 for station in stations)

    estimated = any(station.get("ready_quality") != "good" for station in stations)
    unknown = sum(station.get("power_w") is None for station in stations)
    doubtful = sum(station.get("quality") != "good" for station in stations)
    ready = Content.styled(f"≈{total('ready'):.0f}", MUTED) if estimated else Content(f"{total('ready'):.0f}")
    power = f"{kilowatts(total('power_w'))} / {kilowatts(total('grid_limit_w'))} kW"
    return Content.assemble(
        f"{len(stations)} station{'' if len(stations) == 1 else 's'}",
        ("  ready ", MUTED),
        ready,
        f" of {total('slots'):.0f}",
        ("  power ", MUTED),
        power,
        (f", {unknown} unknown" if unknown else "", MUTED),
        ("  data not good ", MUTED),
        (str(doubtful), "bold" if doubtful else ""),
    )


def _name_width(width: int) -> int:
    power = POWER if width >= WIDE else 0
    return max(10, width - MARK - READY - CHARGING - len(HORIZONS) * RISKS - power - 2 - DATA)


def _titles(width: int) -> Content:
    name = _name_width(width)
    minutes = "".join(f"{int(seconds) // 60:>{RISKS}}" for seconds in HORIZONS)
    above = " " * (MARK + name + READY + CHARGING) + f"{'stockout within, min':>{len(minutes)}}"
    power = f"{'Power / limit':>{POWER}}" if width >= WIDE else ""
    below = f"{'':{MARK}}{'Station':<{name}}{'Ready':>{READY}}{'Charging':>{CHARGING}}{minutes}{power}  Data"
    return Content.styled(f"{above}\n{below}", MUTED)


def _row(live: Live, station: Fields, width: int) -> Content:
    made = station.get("forecast_time")
    old = live.now is not None and made is not None and live.now - made > FORECAST_LIFE_S
    probabilities = station.get("stockout_probability") or {}
    urgency = "none" if old else band(hour(station))
    room = _name_width(width)
    name = Content.styled(str(station.get("name") or station["id"]), "bold" if urgency == "high" else "")
    if name.cell_length + 2 + len(station["id"]) <= room:
        name = Content.assemble(name, (f"  {station['id']}", MUTED))
    parts: list[Content | str | tuple[str, str]] = [
        (f"{RISK_MARK[urgency]:<{MARK}}", RISK[urgency]),
        left(name, room),
        right(counted(station, "ready", f"/{station.get('slots')}"), READY),
        right(counted(station, "charging"), CHARGING),
    ]
    parts += [right(risk(probabilities.get(horizon), old=old), RISKS) for horizon in HORIZONS]
    if width >= WIDE:
        parts.append(right(power(station), POWER))
    return Content.assemble(*parts, "  ", data(live, station).truncate(DATA, ellipsis=True))


def power(station: Fields) -> Content:
    """What a station draws, of what it may."""
    watts = station.get("power_w")
    drawn = value(kilowatts(watts), station.get("power_quality") or "good", known=watts is not None)
    return Content.assemble(drawn, (f" / {kilowatts(station.get('grid_limit_w'))} kW", MUTED))


def data(live: Live, fields: Fields) -> Content:
    """How good the data of a station or slot is: its age where it is good, else why it is not."""
    quality, reason = fields.get("quality") or "bad", fields.get("reason")
    age = age_s(fields.get("data_time"), live.now)
    if quality == "good":
        text = UNKNOWN if age is None else roughly(age)
        return Content.styled(f"was good {text}" if live.offline else text, MUTED)
    return Content.styled(trouble(quality, reason, age if silent(reason) else None), "bold")
