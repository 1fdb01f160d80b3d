"""How long to wait before the next attempt, so that a device that is away is asked neither too rarely nor too often."""

import random

from config.clock import Clock

CONNECT_CAP_S = 5.0
"""Longest wait between two connection attempts: with connecting itself bounded, data flows within 15 s of a return."""

RESTART_CAP_S = 60.0
"""Longest wait before an adapter that crashed is started again."""


class Backoff:
    """Waits that double up to a cap, each drawn between half and the whole of it.

    The draw keeps a hundred devices behind one switch from all coming back in the same instant.
    """

    def __init__(self, clock: Clock, rng: random.Random, first_s: float = 0.5, cap_s: float = CONNECT_CAP_S) -> None:
        self._clock = clock
        self._rng = rng
        self._first_s = first_s
        self._cap_s = cap_s
        self._ceiling_s = first_s

    def next_s(self) -> float:
        """Wall seconds to wait now; the following wait may be twice as long."""
        wait_s = self._ceiling_s * self._rng.uniform(0.5, 1.0)
        self._ceiling_s = min(2.0 * self._ceiling_s, self._cap_s)
        return wait_s

    def reset(self) -> None:
        """The device answered: the next trouble starts with a short wait again."""
        self._ceiling_s = self._first_s

    async def wait(self) -> None:
        await self._clock.sleep(self.next_s())
