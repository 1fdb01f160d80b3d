"""What must not be lost: on disk before it is told, bounded, and told all the same when the disk takes nothing."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.clock import ManualClock
from gateway import ledger_tables
from gateway.alarms.book import Book
from gateway.alarms.engine import orphan
from gateway.ledger import WAIT_S, Ledger
from gateway.retention import trim
from gateway.store import Store

NOW = 1_800_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, ManualClock(NOW), retention_days=30.0, retention_mb=100.0)
    made.open()
    yield made
    made.close()


def swap(number: int, **fields: Any) -> dict[str, Any]:
    empty = dict.fromkeys(ledger_tables.COLUMNS["swaps"])
    return empty | {"number": number, "time": NOW + number, "station": "S1", "kind": "swap"} | fields


async def test_changes_of_alarms_are_on_disk_when_the_call_returns(store: Store) -> None:
    ledger, book = Ledger(store, ManualClock(NOW)), Book(0)
    fault, smoke = orphan("S1.slot.03.charger_fault"), orphan("S1.smoke")
    book.raised(fault, NOW, None, None)
    book.raised(smoke, NOW + 1.0, None, None)
    await ledger.note(book.take())
    assert ledger.alarms().keys() == {fault.id, smoke.id}
    assert ledger.last("alarm_journal") == 2
    book.acknowledged(smoke, NOW + 2.0, "ana", "seen")
    book.returned(smoke.id, NOW + 3.0, None)
    await ledger.note(book.take())
    assert ledger.alarms().keys() == {fault.id}
    lines = await ledger.lines("alarm_journal", NOW, NOW + 10.0, 10)
    assert [(line["seq"], line["change"]) for line in lines] == [
        (4, "cleared"),
        (3, "acknowledged"),
        (2, "raised"),
        (1, "raised"),
    ]
    assert (lines[1]["by"], lines[1]["comment"]) == ("ana", "seen")
    assert await ledger.lines("alarm_journal", NOW, NOW + 10.0, 10, "S2") == []


async def test_alarms_are_told_even_if_the_disk_takes_nothing(store: Store) -> None:
    clock = ManualClock(NOW)
    ledger = Ledger(store, clock)
    with sqlite3.connect(store.file) as other:
        other.execute("BEGIN EXCLUSIVE")
        waiting = asyncio.ensure_future(ledger.swaps([swap(1)]))
        await clock.advance(WAIT_S - 0.1)
        assert not waiting.done()
        await clock.advance(0.2)
        assert waiting.done()
        other.execute("ROLLBACK")
    await ledger.swaps([swap(2)])
    assert ledger.last("swaps") == 2


async def test_a_swap_of_which_more_is_known_replaces_itself(store: Store) -> None:
    ledger = Ledger(store, ManualClock(NOW))
    await ledger.swaps([swap(1), swap(2)])
    await ledger.swaps([swap(1, pack_in="P7")])
    lines = await ledger.lines("swaps", NOW, NOW + 10.0, 10, "S1")
    assert [(line["number"], line["pack_in"]) for line in lines] == [(2, None), (1, "P7")]


async def test_logs_are_bounded_by_age_and_by_number(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(store, ManualClock(NOW))
    await ledger.swaps([swap(number) for number in range(1, 101)])
    with sqlite3.connect(store.file, isolation_level=None) as connection:
        assert trim(connection, NOW + 11.0, 1e9) == 10
        monkeypatch.setattr(ledger_tables, "JOURNAL_ROWS", 50)
        assert trim(connection, 0.0, 1e9) == 40
    assert len(await ledger.lines("swaps", 0.0, 1e11, 1000)) == 50
