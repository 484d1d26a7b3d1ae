"""The trace that a process is part of comes with its environment, and goes on to what a node starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.backends import HttpBackend
from tests.support.observed import KINDS, Observed, lines_of, observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"

ASKING = """
import os, subprocess, sys
from pathlib import Path
from pellucid.pipeline import node, pipeline

ASK = "import os; print(os.environ.get('TRACEPARENT'), os.environ.get('TRACESTATE') or None)"

def ask(raw, name):
    found = subprocess.run([sys.executable, "-I", "-c", ASK], check=True, capture_output=True, text=True).stdout
    Path(f"asked_{name}.txt").write_text(found)
    return raw

def first(raw):
    return ask(raw, "first")

def second(raw):
    return ask(raw, "second")

def create_pipeline(**kwargs):
    return pipeline([
        node(first, "raw_orders", "one", name="first"),
        node(second, "one", "two", name="second"),
    ])
"""

AT_ONCE = (
    ASKING.replace("def ask(", "import threading\nbarrier = threading.Barrier(2)\ndef ask(")
    .replace("    found =", "    barrier.wait(30)\n    found =")
    .replace("    Path(", "    barrier.wait(30)\n    Path(")
    .replace('node(second, "one"', 'node(second, "raw_orders"')
)

RUN = """
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
before = dict(os.environ)
with KedroSession.create() as session:
    session.run(runner={runner})
assert dict(os.environ) == before, set(dict(os.environ).items()) ^ set(before.items())
"""


def observed(folder: Path, nodes: str = ASKING) -> Observed:
    return observed_project(folder / "project", nodes=nodes)


def asked(project: Observed, name: str) -> list[str]:
    """Return what a child process of a node found in its environment: TRACEPARENT, in parts, and TRACESTATE."""
    parent, state = (project.path / f"asked_{name}.txt").read_text().split()
    return [*parent.split("-"), state]


def id_of(project: Observed, name: str) -> str:
    (found,) = (span.span_id.hex() for span in project.everything() if span.name == name)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_trace_is_joined_and_handed_on(tmp_path: Path, kind: str) -> None:
    """A child of a node sees the node's span; after the run the environment is what it was."""
    project = observed(tmp_path)
    code, _, err = project.run(kind, RUN, TRACEPARENT=GIVEN, TRACESTATE="vendor=1,other=two")
    assert code == 0, err
    spans = project.everything()
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert {span.trace_state for span in spans} == {"vendor=1,other=two"}
    (root,) = (span for span in spans if span.name.startswith("session "))
    assert root.parent_span_id.hex() == PARENT
    for name in ("first", "second"):
        assert asked(project, name) == ["00", TRACE, id_of(project, name), "01", "vendor=1,other=two"]
    assert {line["trace_id"] for line in lines_of(err)} == {TRACE}


def test_children_of_nodes_at_once_in_threads_belong_to_the_run(tmp_path: Path) -> None:
    """There is one environment for all threads."""
    project = observed(tmp_path, AT_ONCE)
    code, _, err = project.run("thread", RUN)
    assert code == 0, err
    run = id_of(project, "RUN __default__")
    assert [asked(project, name)[2] for name in ("first", "second")] == [run, run]


@pytest.mark.parametrize("kind", ["sequential", "fork", "spawn"])
def test_without_a_parent_a_trace_begins(tmp_path: Path, kind: str) -> None:
    project = observed(tmp_path)
    assert project.run(kind, RUN)[0] == 0
    (trace,) = {span.trace_id.hex() for span in project.everything()}
    assert asked(project, "first") == ["00", trace, id_of(project, "first"), "01", "None"]


@pytest.mark.parametrize(
    ("parent", "state"),
    [
        ("", ""),
        ("nonsense", "a=b"),
        (f"00-{TRACE}-{PARENT}", ""),
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{TRACE[1:]}-{PARENT}-01", ""),
        ("00-" + "x" * 100_000, "y" * 100_000),
        (f"00-{TRACE}-{PARENT}-0g", "\x7f\x01"),
        ("\N{SNOWMAN}" * 55, "\N{SNOWMAN}"),
        ("\udcff\udcfe", "\udcff"),
    ],
)
def test_what_is_no_parent_is_left_out(tmp_path: Path, parent: str, state: str) -> None:
    project = observed(tmp_path)
    code, _, err = project.run(body=RUN, TRACEPARENT=parent, TRACESTATE=state)
    assert code == 0, err
    spans = project.everything()
    (trace,) = {span.trace_id.hex() for span in spans}
    assert trace != TRACE
    assert {span.trace_state for span in spans} == {""}
    assert asked(project, "first") == ["00", trace, id_of(project, "first"), "01", "None"]
    assert [line for line in lines_of(err) if line["level"] not in ("INFO", "DEBUG")] == []


