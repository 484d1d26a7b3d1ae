"""The file of the totals: exact, bounded, and replaced when it cannot be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from tests.support.metrics import (
    NOW_NS,
    SECOND_NS,
    ListSegment,
    node_span,
    payloads_of,
    segment_of,
    soon,
    span_of,
)

from pellucid._util.locks import FileLock
from pellucid.exceptions import PellucidError
from pellucid.observability.metrics import Deltas, TotalsError, TotalsStore, _totals
from pellucid.observability.metrics import _database as database
from pellucid.observability.spool import Frame, FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_NS = 86_400 * SECOND_NS
HERE = Path()
RUN = payloads_of(HERE, span_of("run"))


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TotalsStore]:
    made = TotalsStore(tmp_path / ".pellucid" / "metrics.db" if request.param == "file" else None)
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.db"


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each in statements:
            connection.execute(each)


def faults_of(path: Path) -> float:
    return TotalsStore(path).read().value("telemetry_faults_total", part="totals")


# ------------------------------------------------------------------------- taking


def test_a_segment_is_counted_once(store: TotalsStore) -> None:
    assert store.take(segment_of("one", RUN))
    assert not store.take(segment_of("one", RUN))
    assert store.take(segment_of("two", RUN))
    assert store.read().value("pipeline_runs_total", pipeline="daily", result="success") == 2


def test_only_metric_events_are_counted(store: TotalsStore) -> None:
    frames = [
        Frame(FrameKind.HEADER, 2, b"pellucid", NOW_NS, b"{}"),
        Frame(FrameKind.END, 1, bytes(8), NOW_NS, RUN[1]),
        Frame(FrameKind.START, 2, bytes(8), NOW_NS, RUN[0]),
        Frame(FrameKind.END, 2, bytes(8), NOW_NS, RUN[1]),
        Frame(FrameKind.END, 3, bytes(8), NOW_NS, RUN[1]),
        Frame(FrameKind.CLOSED, 2, bytes(8), NOW_NS, b""),
    ]
    store.take(ListSegment("one", frames))
    totals = store.read()
    assert totals.value("pipeline_runs_total") == 1
    assert totals.value("telemetry_faults_total") == 0


def test_spans_are_counted_as_produced_together_with_the_segment(store: TotalsStore) -> None:
    kinds = (FrameKind.HEADER, FrameKind.START, FrameKind.END, FrameKind.END, FrameKind.ROLLED)
    segment = ListSegment("one", [Frame(kind, 1, bytes(8), NOW_NS, b"span") for kind in kinds])
    assert [store.take(segment, is_counting_spans=True) for _ in range(2)] == [True, False]
    assert store.take(ListSegment("two", segment.kept))
    assert store.read().value("telemetry_spans_total", state="produced") == 2


def test_a_segment_that_cannot_be_read_to_its_end_is_not_counted(store: TotalsStore) -> None:
    class Torn(ListSegment):
        def frames(self) -> Iterator[Frame]:
            yield from self.kept
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.take(Torn("one", segment_of("one", RUN).kept))
    assert store.take(segment_of("one", RUN))
    assert store.read().value("pipeline_runs_total") == 1


def test_counters_of_telemetry_are_added(store: TotalsStore) -> None:
    store.add(Deltas())
    for _ in range(2):
        deltas = Deltas()
        deltas.count("telemetry_spans_total", 41, state="produced")
        deltas.count("telemetry_spans_total", 40, state="delivered")
        store.add(deltas)
    totals = store.read()
    assert totals.value("telemetry_spans_total", state="produced") == 82
    assert totals.value("telemetry_spans_total", state="delivered") == 80
    assert totals.value("telemetry_spans_total", state="dropped") == 0


def test_the_same_deltas_can_be_added_twice(store: TotalsStore) -> None:
    deltas = Deltas()
    deltas.count("telemetry_spans_total", 1, state="produced")
    store.add(deltas)
    store.add(deltas)
    store.add(deltas)
    assert store.read().value("telemetry_spans_total", state="produced") == 3


def test_threads_at_once_lose_nothing(store: TotalsStore) -> None:
    barrier = Barrier(4)

    def work(number: int) -> None:
        barrier.wait(20)
        for each in range(10):
            store.take(segment_of(f"{number}-{each}", RUN), deadline=soon(60))

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert store.read().value("pipeline_runs_total") == 40


def test_a_new_file_is_its_owners_alone(path: Path) -> None:
    store = TotalsStore(path.parent / ".pellucid" / "metrics.db")
    store.take(segment_of("one", RUN))
    (made,) = (path.parent / ".pellucid").iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700


def test_an_empty_file_is_begun(path: Path) -> None:
    path.touch(0o600)
    TotalsStore(path).take(segment_of("one", RUN))
    assert faults_of(path) == 0
    assert TotalsStore(path).read().value("pipeline_runs_total") == 1


def test_the_ledger_forgets_after_a_month(path: Path) -> None:
    store = TotalsStore(path)
    store.take(segment_of("old", RUN))
    store.take(segment_of("young", RUN))
    now_ns = time.time_ns()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, days in (("old", 31), ("young", 29)):
            connection.execute("UPDATE segments SET taken_ns = ? WHERE name = ?", (now_ns - days * DAY_NS, name))
    store.take(segment_of("new", RUN))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert sorted(connection.execute("SELECT name FROM segments")) == [("new",), ("young",)]


# ------------------------------------------------------------------------- how many series


def test_runs_with_other_ids_make_no_new_series(store: TotalsStore) -> None:
    def payloads(first: int, count: int) -> list[bytes]:
        spans = (
            (span_of("run", number=number, trace_id=number.to_bytes(16, "big")), node_span(number=number))
            for number in range(first, first + count)
        )
        return payloads_of(HERE, *(each for pair in spans for each in pair))

    store.take(segment_of("one", payloads(1, 10)))
    before = set(store.read().series)
    store.take(segment_of("two", payloads(11, 9990)), deadline=soon(60))
    assert set(store.read().series) == before
    assert store.read().value("pipeline_runs_total", result="success") == 10_000


def test_beyond_the_limit_observations_are_refused_and_counted(tmp_path: Path) -> None:
    store = TotalsStore(tmp_path / "metrics.db", series_limit=3)
    spans = [node_span(node=f"n{number}", datasets=[]) for number in range(5)]
    store.take(segment_of("one", payloads_of(HERE, *spans, *spans)))
    store.take(segment_of("two", payloads_of(HERE, spans[0], node_span(node="another", result="error", datasets=[]))))
    totals = store.read()
    assert {each["node"] for each in totals.labels("node_runs_total")} == {"n0", "n1", "n2"}
    assert totals.value("node_runs_total") == 7
    assert totals.value("telemetry_series_refused_total", metric="pellucid_node_runs_total") == 5
    assert totals.value("telemetry_series_refused_total", metric="pellucid_node_run_duration_seconds") == 5


def test_results_do_not_use_up_the_limit(tmp_path: Path) -> None:
    store = TotalsStore(tmp_path / "metrics.db", series_limit=1)
    store.take(segment_of("one", payloads_of(HERE, span_of("run"), span_of("run", result="failure"))))
    deltas = Deltas()
    for state in ("produced", "delivered"):
        deltas.count("telemetry_spans_total", state=state)
    store.add(deltas)
    totals = store.read()
    assert totals.value("pipeline_runs_total", result="failure") == 1
    assert totals.value("telemetry_spans_total") == 2
    assert totals.labels("telemetry_series_refused_total") == []


def test_what_only_makes_a_series_known_is_not_refused_loudly(tmp_path: Path) -> None:
    store = TotalsStore(tmp_path / "metrics.db", series_limit=0)
    store.take(segment_of("one", payloads_of(HERE, span_of("run"))[:1]))
    refused = store.read().labels("telemetry_series_refused_total")
    assert refused == []


# ------------------------------------------------------------------------- pruning


def test_events_that_wait_are_read_once_however_many_turns_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn reads what it counts, and not what the next ones will."""
    monkeypatch.setattr(_totals, "_MOST_BYTES_AT_ONCE", 1)
    store = TotalsStore(None)
    for number in range(10):
        store.take(segment_of(f"s{number}", [b"{}"]))
    connection = store._database._memory
    assert connection is not None
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    store.read()
    assert sum(each.startswith("SELECT events FROM inbox") for each in statements) == 10


