"""What all pages of the terminal view have: who and when it is, the connection, alarms at the bottom, keys."""

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from gateway.watch.alarms import AlarmPane
from gateway.watch.drawn import left
from gateway.watch.live import Live
from gateway.watch.words import span

if TYPE_CHECKING:
    from gateway.watch.app import WatchApp


class Page(Screen[None]):
    """A page draws itself from what is known whenever it is told to."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (112, "-wide")]  # noqa: RUF012 - as Textual declares it
    station: str | None = None
    """Only this station's alarms are shown."""

    def compose(self) -> ComposeResult:
        yield Static(id="head", markup=False)
        yield Static(id="strip", markup=False)
        yield from self.body()
        yield AlarmPane()
        yield Footer(show_command_palette=False)

    @abstractmethod
    def body(self) -> ComposeResult:
        """What stands between head and alarms."""

    @abstractmethod
    def draw_body(self, live: Live) -> None:
        """Draw it."""

    @property
    def watch_app(self) -> "WatchApp":
        return cast("WatchApp", self.app)

    def on_mount(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.is_mounted or self.size.width == 0:
            return
        live = self.watch_app.live
        self.set_class(live.offline, "-offline")
        self.query_one("#head", Static).update(head(live, self.size.width - 2))
        strip = self.query_one("#strip", Static)
        strip.set_class(live.offline or live.connection.phase == "lost", "-lost")
        strip.update(connection(live, self.watch_app.url))
        self.draw_body(live)
        self.query_one(AlarmPane).draw(live, self.station, self.size.width - 2)


def head(live: Live, width: int) -> Content:
    """Site, EMULATOR mark and the site's time."""
    speed = live.health.get("speed", 1.0)
    parts: list[Content | str | tuple[str, str]] = [
        ("swaptwin", "$muted"),
        " ",
        (live.health.get("name") or "", "bold"),
    ]
    if live.health.get("emulated"):
        parts += ["  ", (f" EMULATOR{'' if speed == 1.0 else f' ×{speed:g}'} ", "bold reverse")]
    clock = ""
    if live.now is not None:
        clock = f"{live.local(live.now):%a %d %b %H:%M:%S} {live.health.get('timezone') or 'UTC'}"
    return Content.assemble(left(Content.assemble(*parts), max(0, width - len(clock) - 1)), " ", clock)


def connection(live: Live, url: str) -> Content:
    """The state of the connection, always in the same place, so that its loss moves nothing."""
    link = live.connection
    if link.phase == "live":
        return Content.styled(f"● Connected to {url}", "$muted")
    if link.phase == "connecting" and not live.ever_live:
        return Content.styled(f"○ Connecting to {url} …", "$muted")
    what = "Disconnected" if live.ever_live else f"No answer from {url}"
    known = "" if live.silence_s is None else f"; this was known {span(live.silence_s)} ago"
    again = f"next attempt in {span(live.retry_s + 0.999)}" if link.phase == "lost" else "connecting …"
    # The reason comes last: a narrow terminal cuts it off.
    return Content(f"× {what}{known}; {again}{f' ({link.why})' if link.why else ''}")
