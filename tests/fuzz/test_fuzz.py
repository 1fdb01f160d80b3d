"""Whatever comes from the wire or out of a file, no decoder dies of it, and nothing enters as good that is not."""

import pytest

from tests.fuzz.engine import budgets, fuzz, target, targets

INPUTS = 20_000
SEED = 20_261

TARGETS = targets()
BUDGETS = budgets(TARGETS, INPUTS)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_decoder(name: str) -> None:
    outcome = fuzz(TARGETS[name], BUDGETS[name], SEED)
    assert outcome.inputs == BUDGETS[name] > 0
    for place, (data, trace) in outcome.failures.items():
        pytest.fail(f"{place}; python -m tests.fuzz --target {name} --replay {data.hex()}\n{trace}", pytrace=False)


def test_all_inputs_asked_for_are_run() -> None:
    assert sum(BUDGETS.values()) >= INPUTS


def test_the_engine_finds_a_fault_that_hides_behind_a_value() -> None:
    def faulty(data: bytes) -> None:
        if b'"id": -' in data or b"NaN" in data:
            raise KeyError(data)

    found = fuzz(_registered(faulty), 3000, SEED)
    assert found.failed > 0
    assert all("KeyError" in place for place in found.failures)
    assert fuzz(_registered(faulty), 3000, SEED).failures.keys() == found.failures.keys()


def _registered(run):  # type: ignore[no-untyped-def]
    from tests.fuzz import engine

    target([b'{"id": 3, "list": [1, 2, {"x": "y"}]}'])(run)
    return engine._targets.pop(run.__name__)