def test_what_was_not_heard_of_for_long_is_pruned_and_begins_again(store: TotalsStore) -> None:
    old = payloads_of(HERE, span_of("run", pipeline="old"), node_span(pipeline="old", node="gone"))
    new = payloads_of(HERE, span_of("run", pipeline="new", at=100 * 86_400), span_of("context.load"))
    store.take(segment_of("one", [*old, *new]))
    assert store.prune(90, now_ns=NOW_NS + 100 * DAY_NS) > 5
    totals = store.read()
    assert {each["pipeline"] for each in totals.labels("pipeline_runs_total")} == {"new"}
    assert totals.labels("node_runs_total") == []
    assert totals.labels("dataset_rows") == []
    assert totals.count("context_load_duration_seconds") == 1
    assert store.prune(90, now_ns=NOW_NS + 100 * DAY_NS) == 0
    assert not store.take(segment_of("one", old))
    store.take(segment_of("two", old))
    assert store.read().value("pipeline_runs_total", pipeline="old") == 1


def test_a_success_long_ago_stays_while_the_pipeline_fails(store: TotalsStore) -> None:
    spans = [span_of("run"), span_of("run", at=100 * 86_400, result="failure")]
    store.take(segment_of("one", payloads_of(HERE, *spans)))
    assert store.prune(90, now_ns=NOW_NS + 101 * DAY_NS) == 0
    assert store.read().value("pipeline_last_success_timestamp_seconds", pipeline="daily") == NOW_NS / 1e9 + 1


