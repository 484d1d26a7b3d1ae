from __future__ import annotations

import itertools
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.history import SECOND, START, FakeSegment, Frame, RunMaker, failed_run, id_of, span_body

from pellucid.observability.history import (
    Filters,
    HistoryError,
    HistoryStore,
    NewerHistoryError,
    NoSuchRunError,
    expected_node_seconds,
)
from pellucid.observability.history import _store as store_module
from pellucid.observability.recording import STREAM_BUNDLES, STREAM_SPANS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / ".pellucid" / "history.db", busy_seconds=0.2)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --------------------------------------------------------------------------- taking


def test_the_stream_of_spans_is_that_of_the_recording() -> None:
    assert (store_module._SPANS, store_module._BUNDLES) == (STREAM_SPANS, STREAM_BUNDLES)


def test_a_run_is_read_back(store: HistoryStore) -> None:
    run = failed_run()
    assert store.take(run.segment()) == 16
    (found,) = store.runs()
    assert (found.run_id, found.session_id, found.pipeline) == (run.session_id, run.session_id, "train")
    assert (found.result, found.error_type, found.error_message) == (
        "failure",
        "ValueError",
        "the table has no rows\nof 2025",
    )
    assert (found.env, found.runner, found.commit) == ("local", "SequentialRunner", "4f2a9c01d7")
    assert found.parameters == {"model": {"depth": 3}, "seed": 7}
    assert found.nodes == (5, 3, 1)
    assert found.failed_nodes == ("fit",)
    assert found.duration_seconds == pytest.approx(9.0)
    assert found.resource == {"service.name": "demo"}
    assert (found.trace_id, found.span_id) == (run.trace_id, run.run_span)


def test_a_segment_is_taken_once(store: HistoryStore) -> None:
    segment = failed_run().segment("one")
    assert store.take(segment) == 16
    before = store.runs()
    assert store.take(segment) == 0
    assert store.runs() == before
    assert store.has_taken("one")
    assert not store.has_taken("two")


def test_a_span_that_two_segments_have_is_taken_once(store: HistoryStore) -> None:
    run = failed_run()
    bodies = list(run.bodies)
    store.take(FakeSegment("a", bodies))
    store.take(FakeSegment("b", bodies))
    assert len(store.spans(store.find())) == len(bodies)
    assert store.runs()[0].nodes == (5, 3, 1)


def test_the_pieces_of_a_run_may_come_in_any_order(tmp_path: Path) -> None:
    """Main's part with session and run, and one part for each of two workers."""
    bodies = failed_run().bodies
    parts = [bodies[:4], bodies[4:12], bodies[12:]]
    seen = []
    for number, order in enumerate(itertools.permutations(range(3))):
        store = HistoryStore(tmp_path / str(number) / "history.db")
        for part in order:
            store.take(FakeSegment(f"part-{part}", parts[part]))
        (run,) = store.runs()
        seen.append((run, [each.body for each in store.spans(run)]))
    assert all(each == seen[0] for each in seen)
    assert seen[0][0].failed_nodes == ("fit",)


def test_a_killed_run_names_the_nodes_that_were_at_work(store: HistoryStore) -> None:
    run = RunMaker(result="error")
    run.node("first", 0.2, 1.0)
    lost = ("ProcessLost", "the process ended without a word")
    run.run(3.0, error=lost, nodes=4)
    store.take(run.segment("main"))
    assert store.find("last").failed_nodes == ()
    run.node("third", 1.0, 3.0, result="error", error=lost)
    run.node("second", 1.0, 2.9, result="error", error=lost)
    store.take(run.segment("worker, found much later"))
    found = store.find("last-failed")
    assert (found.result, found.error_type, found.failed_nodes) == ("error", "ProcessLost", ("second", "third"))
    assert found.nodes == (4, 1, 2)


def test_what_a_run_says_it_did_counts_where_nodes_were_lost(store: HistoryStore) -> None:
    run = RunMaker()
    run.node("fit", 0.2, 0.3)
    run.run(1.0, nodes=300, pellucid__run__nodes_done=300)
    store.take(run.segment())
    (found,) = store.runs()
    assert found.nodes == (300, 300, 0)


