"""A circuit breaker: what fails is left alone for a while, then asked once, and only an answer closes it again."""

import random
from enum import Enum

from adapters.backoff import RESTART_CAP_S, Backoff
from config.clock import Clock


class BreakerState(Enum):
    """Whether requests go out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One request is out, as a probe; its outcome decides."""


class Breaker:
    """Ask ``allows`` before each request and tell ``succeeded`` or ``failed`` of each that went out.

    ``failures`` in a row open it. An open one lets nothing pass until its wait is over, then exactly one request: if
    that succeeds it closes, if not it opens again, for a wait twice as long up to ``cap_s``, each drawn between half
    and the whole. A unit on a shared line that does not answer so costs the others one time-out a wait and no more.
    """

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        *,
        failures: int = 1,
        first_s: float = 1.0,
        cap_s: float = RESTART_CAP_S,
    ) -> None:
        self._clock = clock
        self._backoff = Backoff(clock, rng, first_s, cap_s)
        self._most = failures
        self._failed = 0
        self._due = 0.0
        self.state = BreakerState.CLOSED

    @property
    def remaining_s(self) -> float:
        """Wall seconds until the next probe may go out; 0 where something may go out now."""
        return max(self._due - self._clock.monotonic(), 0.0) if self.state is BreakerState.OPEN else 0.0

    def allows(self) -> bool:
        """Whether a request may go out now. A true answer of an open breaker is the probe: tell what came of it."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.HALF_OPEN or self.remaining_s > 0.0:
            return False
        self.state = BreakerState.HALF_OPEN
        return True

    def succeeded(self) -> None:
        """A request was answered."""
        self.state = BreakerState.CLOSED
        self._failed = 0
        self._backoff.reset()

    def failed(self) -> None:
        """A request was not."""
        self._failed += 1
        if self.state is BreakerState.HALF_OPEN or self._failed >= self._most:
            self.state = BreakerState.OPEN
            self._due = self._clock.monotonic() + self._backoff.next_s()

    async def wait(self) -> None:
        """Wait until a request may go out."""
        await self._clock.sleep(self.remaining_s)
