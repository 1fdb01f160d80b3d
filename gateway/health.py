"""How the gateway itself is: lateness of its event loop, and one report of all its rooms."""

from collections import deque
from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from config.clock import Clock

PERIOD_S = 0.1
WINDOW = 600
"""Measurements kept: one minute."""
LATE_S = 0.25
"""From this 99th percentile on, the gateway calls itself degraded."""

Part = Callable[[], Mapping[str, Any]]


class LoopMonitor:
    """Measures how late the event loop wakes a sleeper: what every room's deadlines suffer from."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late_s: deque[float] = deque(maxlen=WINDOW)

    async def run(self) -> None:
        while True:
            due = self._clock.monotonic() + PERIOD_S
            await self._clock.sleep(PERIOD_S)
            self._late_s.append(max(self._clock.monotonic() - due, 0.0))

    def lateness_s(self) -> dict[str, float | None]:
        """Median, 99th percentile and worst of the last minute, in wall seconds; None before the first measurement."""
        late = sorted(self._late_s)
        if not late:
            return {"p50": None, "p99": None, "max": None}
        return {
            name: round(late[ceil(q * len(late)) - 1], 6) for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        }


class Health:
    """Puts the report together, when asked, from what each room says of itself."""

    def __init__(self, clock: Clock, loop: LoopMonitor, identity: Mapping[str, Any], parts: Mapping[str, Part]) -> None:
        """``identity``: version, site, name, timezone, emulated.

        ``parts`` by name: twin, forecast, stream, store, devices, ui.
        """
        self._clock = clock
        self._loop = loop
        self._identity = dict(identity)
        self._parts = dict(parts)
        self._started_s = clock.monotonic()

    def identify(self, **identity: Any) -> None:
        """Say other things of itself from now on."""
        self._identity |= identity

    def report(self) -> dict[str, Any]:
        parts = {name: dict(part()) for name, part in self._parts.items()}
        lateness = self._loop.lateness_s()
        reasons = [
            reason
            for reason, holds in (
                ("devices_away", parts.get("devices", {}).get("away", 0) > 0),
                ("store_dropped", parts.get("store", {}).get("dropped", 0) > 0),
                ("loop_late", (lateness["p99"] or 0.0) > LATE_S),
            )
            if holds
        ]
        return {
            "status": "degraded" if reasons else "ok",
            "reasons": reasons,
            **self._identity,
            "now": self._clock.now(),
            "speed": self._clock.speed,
            "uptime_s": round(self._clock.monotonic() - self._started_s, 1),
            "loop_lateness_s": lateness,
            **parts,
        }
