"""Runs of a part of a pipeline, and nodes that save many times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.history import RunMaker
from tests.support.observed import observed_project

from pellucid.observability._cli._runs_diff import comparison
from pellucid.observability._cli._runs_facts import is_partial, nodes, part
from pellucid.observability._cli._runs_list import table
from pellucid.observability._cli._runs_show import report
from pellucid.observability._cli._runs_text import Screen
from pellucid.observability.history import HistoryStore, NodeCounts, RunSummary, Selection, diff_runs

FOLDER = Path("/demo")

PARTS = """
with KedroSession.create() as session:
    session.run()
with KedroSession.create() as session:
    session.run(node_names=["clean", "add_up"])
with KedroSession.create() as session:
    session.run(tags=["last"], only_missing_outputs=True)
with KedroSession.create() as session:
    session.run(to_nodes=["report"])
"""


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history.db")


def _run(chosen: dict[str, Any], total: int, whole: int) -> RunSummary:
    return RunSummary(
        "r", "s", "p", "success", 0, 1, b"", b"", selection=Selection(chosen, whole), nodes=NodeCounts(total, total)
    )


@pytest.mark.parametrize(
    ("run", "counted", "said"),
    [
        (_run({}, 3, 0), "3/3", ""),
        (_run({"tags": ["a", "b"]}, 3, 41), "3/3 of 41", "partial: 3 of 41 nodes, tags a b"),
        (
            _run({"from_nodes": ["a"], "to_outputs": ["x"]}, 1, 3),
            "1/1 of 3",
            "partial: 1 of 3 nodes, from nodes a, to outputs x",
        ),
        # All that there is was chosen.
        (_run({"to_nodes": ["last"]}, 3, 3), "3/3", ""),
        (_run({"only_missing_outputs": True}, 3, 3), "3/3 partial", "partial: only missing outputs"),
        # As earlier versions recorded it.
        (_run({"tags": ["a"]}, 3, 0), "3/3 partial", "partial: tags a"),
        (_run({"": "cut of"}, 3, 41), "3/3 of 41", "partial: 3 of 41 nodes,  cut of"),
    ],
)
def test_a_part_is_told_from_the_whole(run: RunSummary, counted: str, said: str) -> None:
    assert (nodes(run), part(run), is_partial(run)) == (counted, said, bool(said))


def test_partial_runs_are_recorded_and_shown_as_such(tmp_path: Path) -> None:
    observed = observed_project(tmp_path)
    code, _, err = observed.run(body=PARTS)
    assert code == 0, err
    everything, tagged, partial, _ = observed.runs()
    assert [each.selection for each in reversed(observed.runs())] == [
        Selection(),
        Selection({"node_names": ["clean", "add_up"]}, 4),
        Selection({"tags": ["last"], "only_missing_outputs": True}, 4),
        Selection({"to_nodes": ["report"]}, 4),
    ]
    assert [nodes(each) for each in (partial, tagged, everything)] == ["2/2 of 4", "0/1 of 4", "4/4"]
    assert "  partial: 2 of 4 nodes, node names clean add_up" in list(
        report(partial, observed.history.spans(partial), Screen(100), tmp_path)
    )


def test_a_comparison_and_a_list_say_that_a_run_was_partial(store: HistoryStore) -> None:
    whole, selected = RunMaker(1), RunMaker(2, started=10)
    for run, names in ((whole, "abc"), (selected, "a")):
        for name in names:
            run.node(name, 0.2, 0.9)
    chosen: dict[str, Any] = {"pellucid.selection": json.dumps({"tags": ["x"]}), "pellucid.run.pipeline_nodes": 3}
    store.take(whole.run(1.0, nodes=3).segment("a"))
    store.take(selected.run(1.0, nodes=1, **chosen).segment("b"))
    after, before = store.runs()
    lines = list(
        comparison(before, after, diff_runs(before, after, store.spans(before), store.spans(after)), Screen(100))
    )
    assert lines[2] == "  partial: 1 of 3 nodes, tags x"
    assert '  selection  - -> {"tags": ["x"]}' in lines
    assert [line.split()[7:] for line in table([after, before], Screen(200))[1:]] == [["1/1", "of", "3"], ["3/3"]]


def test_saves_that_a_node_repeats_are_one_line(store: HistoryStore) -> None:
    run = RunMaker(result="failure")
    node = run.node("chunks", 0.2, 9.0)
    run.io("load", "raw", 0.2, 0.4, node)
    for number in range(2000):
        run.io("save", "chunk", 1 + number / 1000, 1.001 + number / 1000, node)
    run.io("save", "chunk", 3.5, 3.6, node, result="failure", error=("OSError", "full"))
    run.add("", "commit", 3.7, 3.8, parent=run.io("save", "chunk", 3.7, 3.8, node))
    after = run.node("use", 9.0, 9.1)
    run.io("load", "chunk", 9.0, 9.1, after)
    store.take(run.run(9.1).segment())
    found = store.find()
    lines = list(report(found, store.spans(found), Screen(100), FOLDER))
    at = next(number for number, line in enumerate(lines) if "2,000 x save chunk" in line)
    assert lines[at].endswith("  2.00 s")
    names = ["load raw", "2,000 x save chunk", "save chunk", "└ OSError: full", "save chunk", "commit", "use"]
    shown = lines[at - 1 : at + 6]
    assert [line.removeprefix("*").lstrip()[: len(name)] for line, name in zip(shown, names, strict=True)] == names
    assert not any("--json" in line for line in lines)
    assert any("chunks → use" in line for line in lines)
