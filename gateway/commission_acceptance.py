"""The acceptance of a station: its steps, their results, and who is asked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from gateway.watching import Watch


class Result(Enum):
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Step:
    """One step: what was looked at, what came of it and why, and a table for who wants to see it all."""

    title: str
    result: Result
    summary: str
    details: list[str] = field(default_factory=list)
    head: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    curves: list[tuple[str, list[float]]] = field(default_factory=list)
    """Names and values for small drawings."""


@dataclass(slots=True)
class Acceptance:
    """The whole walk. Times are epoch seconds; ``site_hash`` is the SHA-256 of the site file and its profiles."""

    site: str
    name: str
    file: str
    site_hash: str
    version: str
    started: float
    timezone: str
    stations: list[str]
    engineer: str = ""
    ended: float = math.nan
    steps: list[Step] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing failed. What was skipped is named, and is no failure."""
        return all(step.result is not Result.FAIL for step in self.steps)


class Engineer(Protocol):
    """Who is asked. Without a terminal nobody is, and the questions are skipped."""

    async def questions(self, watch: Watch) -> Step:
        """Ask whether what is shown is what stands there."""

    async def may_write(self, what: Sequence[str]) -> str:
        """Empty if these values may be written, else why not."""
