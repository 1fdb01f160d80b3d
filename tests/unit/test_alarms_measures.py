"""The measures, from journals that are written by hand."""

from typing import Any

from gateway.alarms.measures import measures

START, DAY_S = 1_800_000_000.0, 86_400.0


class Journal:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def add(self, time: float, name: str = "S1.smoke", change: str = "raised", **more: Any) -> None:
        line = {"seq": len(self.lines) + 1, "time": START + time, "id": name, "change": change}
        line |= {"station": "S1", "condition": name.rpartition(".")[2], "priority": 2, "state": "unacknowledged"}
        self.lines.append(line | more)

    def measured(self, current: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
        return measures(self.lines[::-1], current, START, START + DAY_S)


def test_a_quiet_day() -> None:
    said = Journal().measured()
    assert (said["raised"], said["peak_per_10_min"], said["flood_share"], said["floods"]) == (0, 0, 0.0, [])
    assert len(said["per_hour"]) == 24
    assert said["unacknowledged_s"] == {"p50": None, "p95": None}


def test_a_burst_is_one_flood_with_a_beginning_and_an_end() -> None:
    journal = Journal()
    for number in range(40):
        journal.add(7200.0 + 15.0 * number, f"S1.slot.{number:02d}.charger_fault")
    said = journal.measured()
    [flood] = said["floods"]
    assert flood["raised"] == 40
    assert flood["start"] <= START + 7200.0 + 150.0
    assert START + 7800.0 <= flood["end"] <= START + 8400.0
    assert said["peak_per_10_min"] == 40
    assert said["per_hour"][2] == {"time": START + 7200.0, "raised": 40}
    assert said["per_operator_day"] == 40.0
    assert len(said["top"]) == 10
    assert said["chattering"] == []


def test_ten_in_ten_minutes_are_no_flood_yet() -> None:
    journal = Journal()
    for number in range(10):
        journal.add(3600.0 + 10.0 * number, f"S1.slot.{number:02d}.charger_fault")
    assert journal.measured()["floods"] == []


def test_what_comes_again_and_again_chatters_and_leads_the_list() -> None:
    journal = Journal()
    for number in range(3):
        journal.add(100.0 + 120.0 * number)
    for number in range(3):
        journal.add(100.0 + 1200.0 * number, "S1.mains_lost", priority=1)
    said = journal.measured()
    assert said["chattering"] == [{"id": "S1.smoke", "raised": 3}]
    assert said["by_priority"] == {"1": 3, "2": 3, "3": 0, "4": 0}
    assert said["top"][0] | {"share": 0.5} == said["top"][0]


def test_what_nobody_was_called_for_does_not_count() -> None:
    journal = Journal()
    for hidden in ("suppressed", "shelved", "out_of_service"):
        journal.add(100.0, state=hidden)
    assert journal.measured()["raised"] == 0


def test_how_long_alarms_wait_and_stand() -> None:
    journal = Journal()
    journal.add(100.0)
    journal.add(160.0, change="acknowledged", state="acknowledged")
    journal.add(200.0, "S1.mains_lost")
    journal.add(230.0, "S1.mains_lost", change="returned", state="returned")
    journal.add(300.0, "S1.mains_lost", change="acknowledged", state="normal")
    old = {"id": "S1.water_leak", "since": START - 10.0, "active": True}
    new = {"id": "S1.smoke", "since": START + 100.0, "active": True}
    said = journal.measured((new, old))
    assert said["unacknowledged_s"] == {"p50": 80.0, "p95": 98.0}
    assert said["stale"] == [{"id": "S1.water_leak", "since": START - 10.0}]