def test_pruning_looks_at_the_clock(store: TotalsStore) -> None:
    store.take(segment_of("one", RUN))
    assert store.prune(1) > 0
    assert store.read().labels("pipeline_runs_total") == []


# ------------------------------------------------------------------------- files that cannot be used


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database, and was never one" * 200)


def truncated(path: Path) -> None:
    TotalsStore(path).take(segment_of("before", payloads_of(HERE, *(node_span(node=f"n{each}") for each in range(40)))))
    os.truncate(path, path.stat().st_size // 2)


def later(path: Path) -> None:
    TotalsStore(path).take(segment_of("before", RUN))
    change(path, "PRAGMA user_version = 2")


def of_others(path: Path) -> None:
    change(path, "CREATE TABLE theirs (a)")


def without_tables(path: Path) -> None:
    TotalsStore(path).take(segment_of("before", RUN))
    change(path, "DROP TABLE series")


@pytest.mark.parametrize("spoil", [damaged, truncated, later, of_others, without_tables])
def test_a_file_that_cannot_be_used_is_set_aside_and_counted(path: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(path)
    data = path.read_bytes()
    store = TotalsStore(path)
    assert store.take(segment_of("one", RUN), is_counting_spans=True)
    totals = store.read()
    assert totals.value("pipeline_runs_total") == 1
    assert totals.value("telemetry_faults_total", part="totals") == 1
    (aside,) = (each for each in path.parent.glob("metrics.db.unusable-*") if each.name[-4:] not in {"-wal", "-shm"})
    assert aside.read_bytes() == data
    assert not path.with_name("metrics.db.lock").exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_more_than_three_are_kept(path: Path) -> None:
    for number in range(5):
        damaged(path)
        assert TotalsStore(path).take(segment_of(f"segment {number}", RUN))
    assert len(list(path.parent.glob("metrics.db.unusable-*"))) == 3


def test_a_file_that_another_process_has_replaced_meanwhile_is_used(path: Path) -> None:
    """It was damaged when it was opened, and is a good one when it would be set aside."""
    damaged(path)
    barrier, results = Barrier(4), []

    def work(number: int) -> None:
        barrier.wait(20)
        results.append(TotalsStore(path).take(segment_of(f"segment {number}", RUN), deadline=soon(60)))

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert results == [True] * 4
    assert TotalsStore(path).read().value("pipeline_runs_total") == 4
    assert faults_of(path) == 1


@pytest.mark.parametrize("turn", range(10))
def test_a_file_that_several_begin_at_once_is_not_taken_for_damaged(path: Path, turn: int) -> None:
    barrier = Barrier(4)

    def work(number: int) -> None:
        barrier.wait(20)
        TotalsStore(path).take(segment_of(f"{turn} {number}", RUN), deadline=soon(60))

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert TotalsStore(path).read().value("pipeline_runs_total") == 4
    assert faults_of(path) == 0


def test_setting_aside_waits_no_longer_than_its_deadline(path: Path) -> None:
    damaged(path)
    with FileLock(path.with_name("metrics.db.lock")), pytest.raises(TotalsError, match="locked"):
        TotalsStore(path).read(deadline=time.monotonic() + 0.1)


def test_rows_that_make_no_sense_are_left_out(path: Path) -> None:
    store = TotalsStore(path)
    store.take(segment_of("one", payloads_of(HERE, span_of("run"), node_span())))
    store.read()
    change(
        path,
        "UPDATE series SET state = '[1,' WHERE metric = 'pellucid_node_cpu_seconds_total'",
        "UPDATE series SET state = '[-5,NaN]' WHERE metric = 'pellucid_node_memory_peak_bytes'",
        "UPDATE series SET state = '[5,NaN]' WHERE metric = 'pellucid_dataset_rows'",
        "UPDATE series SET state = '-7' WHERE metric = 'pellucid_dataset_io_bytes_total'",
        "UPDATE series SET state = '7' WHERE metric = 'pellucid_node_run_duration_seconds'",
        "INSERT INTO series VALUES ('pellucid_of_another_version', '[]', '1', 0)",
        "INSERT INTO series VALUES ('pellucid_pipeline_runs_total', '[\"too few\"]', '1', 0)",
        "INSERT INTO series VALUES ('pellucid_pipeline_runs_total', 'no json', '1', 0)",
    )
    totals = store.read()
    assert totals.value("pipeline_runs_total") == 1
    for name in ("node_cpu_seconds_total", "node_memory_peak_bytes", "dataset_rows", "node_run_duration_seconds"):
        assert totals.labels(name) == []
    store.take(segment_of("two", payloads_of(HERE, node_span(node="other"), node_span())))
    assert store.read().value("node_cpu_seconds_total", node="clean") == 0.75
    assert store.prune(0, now_ns=NOW_NS + DAY_NS) > 0


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TotalsError, match=r"metrics\.db"):
        TotalsStore(tmp_path / "file" / "metrics.db").take(segment_of("one", RUN))


def test_a_folder_in_place_of_the_file_is_one_clear_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(TotalsError) as caught:
        TotalsStore(path).read()
    assert isinstance(caught.value, PellucidError)
    assert isinstance(caught.value, OSError)


def test_a_file_that_cannot_be_written_is_one_clear_error(path: Path) -> None:
    TotalsStore(path).take(segment_of("one", RUN))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    path.parent.chmod(0o500)
    path.chmod(0o400)
    try:
        if os.access(path, os.W_OK):
            path.parent.chmod(0o700)
            path.unlink()
            path.symlink_to("/proc/self/status")
        with pytest.raises(TotalsError):
            TotalsStore(path).take(segment_of("two", RUN))
    finally:
        path.parent.chmod(0o700)


@pytest.mark.processes
def test_on_a_full_disk_a_segment_is_counted_later(path: Path) -> None:
    TotalsStore(path).take(segment_of("one", RUN))
    code = f"""
import resource
from pathlib import Path
from pellucid.observability.metrics import TotalsError, TotalsStore
from tests.support.metrics import node_span, payloads_of, segment_of
payloads = payloads_of(Path(), *(node_span(node=f"n{{each}}") for each in range(300)))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    TotalsStore(Path({str(path)!r})).take(segment_of("two", payloads))
except TotalsError as error:
    print("full:", error)
"""
    root = Path(__file__).parents[3]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("full:")
    store = TotalsStore(path)
    assert store.read().value("node_runs_total") == 0
    assert store.take(segment_of("two", payloads_of(HERE, node_span())))
    assert store.read().value("pipeline_runs_total") == 1
    assert faults_of(path) == 0


def test_a_busy_file_is_given_up_at_the_deadline(path: Path) -> None:
    store = TotalsStore(path)
    store.take(segment_of("one", RUN))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        with pytest.raises(TotalsError, match="locked"):
            store.take(segment_of("two", RUN), deadline=start + 0.3)
        assert time.monotonic() - start < 5
        other.execute("ROLLBACK")
    assert store.take(segment_of("two", RUN))


def test_work_that_takes_too_long_is_interrupted(path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    made = database.Database(path, lambda _: None)
    with pytest.raises(TotalsError, match="interrupted"):
        made.do(lambda connection: database.rows(connection, endless), time.monotonic() + 0.2)


def test_a_file_that_stays_unusable_is_given_up(path: Path) -> None:
    def spoilt(connection: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises(TotalsError, match="malformed"):
        database.Database(path, lambda _: None).do(spoilt, soon())


def test_a_lock_that_passes_is_waited_for(path: Path) -> None:
    """SQLite reports some locks at once, whatever the time it was given."""
    calls: list[int] = []

    def locked_at_first(connection: sqlite3.Connection) -> int:
        calls.append(1)
        connection.execute("INSERT INTO segments VALUES ('x', 1)")
        if len(calls) < 3:
            raise sqlite3.OperationalError("database is locked")
        return len(calls)

    assert database.Database(path, lambda _: None).do(locked_at_first, soon()) == 3


def test_a_segment_that_takes_too_long_to_read_is_not_counted(store: TotalsStore) -> None:
    class Endless(ListSegment):
        def frames(self) -> Iterator[Frame]:
            while True:
                yield from self.kept

    with pytest.raises(TotalsError, match="endless"):
        store.take(Endless("endless", segment_of("", RUN).kept), deadline=time.monotonic() + 0.1)
    assert store.take(segment_of("endless", RUN))


def test_work_that_raises_changes_nothing(store: TotalsStore) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO segments VALUES ('x', 1)")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        store._database.do(broken, soon())
    assert store.take(segment_of("x", RUN))


def _waiting(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM inbox").fetchone()[0])


def test_events_are_counted_when_somebody_reads(path: Path) -> None:
    """Once, and those that come between two readers by the second one."""
    store = TotalsStore(path)
    for number in range(70):
        store.take(segment_of(f"segment {number}", RUN))
    assert _waiting(path) == 70
    assert store.read().value("pipeline_runs_total") == 70
    assert _waiting(path) == 0
    store.take(segment_of("one more", RUN))
    assert not store.take(segment_of("segment 3", RUN))
    assert store.read().value("pipeline_runs_total") == 71


def test_the_end_of_a_run_leaves_events_alone_unless_there_are_many(path: Path) -> None:
    store = TotalsStore(path)
    for number in range(500):
        store.take(segment_of(f"segment {number}", RUN))
    store.tidy(100_000)
    assert _waiting(path) == 500
    store.take(segment_of("one more", RUN))
    store.tidy(100_000)
    assert _waiting(path) == 0
    assert store.read().value("pipeline_runs_total") == 501


def test_a_reader_without_time_gets_what_is_counted(path: Path) -> None:
    store = TotalsStore(path)
    store.take(segment_of("one", RUN))
    assert store.read().value("pipeline_runs_total") == 1
    for number in range(200):
        store.take(segment_of(f"segment {number}", RUN * 50))
    first = store.read(deadline=time.monotonic() + 1).value("pipeline_runs_total")
    assert 1 <= first <= 10_001
    assert store.read(deadline=soon(60)).value("pipeline_runs_total") == 10_001
