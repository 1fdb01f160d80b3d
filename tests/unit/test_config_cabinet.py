"""The front of a station as on its doors, and what is refused because a slot would have no place or two."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.cabinet import Cabinet, Placed, front
from config.errors import ConfigError
from config.loader import load_site

SITE = """\
site: s
name: S
stations:
  - id: S001
    name: Harbour
    latitude: 59.9
    longitude: 10.7
    slots: 4
    grid_limit_w: 9000
    cabinets:
      - {columns: 2, gaps: [[1, 3]]}
    devices:
      - {id: cabinet, profile: modbus-swap-cabinet, url: "modbus://127.0.0.1:50200"}
"""


@pytest.mark.parametrize(
    ("slots", "rows", "columns"), [(1, 1, 1), (5, 3, 2), (8, 4, 2), (12, 4, 3), (20, 5, 4), (100, 8, 13)]
)
def test_without_a_layout_a_cabinet_is_about_as_wide_as_it_is_high_and_within_reach(
    slots: int, rows: int, columns: int
) -> None:
    cells = front((), slots).cells
    assert (len(cells), len(cells[0])) == (rows, columns)
    assert [cell for row in cells for cell in row if cell] == list(range(1, slots + 1))


@pytest.mark.parametrize(
    ("keys", "cells"),
    [
        ({"columns": 3}, ((1, 2, 3), (4, 5, 6))),
        ({"rows": 3}, ((1, 2), (3, 4), (5, 6))),
        ({"columns": 2, "numbering": "columns"}, ((1, 4), (2, 5), (3, 6))),
        ({"columns": 2, "numbering": "columns", "first": "bottom-right"}, ((6, 3), (5, 2), (4, 1))),
        ({"columns": 3, "first": "top-right"}, ((3, 2, 1), (6, 5, 4))),
        ({"columns": 3, "gaps": ((1, 2),)}, ((1, None, 2), (3, 4, 5), (6, None, None))),
        ({"cells": ((6, 5, 4), (None, 1, None), (2, None, 3))}, ((6, 5, 4), (None, 1, None), (2, None, 3))),
    ],
)
def test_numbers_run_as_the_cabinet_has_them(keys: dict[str, Any], cells: Any) -> None:
    assert front((Cabinet(**keys),), 6).cells == cells


def test_cabinets_stand_beside_each_other_on_one_floor() -> None:
    both = front((Cabinet(name="A", slots="1-2", columns=1), Cabinet(name="B", columns=1)), 5)
    assert both.cells == ((None, 3), (1, 4), (2, 5))
    assert both.cabinets == (Placed("A", 0, 1, 2), Placed("B", 1, 1, 3))


@pytest.mark.parametrize(
    ("cabinets", "said"),
    [
        ((Cabinet(columns=2, rows=2),), "do not fit into 2 rows, 2 columns"),
        ((Cabinet(slots="1-5"),), "slot 6 has no place"),
        ((Cabinet(slots="1-6"), Cabinet(slots="6-7")), "beyond the station's 6 slots"),
        ((Cabinet(slots="1-4"), Cabinet(slots="4-6")), "slot 4 stands in two places"),
        ((Cabinet(columns=2, gaps=((9, 1),)),), "lies outside"),
        ((Cabinet(columns=2, gaps=((1, 1), (1, 1))),), "listed twice"),
    ],
)
def test_a_slot_without_a_place_or_with_two_is_refused(cabinets: tuple[Cabinet, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        front(cabinets, 6)


@pytest.mark.parametrize("keys", [{"cells": ((1, 2),), "columns": 2}, {"cells": ((1, 2), (3,))}, {"columns": 0}])
def test_a_cabinet_is_told_in_one_way(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Cabinet(**keys)


def test_the_site_file_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    with pytest.raises(ConfigError) as caught:
        load_site(file)
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (10, "stations[0].cabinets")
    assert "lies outside" in problem.message
