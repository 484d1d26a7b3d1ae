"""Runs of very many nodes: the history does nothing more often than there is to do, and what is shown stays short."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.support.history import RunMaker

from pellucid.observability._cli._runs_diff import comparison
from pellucid.observability._cli._runs_show import report
from pellucid.observability._cli._runs_text import Screen
from pellucid.observability.history import HistoryStore, diff_runs
from pellucid.observability.history._inbox import put, sort_one
from pellucid.observability.history._schema import HISTORY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pellucid.observability.history import StoredSpan

SCREEN = Screen(80)


def _chain(number: int, count: int, *, slow: str = "", failed: str = "") -> RunMaker:
    run = RunMaker(number, started=60.0 * number)
    for each in range(count):
        name = f"n{each}"
        result = "failure" if name == failed else "success"
        node = run.node(name, each / 100, (each + (3 if name == slow else 1)) / 100, wait=0.5, result=result)
        run.io("save", f"d{each}", each / 100, each / 100 + 0.001, node)
    return run.run(count / 100 + 1)


def _store(folder: Path, *runs: RunMaker) -> HistoryStore:
    store = HistoryStore(folder / "history.db")
    for run in runs:
        store.take(run.segment())
    return store


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        HISTORY_SCHEMA.prepare(connection)
        yield connection


def test_the_nodes_of_a_run_in_many_parts_are_counted_once(connection: sqlite3.Connection) -> None:
    """Its own span comes with the last part."""
    bodies = _chain(1, 50).bodies
    for number, at in enumerate(range(0, len(bodies), 10)):
        connection.execute("INSERT INTO segments VALUES (?, ?, 0)", (f"s{number}", number))
        put(connection, f"s{number}", {}, [(0, each) for each in bodies[at : at + 10]])
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    while sort_one(connection):
        pass
    assert sum("count(DISTINCT name)" in each for each in statements) == 1
    assert connection.execute("SELECT nodes, nodes_done FROM runs").fetchall() == [(50, 50)]


def test_what_waits_is_looked_at_without_what_is_in_it(connection: sqlite3.Connection) -> None:
    """To find the part that came first, the others are not read."""
    bodies = _chain(1, 20).bodies
    for number, body in enumerate(bodies):
        put(connection, f"s{number}", {}, [(0, body)])
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    while sort_one(connection):
        pass
    sorting = [each for each in statements if "ORDER BY taken_ns" in each]
    assert len(sorting) == len(bodies) + 1
    assert not any("spans" in each for each in sorting)


def test_nodes_that_succeeded_are_shown_without_decoding_them(tmp_path: Path) -> None:
    """One attribute is taken of each, and the others are skipped."""
    store = _store(tmp_path, _chain(1, 30))
    run = store.find()
    spans = store.spans(run)
    shown = " ".join(" ".join(report(run, spans, SCREEN, tmp_path)).split())
    assert "nodes waited 15.0 s for a worker" in shown
    assert not [each.name for each in spans if each.kind in {"node", "save"} and "_opened" in vars(each)]


def test_two_runs_are_compared_one_after_the_other(tmp_path: Path) -> None:
    """The spans of one are done with when those of the other are asked for."""
    store = _store(tmp_path, _chain(1, 3), _chain(2, 3))
    latter, former = store.runs()
    at_work: list[str] = []

    def told(name: str, spans: Iterable[StoredSpan]) -> Iterator[StoredSpan]:
        at_work.append(f"{name} begins")
        yield from spans
        at_work.append(f"{name} ends")

    diff = diff_runs(former, latter, told("first", store.spans(former)), told("second", store.spans(latter)))
    assert at_work == ["first begins", "first ends", "second begins", "second ends"]
    assert [each.name for each in diff.nodes] == ["n0", "n1", "n2"]


def test_of_very_many_nodes_those_are_compared_that_differ_most(tmp_path: Path) -> None:
    store = _store(tmp_path, _chain(1, 1002), _chain(2, 1003, slow="n1000", failed="n1001"))
    latter, former = store.runs()
    diff = diff_runs(former, latter, store.spans(former), store.spans(latter))
    lines = [*comparison(former, latter, diff, SCREEN)]
    nodes = lines[lines.index("Nodes") + 1 :]
    assert len(nodes) == 1001
    assert nodes[-4].split()[0] == "n1000"
    assert nodes[-3].split()[0] == "n1001"
    assert nodes[-3].endswith("success -> failure")
    assert nodes[-2].split()[:2] == ["+", "n1002"]
    assert nodes[-1] == "  3 more are in --json."
