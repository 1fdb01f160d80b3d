"""Exported tables open rightly in other programs, and do nothing there."""

from typing import Any

from gateway.csv_text import EMULATED, csv_response


def lines(*rows: dict[str, Any], emulated: bool = False) -> list[str]:
    answer = csv_response("x", list(rows[0]), rows, "Europe/Berlin", emulated=emulated)
    return bytes(answer.body).decode().split("\r\n")


def test_times_keep_their_offset_over_a_clock_change() -> None:
    told = lines({"time": 1792886400.0, "to": 1792886400.0 + 3600.0}, {"time": None, "to": None})
    assert told == ["time,to", "2026-10-25T02:00:00.000+02:00,2026-10-25T02:00:00.000+01:00", ",", ""]


def test_what_is_emulated_says_so_first() -> None:
    assert lines({"a": 1, "b": None}, emulated=True) == [EMULATED, "a,b", "1,", ""]


def test_a_text_is_no_formula_and_no_second_cell() -> None:
    assert lines({"a": "=1+1", "b": 'x,"y"'})[1] == '\'=1+1,"x,""y"""'
    assert lines({"a": -1.5, "b": ""})[1] == "-1.5,"


def test_a_name_cannot_leave_its_header() -> None:
    headers = csv_response('a"\r\nb/../c', ["x"], [], "UTC", emulated=False).headers
    assert headers["content-disposition"] == 'attachment; filename="a---b-..-c.csv"'