def test_a_malformed_state_alone_is_left_out(tmp_path: Path) -> None:
    project = observed(tmp_path)
    assert project.run(body=RUN, TRACEPARENT=GIVEN, TRACESTATE="no state")[0] == 0
    assert {(span.trace_id.hex(), span.trace_state) for span in project.everything()} == {(TRACE, "")}
    assert asked(project, "first")[-1] == "None"


def test_a_project_may_refuse_to_propagate(tmp_path: Path) -> None:
    project = observed(tmp_path)
    assert project.run(body=RUN, TRACEPARENT=GIVEN, OTEL_PROPAGATORS="none")[0] == 0
    assert TRACE not in {span.trace_id.hex() for span in project.everything()}
    assert asked(project, "first") == [*GIVEN.split("-"), "None"]


@pytest.mark.parametrize("kind", ["sequential", "fork", "spawn"])
@pytest.mark.parametrize("propagators", ["[none]", "[b3, baggage]"])
def test_the_settings_may_refuse_to_propagate(tmp_path: Path, kind: str, propagators: str) -> None:
    project = observed(tmp_path)
    project.configure(f"tracing: {{propagators: {propagators}}}\n")
    code, _, err = project.run(kind, RUN, TRACEPARENT=GIVEN)
    assert code == 0, err
    assert asked(project, "first") == asked(project, "second") == [*GIVEN.split("-"), "None"]
    assert TRACE not in {span.trace_id.hex() for span in project.everything()}


def test_a_variable_goes_before_the_settings(tmp_path: Path) -> None:
    project = observed(tmp_path)
    project.configure("tracing: {propagators: [none]}\n")
    code, _, err = project.run(body=RUN, TRACEPARENT=GIVEN, OTEL_PROPAGATORS="tracecontext")
    assert code == 0, err
    assert {span.trace_id.hex() for span in project.everything()} == {TRACE}
    assert asked(project, "first") == ["00", TRACE, id_of(project, "first"), "01", "None"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trace_that_is_not_sampled_stays_here(tmp_path: Path, kind: str) -> None:
    project = observed(tmp_path)
    with HttpBackend() as backend:
        code, _, err = project.run(
            kind, RUN, TRACEPARENT=GIVEN.removesuffix("01") + "00", OTEL_EXPORTER_OTLP_ENDPOINT=backend.url
        )
        assert code == 0, err
        assert list(backend.requests) == []
        assert asked(project, "first")[3] == "00"
        spans = project.everything()
        assert len(spans) == 11
        assert not any(span.is_sampled for span in spans)
        assert list((project.path / ".pellucid" / "spool").glob("outbox/*/*.seg")) == []
        assert project.run(kind, RUN, OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)[0] == 0
        assert sum(len(each.spans) for each in backend.requests) == 11


NESTED = """
import subprocess, sys
from pellucid.pipeline import node, pipeline

def launch(raw):
    command = [sys.executable, "-m", "pellucid", "run", "--pipeline", "inner"]
    subprocess.run(command, check=True, capture_output=True)
    return raw

def inner(raw):
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(launch, "raw_orders", "launched", name="launch")])
"""

INNER = """
from pellucid.pipeline import node, pipeline
from observed_project.pipelines.double import inner

def create_pipeline(**kwargs):
    return pipeline([node(inner, "raw_orders", "report", name="inner")])
"""

NESTED_RUN = RUN.replace("session.run(", 'session.run(pipeline_names=["double"], ')


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn"])
def test_a_run_in_a_node_joins_the_trace(tmp_path: Path, kind: str) -> None:
    project = observed(tmp_path, NESTED)
    project.project.pipeline("inner", INNER)
    code, _, err = project.run(kind, NESTED_RUN)
    assert code == 0, err
    spans = project.everything()
    assert len({span.trace_id for span in spans}) == 1
    names = {span.span_id: span.name for span in spans}
    outer, nested = (span for span in spans if span.name.startswith("session "))
    assert names[nested.parent_span_id] == "launch"
    assert outer.parent_span_id == b""
    parents = {span.name: names.get(span.parent_span_id) for span in spans}
    assert (parents["inner"], parents["launch"]) == ("RUN inner", "RUN double")
    assert {(run.pipeline, run.result) for run in project.runs()} == {("double", "success"), ("inner", "success")}
