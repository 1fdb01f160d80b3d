"""``swaptwin watch``: the application around the pages."""

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.theme import Theme

from config.clock import Clock
from gateway.watch import rest
from gateway.watch.alarms import AlarmDetails
from gateway.watch.client import StreamClient
from gateway.watch.help import Help
from gateway.watch.live import Live
from gateway.watch.network import Network
from gateway.watch.page import Page
from gateway.watch.rows import Rows
from gateway.watch.station import Station

TOPICS = ("stations", "alarms")
TICK_S = 1.0
"""How often ages are counted up where nothing else changes."""

CALM = Theme(
    name="calm",
    primary="#9aa3aa",
    foreground="#d3d8dc",
    background="#1d2124",
    surface="#1d2124",
    panel="#272c30",
    dark=True,
    variables={
        "muted": "#929ca4",
        "equipment": "#78828a",
        "cursor": "#39424a",
        "abnormal-1": "#ff7369",
        "abnormal-2": "#f5a742",
        "abnormal-3": "#e8d44d",
    },
)
"""Grey on grey; saturated colour is left to what is abnormal."""


class WatchApp(App[None]):
    """The terminal view of one gateway. It reads, and acknowledges alarms in somebody's name."""

    CSS_PATH = "watch.tcss"
    TITLE = "swaptwin"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "alarms", "Alarms"),
        Binding("question_mark", "help", "Help"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, url: str, clock: Clock, by: str) -> None:
        """``url``: the gateway's; ``by``: in whose name alarms are acknowledged."""
        super().__init__()
        self.url = url.rstrip("/")
        self.by = by
        self._clock = clock
        self._drawing = False
        self.register_theme(CALM)
        self.theme = CALM.name
        self.live = Live(clock, self._changed, self._greeted)
        self.client = StreamClient(self.url, self.live, clock)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return CALM.variables

    def on_mount(self) -> None:
        for topic in TOPICS:
            self.client.subscribe(topic)
        self.push_screen(Network())
        self.run_worker(self.client.run(), exclusive=False)
        self.run_worker(self._tick(), exclusive=False)

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            self._draw()

    def _changed(self) -> None:
        """Draw once, after all that has come by now."""
        if not self._drawing:
            self._drawing = True
            self.call_later(self._draw)

    def _draw(self) -> None:
        self._drawing = False
        if not self.is_running:  # the pages are being taken down
            return
        for screen in self.screen_stack:
            if isinstance(screen, Page | AlarmDetails):
                screen.draw()

    def _greeted(self) -> None:
        self.run_worker(self._ask_health(), group="health", exclusive=True)

    async def _ask_health(self) -> None:
        try:
            self.live.site(await rest.health(self.url))
        except rest.RestError as error:
            self.notify(f"The site's name and time zone are not known: {error}", severity="warning", markup=False)

    def open_station(self, station: str) -> None:
        self.push_screen(Station(station))

    def open_alarm(self, alarm: str) -> None:
        self.push_screen(AlarmDetails(alarm))

    def acknowledge(self, alarm: str) -> None:
        self.run_worker(self._acknowledge(alarm))

    async def _acknowledge(self, alarm: str) -> None:
        try:
            await rest.acknowledge(self.url, alarm, self.by)
        except rest.RestError as error:
            self.notify(f"Not acknowledged: {error}", severity="error", markup=False)
        else:
            self.notify(f"Acknowledged by {self.by}.", markup=False)

    def action_alarms(self) -> None:
        """To the alarms; who is there already acknowledges the one under the cursor."""
        alarms = self.screen.query_one("#alarms", Rows)
        if not alarms.has_focus:
            if alarms.display:
                alarms.focus()
            return
        if alarms.chosen is not None:
            self.acknowledge(alarms.chosen)

    def action_help(self) -> None:
        self.push_screen(Help())
