"""How late the event loop is, measured through the clock."""

import asyncio

from config.clock import ManualClock
from gateway.health import WINDOW, Health, LoopMonitor


class LateClock(ManualClock):
    """Wakes its sleepers later than they asked."""

    late_s = 0.0

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds + self.late_s)


async def test_lateness_is_that_of_the_last_minute() -> None:
    clock = LateClock()
    monitor = LoopMonitor(clock)
    assert monitor.lateness_s() == {"p50": None, "p99": None, "max": None}
    running = asyncio.create_task(monitor.run())
    clock.late_s = 0.4
    await clock.advance(0.5)
    assert monitor.lateness_s() == {"p50": 0.4, "p99": 0.4, "max": 0.4}
    health = Health(clock, monitor, {}, {}).report()
    assert (health["status"], health["reasons"]) == ("degraded", ["loop_late"])
    clock.late_s = 0.0
    await clock.advance(0.1 * (WINDOW + 10) + 0.4)
    assert monitor.lateness_s() == {"p50": 0.0, "p99": 0.0, "max": 0.0}
    assert Health(clock, monitor, {}, {}).report()["status"] == "ok"
    running.cancel()
