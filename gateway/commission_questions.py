"""Commissioning: what only a person in front of the cabinet can tell."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from gateway.commission_acceptance import Result, Step
from gateway.commission_steps import state_of
from gateway.watching import Watch

SLOTS_ASKED = 3
"""Slots a station of which is asked: some of each end, so that a reversed order shows."""
TITLE = "Confirmed on site"


async def ask_terminal(prompt: str) -> str:
    """A line from the terminal, without holding up the event loop, nor its end."""
    sys.stdout.write(prompt)
    sys.stdout.flush()
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    # A terminal hands over whole lines: nothing is waited for here.
    return sys.stdin.readline()


class Nobody:
    """There is no terminal, or nobody wants to be asked."""

    def __init__(self, why: str, *, writes: bool) -> None:
        self._why, self._writes = why, writes

    async def questions(self, _watch: Watch) -> Step:
        return Step(TITLE, Result.SKIPPED, f"Nobody was asked: {self._why}")

    async def may_write(self, _what: Sequence[str]) -> str:
        return "" if self._writes else f"Nobody allowed it: {self._why}; --yes allows it"


class AtTerminal:
    """Asks at the terminal, while the devices stay connected."""

    def __init__(self, ask: Callable[[str], Awaitable[str]], *, writes: bool) -> None:
        """``ask`` shows a prompt and returns the line that was typed."""
        self._ask, self._writes = ask, writes

    async def questions(self, watch: Watch) -> Step:
        step = Step(TITLE, Result.PASS, "", head=("question", "answer"))
        answered = 0
        # All at once, as the devices were seen: the watch goes on while people look.
        for question in list(_questions(watch)):
            answer = await self._answer(question)
            step.rows.append((question, answer))
            answered += answer != "not answered"
            if answer == "no" or answer.startswith("no:"):
                step.details.append(f"{question} {answer}")
        step.summary = f"{answered} of {len(step.rows)} questions were answered"
        step.result = Result.FAIL if step.details else Result.PASS if answered else Result.SKIPPED
        return step

    async def may_write(self, what: Sequence[str]) -> str:
        if self._writes:
            return ""
        listed = "; ".join(what[:5]) + ("; …" if len(what) > 5 else "")
        answer = await self._answer(f"Write the values that stand there already ({listed})?")
        return "" if answer == "yes" else "The engineer did not allow it"

    async def _answer(self, question: str) -> str:
        while True:
            typed = (await self._ask(f"{question} [y]es, [n]o, [s]kip: ")).strip().lower()
            if typed in {"y", "yes"}:
                return "yes"
            if typed in {"n", "no"}:
                remark = (await self._ask("  What is there instead? ")).strip()
                return f"no: {remark}" if remark else "no"
            if typed in {"s", "skip", ""}:
                return "not answered"


def _questions(watch: Watch) -> Iterator[str]:
    """Questions about what a person can see, for some slots of each station."""
    stations = {watched.device.station.id: watched.device.station for watched in watch.devices}
    for station in stations.values():
        for slot in sorted({1, (station.slots + 1) // 2, station.slots})[:SLOTS_ASKED]:
            state = state_of(watch, station.id, slot)
            where = f"{station.id} slot {slot}:"
            if "occupied" in state or "pack_id" in state:
                holds = state.get("occupied", "yes" if "pack_id" in state else "no") == "yes"
                named = f" with the serial number {state['pack_id']}" if "pack_id" in state else ""
                yield f"{where} is there {'a pack' + named if holds else 'no pack'} in it, as shown?"
            if "door_open" in state:
                yield f"{where} is its door {'open' if state['door_open'] == 'yes' else 'closed'}, as shown?"
