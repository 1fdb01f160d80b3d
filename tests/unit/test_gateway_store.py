"""The history survives what happens to a gateway, stays within its bounds, and answers thinned."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.clock import ManualClock
from gateway import store as store_module
from gateway.history import read_history
from gateway.retention import trim
from gateway.store import FILE, Store, StoreError

NOW = 1_800_000_000.0
PATH = "S001/slot/01/soc"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    made = Store(tmp_path, clock, retention_days=30.0, retention_mb=100.0)
    made.open()
    yield made
    made.close()


def reopened(folder: Path) -> Store:
    return Store(folder, ManualClock(NOW), retention_days=30.0, retention_mb=100.0)


def rows(file: Path, table: str) -> int:
    with sqlite3.connect(file) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_what_was_appended_is_in_the_history_by_bucket(store: Store) -> None:
    store.append([(PATH, NOW - 100.0 + second, second / 100.0, 0, 0) for second in range(100)])
    store.append([(PATH, NOW - 1.5, 0.5, 1, 1)])
    store.close()
    history = await store.history(PATH, NOW - 100.0, NOW, 10)
    assert history.t[0] == NOW - 100.0
    assert (history.min[0], history.max[0], history.last[0]) == (0.0, 0.09, 0.09)
    assert history.mean[0] == pytest.approx(0.045)
    assert history.quality == ["good"] * 9 + ["uncertain"]
    assert history.min[9] == 0.5


async def test_a_value_that_did_not_change_is_carried_on_but_not_for_ever(store: Store) -> None:
    store.append([(PATH, NOW - 300.0, 0.7, 0, 0)])
    store.close()
    history = await store.history(PATH, NOW - 330.0, NOW, 11)
    assert history.last[:5] == [None, 0.7, 0.7, 0.7, 0.7]
    assert history.last[5:] == [None] * 6
    assert history.quality[5] is None


async def test_a_bad_sample_is_a_gap_that_says_so(store: Store) -> None:
    store.append([(PATH, NOW - 20.0, 0.7, 0, 0), (PATH, NOW - 5.0, None, 2, 2)])
    store.close()
    history = await store.history(PATH, NOW - 20.0, NOW, 2)
    assert history.last == [0.7, None]
    assert history.quality == ["good", "bad"]


async def test_the_history_of_an_unknown_path_is_empty_and_no_error(store: Store) -> None:
    history = await store.history("S999/station/power_w", NOW - 10.0, NOW, 5)
    assert history.last == [None] * 5


WRITER = """
import sys
from pathlib import Path
from config.clock import RealClock
from gateway.store import Store
store = Store(Path(sys.argv[1]), RealClock(), 30.0, 100.0)
store.open()
clock = RealClock()
number = 0
import threading
while True:
    number += 1
    store.append([("S001/station/ready", clock.now(), float(number), 0, 0)])
    store.event(clock.now(), "S001", "swap", {"count": number})
    print(clock.monotonic(), number, flush=True)
    threading.Event().wait(0.01)
"""


def test_kill_9_loses_at_most_a_second_and_the_next_start_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    written: list[tuple[float, int]] = []
    for line in process.stdout:
        moment, number = line.split()
        written.append((float(moment), int(number)))
        if len(written) == 200:
            process.send_signal(signal.SIGKILL)
            break
    written += [(float(line.split()[0]), int(line.split()[1])) for line in process.stdout if len(line.split()) == 2]
    process.wait(10.0)
    again = reopened(tmp_path)
    again.open()
    again.append([("S001/station/ready", NOW, 1.0, 0, 0)])
    again.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        last = connection.execute("SELECT max(value) FROM samples").fetchone()[0]
        events = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    killed = written[-1][0]
    kept = next(moment for moment, number in written if number == last)
    assert killed - kept <= 1.0
    assert events >= last - 1
    assert rows(tmp_path / FILE, "samples") == last + 1


def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database " * 500)
    with pytest.raises(StoreError, match=r"swaptwin\.db.*not a database.*move it away"):
        reopened(tmp_path).open()


def test_a_file_that_another_program_holds_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reopened(tmp_path)
    first.open()
    first.close()
    monkeypatch.setattr(store_module, "BUSY_S", 0.1)
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked.*another gateway\.data"):
        reopened(tmp_path).open()
    holder.close()


def test_a_folder_that_cannot_be_made_is_refused_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(StoreError, match=r"gateway\.data"):
        reopened(tmp_path / "data").open()


def test_a_history_of_another_version_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99"):
        reopened(tmp_path).open()


def test_when_the_disk_does_not_keep_up_the_oldest_telemetry_goes_and_events_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BUSY_S", 0.05)
    monkeypatch.setattr(store_module, "QUEUE_ROWS", 100)
    store = reopened(tmp_path)
    store.open()
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for number in range(300):
        store.append([(PATH, NOW + number, float(number), 0, 0)])
        store.event(NOW + number, "S001", "swap", {"count": 1})
        threading.Event().wait(0.002)
    holder.execute("ROLLBACK")
    holder.close()
    store.close()
    assert rows(tmp_path / FILE, "events") == 300
    kept = rows(tmp_path / FILE, "samples")
    assert kept + store.dropped == 300
    assert store.dropped > 0
    with sqlite3.connect(tmp_path / FILE) as connection:
        assert connection.execute("SELECT max(value) FROM samples").fetchone()[0] == 299.0


def test_old_rows_go_by_age_and_the_oldest_by_size(store: Store, tmp_path: Path) -> None:
    store.append([(PATH, NOW - 1000.0 + number / 100.0, 0.5, 0, 0) for number in range(100_000)])
    store.close()
    with sqlite3.connect(tmp_path / FILE, isolation_level=None) as connection:
        assert trim(connection, NOW - 500.0, 1e9) == 50_000
        assert trim(connection, NOW - 500.0, 1e9) == 0
        trim(connection, NOW - 500.0, 1e6)
        pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        assert (pages - free) * 4096 <= 1e6
        assert connection.execute("SELECT max(time) FROM samples").fetchone()[0] == pytest.approx(NOW, abs=0.1)
    read_history(tmp_path / FILE, PATH, NOW - 10.0, NOW, 5, 60.0)


def test_the_file_gives_space_back_to_the_disk(store: Store, tmp_path: Path) -> None:
    store.append([(PATH, NOW - 1000.0 + number / 100.0, 0.5, 0, 0) for number in range(50_000)])
    store.close()
    full = (tmp_path / FILE).stat().st_size
    with sqlite3.connect(tmp_path / FILE, isolation_level=None) as connection:
        trim(connection, NOW, 1e9)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (tmp_path / FILE).stat().st_size < full / 4
