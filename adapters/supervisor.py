"""Keeps an adapter running: what dies or hangs is started again, ever more slowly, and its points say so at once."""

import asyncio
import random

import structlog

from adapters.base import Adapter, LinkState, Sink
from adapters.breaker import Breaker
from adapters.cancelling import heed_cancelling
from config.clock import Clock

_log = structlog.get_logger()

STEADY_S = 60.0
"""An adapter that ran this long was well: its next crash is a first one again."""
LOOK_S = 1.0
"""Wall seconds between two looks at a running adapter."""
END_S = 10.0
"""Wall seconds that a hung adapter has to end; then it is left behind, and another one does its work."""


async def supervise(
    adapter: Adapter, sink: Sink, clock: Clock, rng: random.Random | None = None, *, silence_s: float | None = None
) -> None:
    """Run an adapter until cancelled; start it again whenever its ``run`` ends or raises.

    ``silence_s``: the wall seconds after which a link that is said to be up and brings no data means that the adapter
    hangs, and is started again: the last resort, behind the adapter's own watchdogs.
    """
    breaker = Breaker(clock, rng or random.Random())  # noqa: S311 - jitter
    failing = False
    while True:
        started = clock.monotonic()
        try:
            detail = await _run(adapter, sink, clock, silence_s)
        except asyncio.CancelledError:
            # If nobody asked for it, it came from within a library, and would end the supervision in silence.
            detail = "the adapter was cancelled from within"
        except Exception as error:  # noqa: BLE001 - whatever it is, this device alone must suffer from it
            detail = f"the adapter failed: {type(error).__name__}: {error}"
            if not failing or clock.monotonic() - started >= STEADY_S:
                _log.exception("adapter failed", adapter=type(adapter).__name__)
        heed_cancelling()
        if clock.monotonic() - started >= STEADY_S:
            breaker.succeeded()
        breaker.failed()
        failing = True
        sink.link.note_error("adapter")
        sink.link.state = LinkState.AWAY
        sink.link.since = clock.now()
        sink.link.detail = f"{detail}; starting it again in {breaker.remaining_s:.0f} s"
        sink.lost(detail)
        await breaker.wait()


async def _run(adapter: Adapter, sink: Sink, clock: Clock, silence_s: float | None) -> str:
    """Run an adapter until it ends, raises or hangs; returns why it is to be started again."""
    if silence_s is None:
        await adapter.run(sink)
        return "the adapter ended"
    running = asyncio.ensure_future(adapter.run(sink))
    try:
        quiet_since: float | None = None
        seen: float | None = None
        while True:
            try:
                async with clock.timeout(LOOK_S):
                    await asyncio.shield(running)
                return "the adapter ended"
            except TimeoutError:
                if running.done():
                    running.result()  # whatever it raised, a time-out of its own included
                    return "the adapter ended"
            link, now = sink.link, clock.monotonic()
            if link.state is not LinkState.CONNECTED or link.last_data_time != seen or quiet_since is None:
                quiet_since, seen = now, link.last_data_time
            elif now - quiet_since > silence_s:
                _log.warning("adapter hangs", adapter=type(adapter).__name__, silent_s=round(now - quiet_since, 1))
                return f"connected, but no data for {now - quiet_since:.0f} s: the adapter hangs"
    finally:
        await _end(running, clock)


async def _end(running: "asyncio.Future[None]", clock: Clock) -> None:
    if running.done():
        return
    running.cancel()
    try:
        async with clock.timeout(END_S):
            await asyncio.wait([running])
    except TimeoutError:
        _log.error("a hung adapter does not end; it is left behind")
        return
    if not running.cancelled() and (error := running.exception()) is not None:
        _log.warning("a hung adapter failed at its end", error=f"{type(error).__name__}: {error}")
