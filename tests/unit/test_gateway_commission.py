"""Commissioning: who is asked what, what may be written, and how the protocol judges."""

from typing import Any

import pytest

from config.clock import ManualClock
from gateway.commission_acceptance import Acceptance, Result, Step
from gateway.commission_html import page, verdict_of
from gateway.commission_questions import AtTerminal, Nobody
from gateway.commission_writes import write_back
from gateway.watching import Watch
from tests.support.adapters import device
from tests.unit.test_gateway_plausibility import seen

LIMIT = {"signal": "power_limit_w", "address": 10, "stride": 1, "type": "u16", "access": "rw"}
DOOR = {"signal": "door_open", "address": 20, "stride": 1, "type": "u16"}
PACK = {"signal": "occupied", "address": 30, "stride": 1, "type": "u16"}


def watch_of(points: list[dict[str, Any]], raws: dict[str, list[Any]]) -> Watch:
    bound = device("modbus://127.0.0.1:1", points, slots=2)
    watch = Watch([bound], ManualClock())
    watch.devices[0].observed = seen(bound, raws)
    return watch


async def test_the_engineer_is_asked_what_can_be_seen_at_the_cabinet() -> None:
    watch = watch_of([DOOR, PACK], {"door_open": [1, 0], "occupied": [1, 0]})
    asked: list[str] = []

    async def answer(question: str) -> str:
        asked.append(question)
        return "y"

    step = await AtTerminal(answer, writes=False).questions(watch)
    assert step.result is Result.PASS
    assert [question.split(" [y]")[0] for question in asked] == [
        "S1 slot 1: is there a pack in it, as shown?",
        "S1 slot 1: is its door open, as shown?",
        "S1 slot 2: is there no pack in it, as shown?",
        "S1 slot 2: is its door closed, as shown?",
    ]


async def test_a_no_fails_the_step_with_what_is_there_instead() -> None:
    watch = watch_of([DOOR], {"door_open": [1, 0]})
    answers = iter(["what?", "n", "it is closed", "s"])

    async def answer(_question: str) -> str:
        return next(answers)

    step = await AtTerminal(answer, writes=False).questions(watch)
    assert step.result is Result.FAIL
    assert step.details == ["S1 slot 1: is its door open, as shown? no: it is closed"]
    assert step.rows[1][1] == "not answered"


async def test_without_a_terminal_nobody_is_asked_and_the_protocol_says_so() -> None:
    step = await Nobody("no terminal", writes=False).questions(watch_of([DOOR], {"door_open": [1, 0]}))
    assert (step.result, step.summary) == (Result.SKIPPED, "Nobody was asked: no terminal")


class Device:
    """An adapter that may write, to a device that keeps what it is told, or refuses."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.written: list[tuple[int, float]] = []

    async def run(self, sink: Any) -> None:
        raise NotImplementedError

    async def write(self, number: int, value: float) -> float:
        from adapters.base import WriteError

        if self.error:
            raise WriteError(self.error)
        self.written.append((number, value))
        return value


def harmless(maximum: float = 2000.0, flag: bool = True) -> dict[str, Any]:
    return LIMIT | {"write": {"minimum": 0.0, "maximum": maximum, "harmless": flag}}


async def test_a_harmless_set_point_is_written_as_it_stands() -> None:
    watch, there = watch_of([harmless()], {"power_limit_w": [1200, 900]}), Device()
    step = await write_back(watch, [there], Nobody("--yes", writes=True), lambda _: None)
    assert step.result is Result.PASS
    assert there.written == [(0, 1200.0), (1, 900.0)]


@pytest.mark.parametrize(
    ("points", "raw", "writes", "words"),
    [
        (harmless(flag=False), 1200, True, "write.harmless"),
        (harmless(), 1200, False, "Nobody allowed it"),
        (harmless(maximum=500.0), 1200, True, "outside of what may be written"),
        (harmless(), None, True, "not good"),
    ],
)
async def test_what_may_not_be_written_is_not(points: dict[str, Any], raw: Any, writes: bool, words: str) -> None:
    watch, there = watch_of([points], {"power_limit_w": [raw, raw]}), Device()
    step = await write_back(watch, [there], Nobody("no terminal", writes=writes), lambda _: None)
    assert step.result is Result.SKIPPED
    assert there.written == []
    assert words in step.summary + " ".join(cell for row in step.rows for cell in row)


async def test_a_refused_write_fails_the_step_with_the_reason() -> None:
    watch = watch_of([harmless()], {"power_limit_w": [1200, 900]})
    step = await write_back(watch, [Device("read back 0 W")], Nobody("--yes", writes=True), lambda _: None)
    assert step.result is Result.FAIL
    assert "read back 0 W" in step.details[0]


def acceptance(*results: Result) -> Acceptance:
    steps = [Step(f"Step {number}", result, "said <so>") for number, result in enumerate(results)]
    return Acceptance("s", "S", "s.yaml", "0" * 64, "1", 1.8e9, "Asia/Kolkata", ["S1 One"], "E", 1.8e9, steps)


def test_what_was_skipped_is_named_but_is_no_failure() -> None:
    assert verdict_of(acceptance(Result.PASS, Result.SKIPPED)) == "Passed: 1 passed, 1 skipped"
    assert verdict_of(acceptance(Result.PASS, Result.FAIL)) == "Not passed: 1 passed, 1 failed"


def test_the_page_escapes_what_devices_and_people_say() -> None:
    html = page(acceptance(Result.FAIL))
    assert "said &lt;so&gt;" in html
    assert "2027-01-15 13:30:00 IST" in html