def test_a_session_that_failed_before_it_had_a_run_is_in_the_list_until_a_run_of_it_comes(store: HistoryStore) -> None:
    run = RunMaker(result="failure")
    run.run(2.0, error=("BadConfigException", "catalog.yml:3: no"), nodes=1)
    own, session = run.bodies
    store.take(FakeSegment("a", [session]))
    (found,) = store.runs()
    assert (found.pipeline, found.run_id, found.error_type) == ("", run.session_id, "BadConfigException")
    assert [each.kind for each in store.spans(found)] == ["session"]
    store.take(FakeSegment("b", [own]))
    assert [each.pipeline for each in store.runs()] == ["__default__"]
    store.take(FakeSegment("c", [session]))
    assert len(store.runs()) == 1


def test_a_session_that_succeeded_without_a_run_is_not_in_the_list(store: HistoryStore) -> None:
    run = RunMaker()
    run.run(2.0)
    store.take(FakeSegment("a", run.bodies[1:]))
    assert store.runs() == []


def test_spans_that_cannot_be_read_are_counted_and_left_out(store: HistoryStore) -> None:
    run = failed_run()
    assert store.take(FakeSegment("a", [b"\xff\xff", *run.bodies, b""], {"resource": None})) == 18
    assert store.counters() == {"malformed_spans": 2}
    assert store.runs()[0].resource == {}


def test_odd_attributes_of_a_run_do_no_harm(store: HistoryStore) -> None:
    odd: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"pellucid.parameters": '{"cut off'}, {"": '{"cut off'}),
        ({"pellucid.parameters": "[1]"}, {"": [1]}),
        ({"pellucid.parameters": 5, "pellucid.run.nodes": -1, "pellucid.env": 3}, {}),
    ]
    for number, (attributes, expected) in enumerate(odd, 1):
        body = span_body(
            id_of(number, 16), id_of(number), b"", "RUN", START + number, START, {"pellucid.kind": "run", **attributes}
        )
        store.take(FakeSegment(f"s{number}", [body]))
        found = store.find("last")
        assert (found.parameters, found.run_id, found.env) == (expected, id_of(number).hex(), "")
        assert (found.duration_seconds, found.nodes, found.result) == (0.0, (0, 0, 0), "success")


def test_a_failure_in_the_middle_takes_nothing(store: HistoryStore) -> None:
    class Torn(FakeSegment):
        def frames(self) -> Iterator[Frame]:
            yield from super().frames()
            raise OSError("the disk")

    run = failed_run()
    with pytest.raises(OSError, match="the disk"):
        store.take(Torn("one", run.bodies))
    assert store.runs() == []
    assert store.take(FakeSegment("one", run.bodies)) == 16


def test_several_runs_of_one_trace_are_kept_apart(store: HistoryStore) -> None:
    """A service session, or several sessions that join one trace."""
    first, second = failed_run(1), failed_run(2, started=50)
    second.trace_id = first.trace_id
    second.bodies.clear()
    second.node("only", 0.2, 1.0)
    second.run(2.0)
    store.take(first.segment("a"))
    store.take(second.segment("b"))
    assert len(store.spans(store.find(first.session_id))) == 16
    assert [each.kind for each in store.spans(store.find(second.session_id))] == ["session", "run", "node"]
    store.prune(0.0, 1, now_ns=START)
    assert [each.session_id for each in store.runs()] == [second.session_id]
    assert len(store.spans(store.find())) == 3


def test_runs_of_one_session_are_shown_without_it(store: HistoryStore) -> None:
    first, second = RunMaker(1), RunMaker(2, started=10)
    for each in (first, second):
        each.trace_id, each.session_id, each.session_span = first.trace_id, "service", first.session_span
        each.node("a", 0.1, 0.2)
        each.run(1.0)
        store.take(each.segment(f"s{each.number}"))
    for run in store.runs():
        assert [each.kind for each in store.spans(run)] == ["run", "node"]


