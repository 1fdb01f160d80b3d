"""Exported tables open rightly in other programs, and do nothing there."""

from zoneinfo import ZoneInfo

from gateway.csv_text import EMULATED, csv_answer, csv_text, iso


def test_times_keep_their_offset_over_a_clock_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert iso(1792886400.0, zone) == "2026-10-25T02:00:00.000+02:00"
    assert iso(1792886400.0 + 3600.0, zone) == "2026-10-25T02:00:00.000+01:00"
    assert iso(None, zone) is None


def test_what_is_emulated_says_so_first() -> None:
    assert csv_text(["a"], [[1]], emulated=True) == f"{EMULATED}\r\na\r\n1\r\n"
    assert csv_text(["a"], [[None]], emulated=False) == 'a\r\n""\r\n'


def test_a_text_is_no_formula_and_no_second_cell() -> None:
    text = csv_text(["a", "b"], [["=1+1", 'x,"y"']], emulated=False)
    assert text == "a,b\r\n'=1+1,\"x,\"\"y\"\"\"\r\n"


def test_a_name_cannot_leave_its_header() -> None:
    headers = csv_answer('a"\r\nb/../c', ["x"], [], emulated=False).headers
    assert headers["content-disposition"] == 'attachment; filename="a---b-..-c.csv"'
