"""A charge beside what the model expects of it."""

from itertools import pairwise

import pytest

from gateway.charge import expected, measured, pack_class
from gateway.history import History
from tests.support.site_image import LOADED

STATION = LOADED.site.stations[0]


def test_the_expected_charge_begins_as_the_measured_one_and_ends_full() -> None:
    curve = expected(STATION, None, 1000.0, 0.3, 1000.0)
    assert (curve.t[0], curve.soc[0], curve.power_w[0]) == (1000.0, 0.3, STATION.charger.power_w)
    assert curve.soc[-1] == pytest.approx(STATION.full_soc, abs=1e-3)
    assert curve.power_w[-1] == pytest.approx(0.0, abs=60.0)
    levels = [level for level in curve.soc if level is not None]
    assert all(later >= earlier for earlier, later in pairwise(levels))
    assert len(curve.t) == len(curve.soc) == len(curve.power_w)


def test_it_goes_on_as_long_as_the_measured_one() -> None:
    curve = expected(STATION, None, 0.0, 0.9, 50_000.0)
    assert curve.t[-1] == 50_000.0
    assert (curve.soc[-1], curve.power_w[-1]) == (STATION.full_soc, 0.0)


def test_a_pack_that_is_fuller_than_full_stays_so() -> None:
    curve = expected(STATION, None, 0.0, 1.0, 10.0)
    assert set(curve.soc) == {1.0}
    assert set(curve.power_w) == {0.0}


def test_the_class_of_a_pack_is_told_by_its_capacity() -> None:
    assert pack_class(STATION, None) == pack_class(STATION, 99_999.0) == STATION.pack.spec()
    larger = STATION.pack.model_copy(update={"capacity_wh": 3000.0})
    both = STATION.model_copy(update={"other_packs": (larger,)})
    assert pack_class(both, 2900.0).capacity_wh == 3000.0
    assert pack_class(both, float("nan")) == STATION.pack.spec()


def test_what_is_not_known_of_the_measured_charge_is_left_out() -> None:
    def history(*values: float | None) -> History:
        column = list(values)
        return History([0.0, 1.0, 2.0], column, column, column, column, [None] * 3)

    curve = measured(history(0.1, None, 0.3), history(None, None, 900.0))
    assert (curve.t, curve.soc, curve.power_w) == ([0.0, 2.0], [0.1, 0.3], [None, 900.0])