def test_a_run_whose_session_is_somewhere_else_is_shown_alone(store: HistoryStore) -> None:
    run = failed_run()
    *rest, own, session = run.bodies
    apart = RunMaker(7)
    apart.session_id, apart.trace_id = run.session_id, run.trace_id
    apart.run(1.0)
    store.take(FakeSegment("a", [*rest, own, apart.bodies[1]]))
    assert store.spans(store.find())[0].kind == "run"
    store.take(FakeSegment("b", [session]))


# --------------------------------------------------------------------------- the file


def test_file_and_folder_are_for_the_user_alone(store: HistoryStore) -> None:
    store.path.parent.mkdir(mode=0o755)
    store.take(failed_run().segment())
    assert _mode(store.path.parent) == 0o700
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("SELECT * FROM runs").fetchall()
        names = sorted(store.path.parent.iterdir())
        assert [each.name for each in names] == ["history.db", "history.db-shm", "history.db-wal"]
        assert [_mode(each) for each in names] == [0o600] * 3


def test_reading_makes_nothing(store: HistoryStore) -> None:
    assert store.runs() == []
    assert store.counters() == {}
    assert store.node_seconds("a", ["b"]) == {}
    assert not store.has_taken("a")
    assert store.prune(1, 1) == 0
    with pytest.raises(NoSuchRunError, match="no run in the history yet"):
        store.find()
    assert not store.path.parent.exists()


def test_an_empty_file_is_begun(store: HistoryStore) -> None:
    store.path.parent.mkdir()
    store.path.touch()
    assert store.runs() == []
    store.take(failed_run().segment())
    assert len(store.runs()) == 1


def test_an_open_store_has_no_tables_yet(store: HistoryStore) -> None:
    """What a process leaves that was killed between making the file and its first transaction."""
    store.path.parent.mkdir()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert store.runs() == []
    assert store.take(failed_run().segment()) == 16


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_corrupt_file_is_set_aside_and_a_new_one_begun(store: HistoryStore, content: bytes) -> None:
    store.path.parent.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"damaged|cannot be used"):
        store.runs()
    assert store.take(failed_run().segment()) == 16
    (aside,) = store.path.parent.glob("history.db.unusable-*")
    assert aside.read_bytes() == content
    assert store.counters() == {"corrupt_files": 1}
    assert len(store.runs()) == 1


def test_damage_that_shows_late_is_treated_the_same(store: HistoryStore) -> None:
    for number in range(1, 40):
        store.take(failed_run(number, started=number).segment(f"s{number}"))
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xab" * (len(content) - 4096)
    store.path.write_bytes(content)
    assert store.take(failed_run(50).segment("new")) == 16
    assert len(store.runs()) == 1
    assert store.counters() == {"corrupt_files": 1}


def test_a_database_of_somebody_else_is_left_alone(store: HistoryStore) -> None:
    store.path.parent.mkdir()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("CREATE TABLE runs (theirs)")
    before = store.path.read_bytes()
    for attempt in (store.runs, lambda: store.take(failed_run().segment("a"))):
        with pytest.raises(HistoryError, match="something else"):
            attempt()
    assert store.path.read_bytes() == before


def test_few_corrupt_files_are_kept(store: HistoryStore) -> None:
    for number in range(1, 7):
        store.path.parent.mkdir(exist_ok=True)
        store.path.write_bytes(b"rubbish" * 200)
        store.take(failed_run(number).segment())
    assert len(list(store.path.parent.glob("history.db.unusable-*"))) == 3


def test_a_newer_file_is_left_alone(store: HistoryStore) -> None:
    store.take(failed_run().segment("a"))
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA user_version = 7")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = store.path.read_bytes()
    for attempt in (store.runs, lambda: store.take(failed_run(2).segment("b")), lambda: store.prune(0, 0)):
        with pytest.raises(NewerHistoryError, match=r"schema version 7; .* up to version 1") as caught:
            attempt()
        assert (caught.value.version, caught.value.known) == (7, 1)
    assert store.path.read_bytes() == before
    assert expected_node_seconds(store, "train", ["fit"]) == {}


