"""What the store tells of charges, packs and forecasts; and that a clock that ran ahead leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.clock import ManualClock
from gateway.past import Stay, read_charge, read_forecasts, read_open_stays, read_stays
from gateway.store import Store
from twin.signals import ChargerState

NOW = 1_800_000_000.0
STATE = "S001/slot/03/charger_state"
IDLE, CHARGING, FULL, COOLING = map(
    float, (ChargerState.IDLE, ChargerState.CHARGING, ChargerState.FULL, ChargerState.COOLING)
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, ManualClock(NOW), retention_days=30.0, retention_mb=100.0)
    made.open()
    yield made
    made.close()


def forecast(at: float, chance: float) -> dict[str, Any]:
    times = [at + 120.0 * step for step in range(61)]
    return {
        "station": "S001",
        "generated_at": at,
        "model": "ensemble/learned-demand",
        "quality": "good",
        "stockout_probability": {"900": 0.0, "3600": chance},
        "ready": {"t": times, "p50": [float(step) for step in range(61)]},
    }


def test_past_forecasts_are_thinned_to_the_last_of_each_part(store: Store) -> None:
    for number in range(120):
        store.forecast(forecast(NOW - 3600.0 + 30.0 * number, number / 1000.0))
    store.forecast(forecast(NOW - 30.0, 0.9) | {"station": "S002"})
    store.close()
    made = read_forecasts(store.file, "S001", 3600, NOW - 3600.0, NOW, 12)
    assert len(made) == 12
    assert [each.generated_at for each in made] == [NOW - 3600.0 + 300.0 * part + 270.0 for part in range(12)]
    assert made[0].stockout_probability == 0.009
    assert {each.ready_p50 for each in made} == {30.0}
    assert read_forecasts(store.file, "S001", 7200, NOW - 300.0, NOW, 1)[0].stockout_probability is None


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ([], None),
        ([(-900, IDLE), (-800, FULL)], None),
        ([(-900, COOLING), (-800, CHARGING), (-740, CHARGING)], (-800, None)),
        ([(-900, CHARGING), (-800, FULL)], (-900, -800)),
        ([(-900, CHARGING), (-800, IDLE), (-700, CHARGING)], (-900, None)),
        ([(-900, CHARGING), (-800, FULL), (-300, COOLING), (-200, CHARGING)], (-200, None)),
    ],
)
def test_a_charge_is_found_by_the_chargers_states_and_a_pause_does_not_end_it(
    store: Store, states: list[tuple[float, float]], found: tuple[float, float | None] | None
) -> None:
    store.append([(STATE, NOW + at, state, 0, 0) for at, state in states])
    store.append([(STATE, NOW - 600.0, None, 2, 2)])
    store.close()
    absolute = None if found is None else tuple(None if at is None else NOW + at for at in found)
    assert read_charge(store.file, "S001", 3, NOW - 1000.0, NOW) == absolute


def test_a_packs_stays_are_its_own_and_newest_first(store: Store) -> None:
    first = Stay("P7", "S001", 3, NOW - 5000.0, NOW - 4000.0, 0.2, 0.9, 31.5, True)
    second = Stay("P7", "S002", 1, NOW - 3000.0, NOW - 2000.0)
    for stay in (first, second, Stay("P8", "S001", 3, NOW - 3900.0, NOW - 10.0)):
        store.stay(stay)
    second.last, second.soc_last = NOW - 1000.0, 0.5
    store.stay(second)
    store.close()
    assert read_stays(store.file, "P7", NOW - 9000.0, NOW, 10) == [second, first]
    assert read_stays(store.file, "P7", NOW - 3500.0, NOW, 10) == [second]
    assert read_stays(store.file, "P7", NOW - 9000.0, NOW, 1) == [second]
    assert {stay.pack for stay in read_open_stays(store.file)} == {"P7", "P8"}


async def test_what_was_lived_at_another_speed_is_forgotten_and_nothing_else(store: Store) -> None:
    path = "S001/slot/01/soc"
    store.append([(path, NOW + at, 0.5 if at < 0.0 else 0.9, 0, 0) for at in (-20.0, -10.0, 10.0, 86_400.0)])
    store.event(NOW - 5.0, "S001", "swap", {"count": 1})
    store.event(NOW + 500.0, "S001", "swap", {"count": 1})
    store.forecast(forecast(NOW + 500.0, 0.1))
    store.demand(NOW + 500.0, "S001", {})
    store.stay(Stay("P7", "S001", 3, NOW - 5000.0, NOW + 5000.0))
    store.close()
    store.forget_after(NOW)
    history = await store.history(path, NOW - 100.0, NOW + 100.0, 20)
    assert next(t for t, value in zip(history.t, history.min, strict=True) if value is not None) == NOW - 20.0
    assert {value for value in history.max if value is not None} == {0.5}
    assert read_forecasts(store.file, "S001", 3600, NOW, NOW + 1000.0, 1) == []
    assert store.demands() == {}
    assert read_open_stays(store.file) == []
