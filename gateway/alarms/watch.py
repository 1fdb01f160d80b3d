"""One condition of the catalogue, looked at in all its sources at once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.alarm_catalogue import CATALOGUE
from gateway.alarms.delays import Delays, Flags, Floats
from gateway.alarms.design import explained_by
from gateway.alarms.site import Source, WatchedSite


class Seen(NamedTuple):
    """What is seen now, by source: whether the condition holds, whether that is known, and the value behind it."""

    holds: Flags
    known: Flags
    value: Floats | None = None
    limit: Floats | None = None
    """Where it is not the rule's own."""


class Watch(ABC):
    """A condition whose rule is enabled, in the sources that can have it. ``picked``: those of all candidates."""

    def __init__(self, name: str, site: WatchedSite, candidates: Sequence[Source], can: Flags | None = None) -> None:
        self.condition = CATALOGUE[name]
        self.site = site
        rules = [site.rules[source.station][name] for source in candidates]
        wanted = np.array([rule.enabled for rule in rules], dtype=np.bool_)
        self.picked = np.flatnonzero(wanted if can is None else wanted & can)
        self.sources = [candidates[index] for index in self.picked.tolist()]
        self.index = {source.path: entry for entry, source in enumerate(self.sources)}
        picked = [rules[index] for index in self.picked.tolist()]
        self.priorities = [rule.priority for rule in picked]
        self.limit = np.array([np.nan if rule.limit is None else rule.limit for rule in picked])
        self.deadband = np.array([rule.deadband for rule in picked])
        pace = site.speed if self.condition.of in ("device", "gateway") else 1.0
        on_delay_s, off_delay_s = ([getattr(rule, key) for rule in picked] for key in ("on_delay_s", "off_delay_s"))
        self.delays = Delays(pace * np.array(on_delay_s), pace * np.array(off_delay_s))

    @abstractmethod
    def look(self, now: float) -> Seen:
        """What is seen now (site time)."""

    def devices_of(self, entry: int) -> tuple[str, ...]:
        """The devices without which nothing is known of a source."""
        return self.sources[entry].devices

    def explained_by(self, entry: int) -> frozenset[str]:
        """Ids of the alarms that suppress that of a source."""
        return explained_by(self.condition.name, self.sources[entry], self.devices_of(entry))

    def above(self, value: Floats) -> Flags:
        """Beyond the limit; once the alarm is on, as long as the value is not back by the deadband."""
        flags: Flags = value > self.limit - np.where(self.delays.active, self.deadband, 0.0)
        return flags

    def below(self, value: Floats) -> Flags:
        flags: Flags = value < self.limit + np.where(self.delays.active, self.deadband, 0.0)
        return flags
