"""A project whose runs are recorded, run in a process of its own, and what is found of it afterwards."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.framework import ProjectFolder, make_project

from pellucid.observability.history import HistoryStore
from pellucid.observability.wire import decode_span

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.history import RunSummary, StoredSpan
    from pellucid.observability.wire import SpanData

NODES = """
from pellucid.pipeline import node, pipeline

def clean(raw):
    return sorted(int(each) for each in raw.split())

def add_up(cleaned):
    return sum(cleaned)

def scale(cleaned, factor):
    return [factor * each for each in cleaned]

def report(total, scaled):
    return f"{total} {scaled}"

def create_pipeline(**kwargs):
    return pipeline([
        node(clean, "raw_orders", "cleaned", name="clean"),
        node(add_up, "cleaned", "total", name="add_up"),
        node(scale, ["cleaned", "params:factor"], "scaled", name="scale"),
        node(report, ["total", "scaled"], "report", name="report", tags=["last"]),
    ])
"""

CATALOG = """
"raw_{name}":
  type: text.TextDataset
  filepath: data/raw_{name}.txt
scaled:
  type: json.JSONDataset
  filepath: data/scaled.json
report:
  type: text.TextDataset
  filepath: data/report.txt
"""

KINDS = {
    "sequential": "SequentialRunner()",
    "async": "SequentialRunner(is_async=True)",
    "thread": "ThreadRunner(max_workers=2)",
    "fork": "ParallelRunner(max_workers=2)",
    "spawn": "ParallelRunner(max_workers=2)",
    "forkserver": "ParallelRunner(max_workers=2)",
}
"""Every runner and start method, by a name: what to write to make it."""

RUN = """
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
with KedroSession.create() as session:
    session.run(runner={runner})
"""

TREE = (
    "session",
    (
        ("session.create", ()),
        ("context.load", ()),
        ("catalog.create", ()),
        (
            "RUN __default__",
            (
                ("clean", (("load raw_orders", ()), ("save cleaned", ()))),
                ("add_up", (("load cleaned", ()), ("save total", ()))),
                ("scale", (("load cleaned", ()), ("save scaled", ()))),
                ("report", (("load total", ()), ("load scaled", ()), ("save report", ()))),
            ),
        ),
    ),
)
"""The spans of a run that succeeds; siblings in no order."""


@dataclass(frozen=True)
class Observed:
    """A project that is run, and looked at."""

    project: ProjectFolder

    @property
    def path(self) -> Path:
        return self.project.path

    @property
    def history(self) -> HistoryStore:
        return HistoryStore(self.path / ".pellucid" / "history.db")

    def run(self, kind: str = "sequential", body: str = RUN, **environment: str) -> tuple[int, str, str]:
        """Run the project's pipeline in a process; returns its exit code, output and errors."""
        return self.project.run_script(body.format(runner=KINDS[kind]), **self.environment(kind, **environment))

    def environment(self, kind: str = "sequential", **environment: str) -> dict[str, str]:
        method = kind if kind in {"fork", "spawn", "forkserver"} else ""
        given = {"OTEL_SDK_DISABLED": "", "PELLUCID_TELEMETRY_STRICT": "1", **environment}
        return {**given, **({"PELLUCID_MP_CONTEXT": method} if method else {})}

    def configure(self, text: str) -> None:
        """Write ``observability.yml``; a busy machine may need more than the default budget to collect a run."""
        budget = "" if "exit_budget_seconds" in text else "exit_budget_seconds: 30\n"
        self.project.write("conf/base/observability.yml", text + budget)

    def runs(self) -> list[RunSummary]:
        return self.history.runs()

    def spans(self, run: str = "last") -> list[StoredSpan]:
        history = self.history
        return history.spans(history.find(run))

    def everything(self) -> list[SpanData]:
        """Return all spans that the history has, wherever they hang."""
        found = sorted(HistoryStore(self.path / ".pellucid" / "history.db").every_span(), key=_by_start)
        return [decode_span(span.body) for span in found]


def _by_start(span: StoredSpan) -> tuple[int, bytes]:
    return span.started_ns, span.span_id


def observed_project(
    folder: Path, nodes: str = NODES, catalog: str = CATALOG, parameters: str = "factor: 3\n"
) -> Observed:
    """Write a project of four nodes, in a diamond, that reads a file made by a pattern and writes two others."""
    project = make_project(folder, parameters=parameters, package="observed_project")
    project.pipeline("double", nodes)
    project.module("settings", "")
    project.write("conf/base/catalog.yml", catalog)
    project.write("data/raw_orders.txt", "3 1 2\n")
    observed = Observed(project)
    observed.configure("")
    return observed


def tree_of(spans: list[StoredSpan]) -> Any:
    """Return the tree of some spans as nested names, siblings in the order of names; fails without exactly one root."""
    by_parent: dict[bytes, list[StoredSpan]] = {}
    for span in spans:
        by_parent.setdefault(span.parent_id, []).append(span)
    ids = {span.span_id for span in spans}
    assert len(ids) == len(spans), "a span is there twice"
    roots = [span for span in spans if span.parent_id not in ids]
    assert len(roots) == 1, [span.name for span in roots]

    def shaped(span: StoredSpan) -> Any:
        name = "session" if span.name.startswith("session ") else span.name
        return name, tuple(sorted(shaped(each) for each in by_parent.get(span.span_id, [])))

    return shaped(roots[0])


def in_order(tree: Any) -> Any:
    """Return a tree with siblings in the order of names."""
    name, inner = tree
    return name, tuple(sorted(in_order(each) for each in inner))


def outputs_of(folder: Path) -> dict[str, bytes]:
    """Return what a run wrote, by name of file."""
    return {each.name: each.read_bytes() for each in sorted((folder / "data").iterdir())}


def without_telemetry() -> dict[str, str]:
    return {**os.environ, "OTEL_SDK_DISABLED": "true"}


def below(spans: list[SpanData]) -> dict[str, str]:
    """Return the name of the span that each span hangs under, by its name; empty for a root.

    Fails where a span hangs under one that is not there, or where two have one name.
    """
    names = {span.span_id: span.name for span in spans}
    assert len(names) == len(spans), "a span is there twice"
    found = {span.name: names[span.parent_span_id] if span.parent_span_id else "" for span in spans}
    assert len(found) == len(spans), sorted(span.name for span in spans)
    return found


def lines_of(err: str) -> list[dict[str, Any]]:
    """Return the log lines on stderr; fails where there is anything else."""
    return [json.loads(line) for line in err.splitlines()]
