"""All that is told of the reference runs, compared whole with what is kept in ``snapshots``, for every runner.

``PELLUCID_TEST_REWRITE_SNAPSHOTS=1`` writes them anew; what changed is then seen in the diff.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.observed import KINDS, Observed, lines_of
from tests.support.reference import PIPELINES, RUN, Normal, page_of, reference_project

pytestmark = pytest.mark.processes

SNAPSHOTS = Path(__file__).parent / "snapshots"
REWRITE = os.environ.get("PELLUCID_TEST_REWRITE_SNAPSHOTS") == "1"

CASES = [
    (kind, name)
    for name in PIPELINES
    for kind in KINDS
    # A generator cannot be saved asynchronously, and is refused.
    if (kind, name) != ("async", "streamed")
]

CODES = {"complete": 0, "broken": 1, "streamed": 0}


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    return reference_project(tmp_path / "project")


def run(observed: Observed, kind: str, name: str) -> str:
    code, out, err = observed.run(kind, RUN.format(pipeline=PIPELINES[name]))
    assert code == CODES[name], err
    assert out == ""
    return err


def told(err: str) -> str:
    """Return the log lines; a traceback of the script comes after them."""
    return "".join(f"{line}\n" for line in err.splitlines() if line.startswith("{"))


def without_note_of_async(lines: str, kind: str) -> str:
    """Leave out the one line that a runner says of itself when it is asynchronous."""
    each = lines.splitlines(keepends=True)
    kept = [line for line in each if json.loads(line)["event"] != "Datasets are loaded and saved asynchronously."]
    assert len(each) - len(kept) == (kind == "async")
    return "".join(kept)


def compare(name: str, found: str, *, has_links: bool = True) -> None:
    path = SNAPSHOTS / name
    if REWRITE and has_links:
        path.write_text(found, encoding="utf-8")
    kept = path.read_text("utf-8")
    assert found == kept if has_links else without_links(found) == without_links(kept)


def without_links(told: str) -> str:
    """Leave out which span saved what is loaded: a worker process knows only of what it saved itself."""
    return "".join(line for line in told.splitlines(keepends=True) if not line.lstrip().startswith("link <span "))


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_all_that_is_told_is_as_before(observed: Observed, kind: str, name: str) -> None:
    lines = told(run(observed, kind, name))
    spans = observed.spans()
    normal = Normal(spans, observed.path)
    compare(f"{name}.spans.txt", normal.spans(), has_links=kind in ("sequential", "async", "thread"))
    compare(f"{name}.logs.txt", normal.logs(without_note_of_async(lines, kind)))
    compare(f"{name}.metrics.txt", normal.metrics(page_of(observed)))
    assert len(observed.everything()) == len(spans), "some hang elsewhere"
    runners = {span.attributes["pellucid.runner"] for span in spans if span.kind == "run"}
    assert runners == {KINDS[kind].partition("(")[0]}
    asynchronous = {span.attributes["pellucid.node.is_async"] for span in spans if span.kind == "node"}
    assert asynchronous == {kind == "async"}


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_an_event_of_a_node_is_one_line(observed: Observed, kind: str, name: str) -> None:
    """And beside them nobody else says anything of nodes, whatever the level."""
    observed.configure("logging:\n  level: DEBUG\n")
    lines = lines_of(told(run(observed, kind, name)))
    spans = observed.spans()
    expected: Counter[Any] = Counter()
    for span in spans:
        if span.kind == "node":
            end = "node.failed" if span.error_type else "node.finished"
            expected.update([("node.started", span.node, ""), (end, span.node, "")])
        elif span.kind in ("load", "save"):
            parent = next(each for each in spans if each.span_id == span.parent_id)
            expected[f"dataset.{'loaded' if span.kind == 'load' else 'saved'}", parent.node, span.dataset] += 1
    events = [line for line in lines if line["logger"] == "pellucid.events"]
    of_nodes = Counter((line["event"], line["node"], line.get("dataset", "")) for line in events if "node" in line)
    assert of_nodes == expected
    others = [line for line in lines if line["logger"] != "pellucid.events"]
    names = {span.node for span in spans if span.kind == "node"}
    assert [line for line in others if any(f"'{node}'" in line["event"] for node in names)] == []
