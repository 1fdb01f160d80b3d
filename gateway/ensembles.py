"""A worker thread for futures: the compiled model releases the interpreter, so that the event loop goes on."""

import asyncio
import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from config.clock import Clock

SWITCH_S = 0.0005
"""Seconds for which the worker's own Python (shaping arrays and answers) may keep the interpreter from the loop."""

T = TypeVar("T")

log = structlog.get_logger()


class Ensembles:
    """``preparing`` until the compiled model is loaded, which takes a second with a warm cache and half a minute else.

    Work is handed over with ``run`` and may be asked for before: it waits in line.
    """

    def __init__(self, clock: Clock, prepare: Callable[[], None]) -> None:
        """``prepare`` loads the model: the first thing that is done in the worker thread."""
        self._clock, self._prepare = clock, prepare
        self._pool: ThreadPoolExecutor | None = None
        self._prepared = asyncio.Event()
        self.prepared_s: float | None = None
        """Wall seconds that the model took to load."""

    @property
    def preparing(self) -> bool:
        return not self._prepared.is_set()

    async def start(self) -> None:
        """Load the model; returns when it is there. Raises what kept it from loading."""
        # The interpreter goes from thread to thread at this interval: the default would keep the loop for 5 ms.
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        self._pool = ThreadPoolExecutor(1, "swaptwin-ensemble")
        begun = self._clock.monotonic()
        await asyncio.wrap_future(self._pool.submit(self._prepare))
        # The compiler's objects stay for good: the collector need not look at them again, which would stop the loop.
        gc.freeze()
        self.prepared_s = self._clock.monotonic() - begun
        log.info("forecasts are prepared", seconds=round(self.prepared_s, 2))
        self._prepared.set()

    async def run(self, work: Callable[[], T]) -> T:
        """Do it in the worker thread, once the model is there."""
        await self._prepared.wait()
        if self._pool is None:
            raise RuntimeError("the worker thread is stopped")
        return await asyncio.wrap_future(self._pool.submit(work))

    def stop(self) -> None:
        """Take nothing more on; what is under way is over within a fraction of a second."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