def test_a_file_that_another_process_writes_to_for_long_is_told(store: HistoryStore) -> None:
    store.take(failed_run().segment("a"))
    assert len(store.runs()) == 1
    store.take(failed_run(3).segment("unsorted"))
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryError, match="locked"):
            store.take(failed_run(2).segment("b"))
        assert len(store.runs()) == 1  # what is sorted can be read
    assert len(store.runs()) == 2
    assert store.take(failed_run(2).segment("b")) == 16


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = HistoryStore(tmp_path / "file" / "history.db")
    with pytest.raises(HistoryError, match="cannot be used"):
        store.take(failed_run().segment())


# --------------------------------------------------------------------------- questions


def _many(store: HistoryStore) -> list[RunMaker]:
    made = []
    for number in range(1, 7):
        result = "failure" if number % 3 == 0 else "success"
        run = RunMaker(number, "train" if number % 2 else "serve", started=number * DAY, result=result)
        run.node("fit", 0.2, 0.2 + number)
        run.node("broken", 0.2, 50.0, result="failure")
        run.run(number + 1.0)
        store.take(run.segment(f"s{number}"))
        made.append(run)
    return made


def test_runs_are_filtered_and_the_latest_come_first(store: HistoryStore) -> None:
    made = _many(store)

    def numbers(**given: Any) -> list[int]:
        ids = [run.session_id for run in made]
        return [ids.index(run.session_id) + 1 for run in store.runs(Filters(**given))]

    assert numbers() == [6, 5, 4, 3, 2, 1]
    assert numbers(pipeline="train") == [5, 3, 1]
    assert numbers(result="failure") == [6, 3]
    assert numbers(pipeline="train", result="failure") == [3]
    assert numbers(since_ns=START + 4 * DAY * SECOND, until_ns=START + 6 * DAY * SECOND) == [5, 4]
    assert numbers(limit=2) == [6, 5]
    assert numbers(limit=None) == [6, 5, 4, 3, 2, 1]


def test_a_run_is_found_by_what_is_unambiguous(store: HistoryStore) -> None:
    made = _many(store)
    assert store.find("last").session_id == made[5].session_id
    assert store.find("last-failed").session_id == made[5].session_id
    assert store.find(made[2].session_id).session_id == made[2].session_id
    assert store.find(made[2].session_id[:-5]).session_id == made[2].session_id
    assert store.find(made[2].trace_id.hex().upper()).session_id == made[2].session_id
    with pytest.raises(NoSuchRunError, match="Several runs begin with '2025-11'") as several:
        store.find("2025-11")
    assert len(several.value.candidates) == 5
    with pytest.raises(NoSuchRunError, match="Did you mean '2025-11-22T08") as none:
        store.find("2025-11-22T08.26.01.00Z")
    assert made[0].session_id in none.value.nearest
    for text in ("", "%%%%", "x"):
        with pytest.raises(NoSuchRunError):
            store.find(text)


def test_where_all_is_well_no_failed_run_is_found(store: HistoryStore) -> None:
    store.take(RunMaker().run(1.0).segment())
    with pytest.raises(NoSuchRunError, match="did not succeed"):
        store.find("last-failed")
    with pytest.raises(NoSuchRunError, match="runs list"):
        store.find("?")


def test_of_a_run_that_is_gone_there_are_no_spans(store: HistoryStore) -> None:
    store.take(failed_run().segment())
    run = store.find()
    store.prune(0, 0)
    assert store.spans(run) == []


def test_expected_seconds_are_the_median_of_the_latest_successful_runs(store: HistoryStore) -> None:
    _many(store)
    assert store.node_seconds("train", ["fit", "broken", "new"]) == {"fit": pytest.approx(3.0)}
    assert store.node_seconds("train", ["fit"], runs=1) == {"fit": pytest.approx(5.0)}
    assert expected_node_seconds(store, "train", ["fit"]) == {"fit": pytest.approx(3.0)}
    assert expected_node_seconds(store, "unknown", ["fit"]) == {}


