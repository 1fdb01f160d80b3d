"""The keys and the signs, on one card."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

CARD = """\
Keys
  j k  ↑ ↓       down, up             Enter   open what is marked
  /              search a station     Esc     back
  a              to the alarms; there: acknowledge the marked one
  Tab            between stations and alarms
  ?              this card            q       quit

Signs
  ≈ 62 %         the twin's estimate, not measured
  62 %?          no longer current: the last that was known
  –              unknown
  no data 42 s   data is not good: why, and since when
  ■ H  ▲ M  ◆ L  risk of a stockout within the hour: high, medium, low
  ■ 1  ▲ 2  ◆ 3  priority of an alarm
  ≠              telemetry and twin do not agree

Figures of a station: ready packs, packs that charge, the probability that
no pack is ready at some moment within 15, 30, 60 and 120 minutes, and the
age of its data.

Esc  back"""


class Help(ModalScreen[None]):
    """Shown by ``?``."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,enter,q", "dismiss", "Back")]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(CARD, markup=False)
