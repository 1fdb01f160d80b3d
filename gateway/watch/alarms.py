"""The alarms: a list at the bottom of every page, and one alarm in full."""

from textwrap import fill
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from gateway.watch.drawn import PRIORITY, PRIORITY_MARK, left
from gateway.watch.frames import Fields
from gateway.watch.live import Live
from gateway.watch.rank import shown_alarms
from gateway.watch.rows import Rows
from gateway.watch.words import UNKNOWN, span

if TYPE_CHECKING:
    from gateway.watch.app import WatchApp

STATES = {"unacknowledged": "unacknowledged", "returned": "gone, unacknowledged", "acknowledged": "acknowledged"}
STATE_WIDTH = 21


class AlarmPane(Vertical):
    """The alarms that an operator is to see, of the network or of one station."""

    def compose(self) -> ComposeResult:
        yield Static(id="alarm-title", markup=False)
        yield Rows(id="alarms")

    def draw(self, live: Live, station: str | None, width: int) -> None:
        held = live.held("alarms")
        mine = [alarm for alarm in (held or {}).values() if station is None or alarm.get("station") == station]
        shown = shown_alarms(mine)
        self.query_one("#alarm-title", Static).update(_title(live, mine, shown, width))
        rows = self.query_one("#alarms", Rows)
        rows.show([(alarm["id"], _row(live, alarm, width)) for alarm in shown])
        rows.display = bool(shown)
        rows.can_focus = bool(shown)


def _title(live: Live, alarms: list[Fields], shown: list[Fields], width: int) -> Content:
    if live.held("alarms") is None:
        refusal = live.refusal("alarms")
        text = "waiting for the first data" if refusal is None else "this gateway keeps no alarms"
        return Content.assemble(("Alarms", "bold"), (f"  {text}", "$muted"))
    waiting = sum(alarm["state"] != "acknowledged" for alarm in shown)
    aside = len(alarms) - len(shown)
    text = "none" if not shown else f"{len(shown)}, {waiting or 'none'} unacknowledged"
    if aside:
        text += f"; {aside} put aside"
    title = Content.assemble(("Alarms", "bold"), f"  {text}")
    latest = live.latest
    if latest is None or "change" not in latest or latest.get("time") is None:
        return title
    news = f"{live.local(latest['time']):%H:%M:%S} {latest['change']}: {where(latest)}"
    room = width - title.cell_length - 2
    return Content.assemble(title, "  ", (news[:room].rjust(room), "$muted")) if room >= len(news) else title


def _row(live: Live, alarm: Fields, width: int) -> Content:
    priority = alarm.get("priority") or 4
    since = alarm.get("since")
    when = UNKNOWN if since is None else f"{live.local(since):%H:%M:%S}"
    waits = alarm["state"] != "acknowledged"
    what = Content.assemble((f"{where(alarm)}  ", "$muted"), (str(alarm.get("title") or alarm.get("condition")), ""))
    return Content.assemble(
        (PRIORITY_MARK[priority], PRIORITY[priority]),
        f"  {when}  ",
        left(what, max(10, width - 16 - STATE_WIDTH)),
        " ",
        (STATES[alarm["state"]], "bold" if waits else "$muted"),
    )


def where(alarm: Fields) -> str:
    """Whose alarm it is, from its source or id: ``S002 slot 3``.

    >>> where({"id": "S002.slot.03.charger_fault", "station": "S002"})
    'S002 slot 3'
    >>> where({"id": "S002.stockout_expected", "station": "S002"})
    'S002'
    """
    parts = str(alarm.get("id") or "").split(".")
    if len(parts) >= 4 and parts[1] == "slot" and parts[2].isdigit():
        return f"{parts[0]} slot {int(parts[2])}"
    return str(alarm.get("station") or parts[0])


class AlarmDetails(ModalScreen[None]):
    """One alarm in full, with what to do about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "acknowledge", "Acknowledge"),
        Binding("escape,enter", "dismiss", "Back"),
    ]

    def __init__(self, alarm: str) -> None:
        super().__init__()
        self._alarm = alarm

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(id="details", markup=False)

    def on_mount(self) -> None:
        self.draw()

    def draw(self) -> None:
        app = cast("WatchApp", self.app)
        alarm = (app.live.held("alarms") or {}).get(self._alarm)
        self.query_one("#details", Static).update(
            Content("This alarm is over.\n\nEsc  back") if alarm is None else _details(app.live, alarm)
        )

    def action_acknowledge(self) -> None:
        cast("WatchApp", self.app).acknowledge(self._alarm)


def _details(live: Live, alarm: Fields) -> Content:
    priority = alarm.get("priority") or 4
    state = str(alarm.get("state", "")).replace("_", " ")
    lines: list[tuple[str, str]] = [("State", STATES.get(alarm.get("state", ""), state))]
    if alarm.get("acked_by"):
        lines.append(("By", str(alarm["acked_by"])))
    if (since := alarm.get("since")) is not None:
        lasted = "" if live.now is None else f", {span(live.now - since)} ago"
        lines.append(("Since", f"{live.local(since):%a %d %b %H:%M:%S}{lasted}"))
    lines += [(name.capitalize(), str(alarm[name])) for name in ("cause", "consequence") if alarm.get(name)]
    if alarm.get("action"):
        lines.append(("What to do", str(alarm["action"])))
    if alarm.get("respond_s"):
        lines.append(("Within", span(float(alarm["respond_s"]))))
    body = "\n".join(fill(text, 74, initial_indent=f"{name:<13}", subsequent_indent=" " * 13) for name, text in lines)
    return Content.assemble(
        (PRIORITY_MARK[priority], PRIORITY[priority]),
        ("  " + str(alarm.get("title") or alarm.get("condition")), "bold"),
        f"\n{where(alarm)}\n\n{body}\n\n",
        ("a  acknowledge    Esc  back", "$muted"),
    )