# --------------------------------------------------------------------------- pruning


def test_old_runs_and_those_beyond_a_number_go(store: HistoryStore) -> None:
    _many(store)
    now = START + 6 * DAY * SECOND
    assert store.prune(4.5, 100, dry_run=True, now_ns=now) == 1
    assert len(store.runs()) == 6
    assert store.prune(4.5, 100, now_ns=now) == 1
    assert store.prune(100, 2, now_ns=now) == 3
    assert store.prune(100, 2, now_ns=now) == 0
    assert len(store.runs()) == 2
    assert store.prune(100, 0) == 2
    with closing(sqlite3.connect(store.path)) as connection:
        left = connection.execute(
            "SELECT span_id FROM spans UNION ALL SELECT span_id FROM runs UNION ALL SELECT span_id FROM sessions "
            "UNION ALL SELECT trace_id FROM traces UNION ALL SELECT attributes FROM resources"
        )
        assert left.fetchall() == []


def test_spans_without_a_run_go_when_they_are_old(store: HistoryStore) -> None:
    run = RunMaker()
    run.node("orphan", 0.0, 1.0)
    store.take(run.segment("a"))
    store.prune(1, 10, now_ns=START + SECOND)
    assert store.take(FakeSegment("b", run.segment().bodies)) == 0
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (1,)
        store.prune(1, 10, now_ns=START + 3 * DAY * SECOND)
        assert connection.execute("SELECT count(*) FROM spans").fetchone() == (0,)


def test_names_of_segments_are_forgotten_after_the_longest_time_they_may_be_given_again(store: HistoryStore) -> None:
    store.take(failed_run().segment("a"))
    with closing(sqlite3.connect(store.path)) as connection:
        (taken,) = connection.execute("SELECT taken_ns FROM segments").fetchone()
    store.prune(1, 10, now_ns=taken + 29 * DAY * SECOND)
    assert store.has_taken("a")
    store.prune(1, 10, now_ns=taken + 31 * DAY * SECOND)
    assert not store.has_taken("a")


def test_the_file_stays_bounded(store: HistoryStore) -> None:
    sizes = []
    for number in range(1, 121):
        run = RunMaker(number, started=number * 100.0)
        for each in range(30):
            run.node(f"node_{each}", 0.2, 0.3, code__function__name="x" * 500)
        store.take(run.run(1.0).segment(f"s{number}"))
        store.prune(10_000, 10)
        sizes.append(store.path.stat().st_size)
    assert len(store.runs()) == 10
    assert max(sizes[60:]) <= 2 * max(sizes[:20])


def _unsorted(store: HistoryStore) -> int:
    with closing(sqlite3.connect(store.path)) as connection:
        return int(connection.execute("SELECT count(*) FROM inbox").fetchone()[0])


def test_a_run_is_sorted_when_somebody_looks(store: HistoryStore) -> None:
    """Once, whoever looks first, and in the order in which the segments were taken."""
    for number in range(3):
        store.take(failed_run(number, started=float(number)).segment(f"s{number}"))
    assert _unsorted(store) == 3
    assert len(store.runs()) == 3
    assert _unsorted(store) == 0
    assert store.take(failed_run(1, started=1.0).segment("s1")) == 0
    assert len(store.runs()) == 3


def test_much_that_is_unsorted_keeps_no_run_waiting(store: HistoryStore) -> None:
    """The end of a run, and the question how long its nodes take, leave it alone unless it is little or too much."""
    run = failed_run()
    store.take(FakeSegment("large", [*run.bodies, b"x" * 1024 * 1024]))
    assert store.node_seconds("train", ["fit"]) == {}
    store.tidy(100_000, 100)
    assert _unsorted(store) == 1
    for number in range(500):
        store.take(FakeSegment(f"s{number}", [b"x"]))
    store.tidy(100_000, 100)
    assert _unsorted(store) == 0
    assert len(store.runs()) == 1
