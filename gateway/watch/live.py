"""What the terminal view knows: topics, connection, site and time. It tells when something changed."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.clock import Clock
from gateway.watch.client import Link
from gateway.watch.frames import Fields, Keyed
from gateway.watch.topic import TopicState


class Live:
    """The listener of a StreamClient; everything that is drawn is read from here."""

    def __init__(self, clock: Clock, changed: Callable[[], None], greeted: Callable[[], None]) -> None:
        """``changed``: something is to be drawn; ``greeted``: a connection was made."""
        self._clock = clock
        self._changed = changed
        self._greeted = greeted
        self._anchor: tuple[float, float] | None = None
        self._topics: dict[str, Keyed] = {}
        self._refusals: dict[str, str] = {}
        self._link = Link("connecting")
        self.ever_live = False
        self.health: Fields = {}
        self.latest: Fields | None = None
        """The last thing that happened to an alarm."""

    def link(self, link: Link) -> None:
        self._link = link
        self.ever_live |= link.phase == "live"
        self._changed()

    def hello(self) -> None:
        self._greeted()

    def time(self, seconds: float) -> None:
        self._anchor = (seconds, self._clock.monotonic())
        self._changed()

    def topic(self, topic: str, state: TopicState) -> None:
        self._topics[topic] = state.data
        self._refusals.pop(topic, None)
        self._changed()

    def event(self, topic: str, event: Fields) -> None:
        if topic == "alarms":
            self.latest = event
            self._changed()

    def refused(self, topic: str, message: str) -> None:
        self._refusals[topic] = message
        self._changed()

    def site(self, health: Fields) -> None:
        """What the gateway says of itself."""
        self.health = health
        self._changed()

    @property
    def connection(self) -> Link:
        return self._link

    @property
    def offline(self) -> bool:
        """Whether what is known is the last that was known."""
        return self.ever_live and self._link.phase != "live"

    @property
    def now(self) -> float | None:
        """Site time by the gateway's clock, counted on by ours; None before the first contact."""
        if self._anchor is None:
            return None
        site, wall = self._anchor
        return site + (self._clock.monotonic() - wall) * float(self.health.get("speed") or 1.0)

    @property
    def silence_s(self) -> float | None:
        """Wall seconds since the gateway was last heard."""
        heard = self._link.heard_at
        return None if heard is None else self._clock.monotonic() - heard

    @property
    def retry_s(self) -> float:
        """Wall seconds until the next attempt to connect."""
        return max(0.0, self._link.retry_at - self._clock.monotonic())

    def held(self, topic: str) -> Keyed | None:
        """A topic's keys; None before the first snapshot."""
        return self._topics.get(topic)

    def refusal(self, topic: str) -> str | None:
        return self._refusals.get(topic)

    def drop(self, topic: str) -> None:
        """Forget what nobody looks at any more."""
        self._topics.pop(topic, None)
        self._refusals.pop(topic, None)

    def local(self, time: float) -> datetime:
        """A time at the site."""
        try:
            zone = ZoneInfo(self.health.get("timezone") or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        return datetime.fromtimestamp(time, zone)
