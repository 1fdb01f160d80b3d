"""Keeps an adapter running: what dies is started again, ever more slowly, and its points say so at once."""

import asyncio
import random

import structlog

from adapters.backoff import RESTART_CAP_S, Backoff
from adapters.base import Adapter, LinkState, Sink
from adapters.cancelling import heed_cancelling
from config.clock import Clock

_log = structlog.get_logger()

STEADY_S = 60.0
"""An adapter that ran this long was well: its next crash is a first one again."""


async def supervise(adapter: Adapter, sink: Sink, clock: Clock, rng: random.Random | None = None) -> None:
    """Run an adapter until cancelled; start it again whenever its ``run`` ends or raises."""
    backoff = Backoff(clock, rng or random.Random(), first_s=1.0, cap_s=RESTART_CAP_S)  # noqa: S311 - jitter
    failing = False
    while True:
        started = clock.monotonic()
        try:
            await adapter.run(sink)
            detail = "the adapter ended"
        except asyncio.CancelledError:
            # If nobody asked for it, it came from within a library, and would end the supervision in silence.
            detail = "the adapter was cancelled from within"
        except Exception as error:  # noqa: BLE001 - whatever it is, this device alone must suffer from it
            detail = f"the adapter failed: {type(error).__name__}: {error}"
            if not failing or clock.monotonic() - started >= STEADY_S:
                _log.exception("adapter failed", adapter=type(adapter).__name__)
        heed_cancelling()
        if clock.monotonic() - started >= STEADY_S:
            backoff.reset()
        failing = True
        sink.link.errors += 1
        sink.link.state = LinkState.AWAY
        sink.link.since = clock.now()
        sink.link.detail = detail
        sink.lost(detail)
        await backoff.wait()
