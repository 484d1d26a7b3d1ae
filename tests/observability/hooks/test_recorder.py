"""What is recorded of sessions that do not go the straight way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.observed import (
    KINDS,
    RUN,
    TREE,
    Observed,
    in_order,
    lines_of,
    observed_project,
    tree_of,
)
from tests.support.reference import totals_of

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.wire import SpanData

pytestmark = [pytest.mark.processes, pytest.mark.e2e]


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    made = observed_project(tmp_path / "project")
    made.configure("exit_budget_seconds: 30\n")  # a busy machine may need more than the default to collect
    return made


def ran(
    observed: Observed, body: str, *, code: int = 0, kind: str = "sequential", **environment: str
) -> list[dict[str, Any]]:
    """Run a script, and return its log lines."""
    found, _, err = observed.run(kind, body, **environment)
    assert found == code, err
    return lines_of("\n".join(line for line in err.splitlines() if line.startswith("{")))


def events(lines: list[dict[str, Any]]) -> list[str]:
    """Return the built-in events of a run, without those of nodes and datasets."""
    found = [line["event"] for line in lines if line["logger"] == "pellucid.events"]
    return [each for each in found if not each.startswith(("node.", "dataset."))]


def by_trace(observed: Observed) -> list[list[SpanData]]:
    """Return the spans of each trace, in order of time."""
    found: dict[bytes, list[SpanData]] = {}
    for span in observed.everything():
        found.setdefault(span.trace_id, []).append(span)
    return list(found.values())


def names(spans: list[SpanData]) -> list[str]:
    return sorted(span.name for span in spans)


def result_of(spans: list[SpanData], name: str) -> str:
    (found,) = (span.attributes["pellucid.result"] for span in spans if span.name == name)
    return str(found)


SESSION = "session observed_project"
CREATED = ["session.created"]
BEGIN = [*CREATED, "context.loaded", "catalog.created", "pipeline.started"]
END = ["session.closed", "telemetry.closed"]
OF_SERVICE = ("session", tuple(each for each in TREE[1] if each[0] != "session.create"))


# ------------------------------------------------------------------------- a session for many runs


CONCURRENT = """
from concurrent.futures import ThreadPoolExecutor
from pellucid.runner import ThreadRunner, SequentialRunner
barrier = threading.Barrier(4)
with KedroServiceSession.create(session_id="service") as session:
    def run(index):
        barrier.wait(30)
        return session.run(run_id=f"run{{index}}", runner={runner}, runtime_params={{"factor": index}})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
"""


@pytest.mark.parametrize("kind", ["sequential", "async", "thread"])
def test_runs_at_once_have_a_trace_each(observed: Observed, kind: str) -> None:
    lines = ran(observed, CONCURRENT, kind=kind)
    assert Counter(events(lines)) == {
        "session.created": 1,
        "telemetry.closed": 1,
        "session.closed": 1,
        **dict.fromkeys(("context.loaded", "catalog.created", "pipeline.started", "pipeline.finished"), 4),
    }
    runs = {run.run_id: run for run in observed.runs()}
    assert set(runs) == {f"run{index}" for index in range(4)}
    assert len({run.trace_id for run in runs.values()}) == 4
    traces = by_trace(observed)
    (of_service,) = (each for each in traces if names(each) == [SESSION, "session.create"])
    (service,) = (span for span in of_service if span.name == SESSION)
    for run in runs.values():
        assert (run.result, run.session_id, run.nodes) == ("success", "service", (4, 4, 0))
        assert run.parameters == {"factor": int(run.run_id[-1])}
        spans = next(each for each in traces if each[0].trace_id == run.trace_id)
        assert tree_of(observed.spans(run.run_id)) == in_order(OF_SERVICE)
        (root,) = (span for span in spans if span.name == SESSION)
        assert [(each.trace_id, each.span_id) for each in root.links] == [(service.trace_id, service.span_id)]
        assert {line["trace_id"] for line in lines if line["run_id"] == run.run_id} == {run.trace_id.hex()}
    for line in lines[-2:]:
        ids = line["event"], line["run_id"], line["session_id"], line["trace_id"], line["span_id"]
        assert ids == (line["event"], "service", "service", service.trace_id.hex(), service.span_id.hex())
        assert "pipeline" not in line
    totals = totals_of(observed)
    assert totals.value("pipeline_runs_total", result="success") == 4
    assert totals.value("node_runs_total", result="success") == 16
    assert totals.count("dataset_operation_duration_seconds") == 36


def test_a_run_that_is_refused_ends_at_once(observed: Observed) -> None:
    """Before the session is closed its trace is complete; the next run is not touched by it."""
    lines = ran(
        observed,
        """
from pellucid.runner import SequentialRunner
session = KedroServiceSession.create(session_id="service")
for arguments in ({{"pipeline_names": ["none"]}}, {{"node_names": ["none"]}}):
    try:
        session.run(run_id="bad", **arguments)
    except Exception as error:
        assert type(error).__name__ == "UnknownNameError", error
print("refused", file=sys.stderr)
session.run(run_id="good")
session.close()
""",
    )
    refused = [span for span in observed.everything() if span.attributes.get("cicd.pipeline.run.id") == "bad"]
    assert [(span.name, span.attributes["pellucid.result"], span.status_code) for span in refused] == [
        (SESSION, "failure", 2)
    ] * 2
    assert {span.attributes["error.type"] for span in refused} == {"pellucid.exceptions.UnknownNameError"}
    good = next(span for span in observed.everything() if span.name.startswith("RUN "))
    assert all(span.end_ns <= good.start_ns for span in refused)
    assert {run.run_id: run.result for run in observed.runs()} == {"bad": "failure", "good": "success"}
    assert events(lines) == [
        "session.created",
        *["context.loaded", "catalog.created", "pipeline.refused"] * 2,
        *BEGIN[1:],
        "pipeline.finished",
        *END,
    ]
    totals = totals_of(observed)
    assert totals.value("pipeline_runs_total", result="success") == 1
    for name in ("none", "__default__"):
        assert totals.value("pipeline_runs_total", pipeline=name, result="failure") == 1
        assert totals.value("pipeline_last_completion_timestamp_seconds", pipeline=name) > 0
    assert totals.value("pipeline_runs_total") == 3


@pytest.mark.parametrize("service", [False, True])
def test_a_catalog_that_cannot_be_built(observed: Observed, service: bool) -> None:
    good = (observed.path / "conf/base/catalog.yml").read_text()
    observed.project.write("conf/base/catalog.yml", "raw_orders: 3\n")
    made = 'KedroServiceSession.create(session_id="s")' if service else "KedroSession.create()"
    body = f"""
from pellucid.runner import SequentialRunner
with {made} as session:
    session.run()
"""
    lines = ran(observed, body, code=1)
    assert events(lines)[:3] == ["session.created", "context.loaded", "catalog.failed"]
    assert events(lines)[-1] == "telemetry.closed"
    spans = observed.everything()
    assert result_of(spans, "catalog.create") == "failure"
    assert {span.attributes["pellucid.result"] for span in spans if span.name == SESSION} == {"failure"}
    (run, *_) = observed.runs()
    assert (run.result, run.pipeline) == ("failure", "__default__")
    assert totals_of(observed).count("catalog_create_duration_seconds", result="failure") == 1
    observed.project.write("conf/base/catalog.yml", good)
    ran(observed, body)
    assert observed.runs()[0].result == "success"


@pytest.mark.parametrize("service", [False, True])
def test_a_context_that_cannot_be_built(observed: Observed, service: bool) -> None:
    observed.project.module(
        "settings",
        """
        from pellucid.framework.context import KedroContext
        class Broken(KedroContext):
            def __init__(self, **arguments):
                raise OSError("no context today")
        CONTEXT_CLASS = Broken
        """,
    )
    made = 'KedroServiceSession.create(session_id="s")' if service else "KedroSession.create()"
    lines = ran(observed, f"with {made} as session:\n    session.run()", code=1)
    assert events(lines)[:2] == ["session.created", "context.failed"]
    (failed,) = (line for line in lines if line["event"] == "context.failed")
    assert (failed["error_type"], failed["error"]) == ("OSError", "no context today")
    assert result_of(observed.everything(), "context.load") == "failure"
    assert [run.result for run in observed.runs()][:1] == ["failure"]
    assert totals_of(observed).count("context_load_duration_seconds", result="failure") == 1


# ------------------------------------------------------------------------- sessions, closed or not


def test_a_session_that_is_never_closed_ends_with_its_process(observed: Observed) -> None:
    lines = ran(observed, "session = KedroSession.create()\nsession.run()")
    assert events(lines) == [*BEGIN, "pipeline.finished", *END]
    assert tree_of(observed.spans()) == in_order(TREE)


def test_a_session_whose_process_is_gone_is_found_by_the_next(observed: Observed) -> None:
    ran(observed, "session = KedroSession.create()\nsession.run()\nimport os\nos._exit(0)")
    ran(observed, "with KedroSession.create() as session:\n    session.run()")
    assert [run.result for run in observed.runs()] == ["success", "success"]
    assert Counter(span.name for span in observed.everything())["RUN __default__"] == 2
    results = [span.attributes["pellucid.result"] for span in observed.everything() if span.name == SESSION]
    assert results == ["error", "success"]
    (root, _) = (span for span in observed.everything() if span.name == SESSION)
    assert root.attributes["error.type"] == "ProcessLost"


def test_a_session_that_is_closed_twice_is_told_of_once(observed: Observed) -> None:
    lines = ran(observed, "session = KedroSession.create()\nsession.run()\nsession.close()\nsession.close()")
    assert events(lines) == [*BEGIN, "pipeline.finished", *END]
    assert tree_of(observed.spans()) == in_order(TREE)


def test_a_session_without_a_run(observed: Observed) -> None:
    lines = ran(observed, "with KedroSession.create() as session:\n    session.load_context()")
    assert events(lines) == ["session.created", "context.loaded", *END]
    assert names(observed.everything()) == sorted([SESSION, "session.create", "context.load"])
    assert observed.runs() == []


def test_a_catalog_that_a_context_makes_outside_a_run_is_no_span(observed: Observed) -> None:
    body = "with KedroServiceSession.create() as session:\n    session.load_context().catalog\n    session.run()"
    ran(observed, body)
    assert Counter(names(observed.everything()))["catalog.create"] == 1


def test_sessions_one_after_the_other(observed: Observed) -> None:
    lines = ran(observed, "for _ in range(3):\n    with KedroSession.create() as session:\n        session.run()")
    assert events(lines) == [*BEGIN, "pipeline.finished", *END] * 3
    assert [run.result for run in observed.runs()] == ["success"] * 3
    assert len({run.trace_id for run in observed.runs()}) == 3
    for run in observed.runs():
        assert tree_of(observed.spans(run.run_id)) == in_order(TREE)


def test_a_session_inside_another_keeps_to_itself(observed: Observed) -> None:
    lines = ran(
        observed,
        """
with KedroSession.create() as outer:
    with KedroSession.create() as inner:
        inner.run()
    outer.run()
""",
    )
    assert Counter(events(lines)) == Counter([*BEGIN, "pipeline.finished", *END] * 2)
    assert len(observed.runs()) == 2
    for run in observed.runs():
        assert (run.result, run.nodes) == ("success", (4, 4, 0))
        assert tree_of(observed.spans(run.run_id)) == in_order(TREE)
    for session in {line["session_id"] for line in lines}:
        assert len({line["trace_id"] for line in lines if line["session_id"] == session}) == 1
    assert len(lines) == 2 * (len(BEGIN) + 1 + len(END) + 4 + 9), "each line once"


def test_a_second_run_after_one_that_failed(observed: Observed) -> None:
    data = observed.path / "data" / "raw_orders.txt"
    lines = ran(
        observed,
        f"""
data = Path({str(data)!r})
data.rename("elsewhere.txt")
with KedroSession.create() as session:
    try:
        session.run()
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
    Path("elsewhere.txt").rename(data)
    session.run()
""",
    )
    again = BEGIN[1:]
    assert events(lines) == [*BEGIN, "pipeline.failed", *again, "pipeline.finished", *END]
    assert sorted(run.result for run in observed.runs()) == ["failure", "success"]
    spans = observed.everything()
    runs = [span for span in spans if span.name == "RUN __default__"]
    assert [span.attributes["pellucid.run.nodes_done"] for span in runs] == [0, 4]
    assert len({span.trace_id for span in spans}) == 1
    (root,) = (span for span in spans if span.name == SESSION)
    assert {span.parent_span_id for span in runs} == {root.span_id}
    assert root.attributes["pellucid.result"] == "success"


# ------------------------------------------------------------------------- how a run ends


def terminal(lines: list[dict[str, Any]]) -> list[str]:
    return [each for each in events(lines) if each in ("pipeline.finished", "pipeline.failed")]


HOOKS = """
from pellucid.framework.hooks import hook_impl
class Raises:
    @hook_impl
    def {hook}(self):
        raise {error}
HOOKS = (Raises(),)
"""


RAISED = [
    *(
        (kind, *each)
        for kind in ("sequential", "thread", "fork")
        for each in (
            ("before_pipeline_run", "ValueError('no')", "failure"),
            ("after_pipeline_run", "ValueError('no')", "success"),
            ("before_pipeline_run", "SystemExit(0)", "failure"),
            ("after_pipeline_run", "SystemExit(0)", "success"),
            ("after_node_run", "ValueError('no')", "failure"),
        )
    ),
    *((kind, "before_node_run", "KeyboardInterrupt()", "cancellation") for kind in KINDS),
]


@pytest.mark.parametrize(("kind", "hook", "error", "result"), RAISED)
def test_a_hook_of_the_project_that_raises(observed: Observed, kind: str, hook: str, error: str, result: str) -> None:
    """The error is that of telemetry off, and there is one end of the run."""
    observed.project.module("settings", HOOKS.format(hook=hook, error=error))
    without = observed.run(kind, OTEL_SDK_DISABLED="true")
    lines = ran(observed, RUN, code=without[0], kind=kind)
    assert without[0] != 0
    assert len(terminal(lines)) == 1
    (run,) = observed.runs()
    assert run.result == result
    spans = observed.everything()
    assert len([span for span in spans if span.name == "RUN __default__"]) == 1
    assert Counter(span.name.split()[0] for span in spans)["session"] == 1
    assert totals_of(observed).value("pipeline_runs_total", result=result) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("raising", "result", "error"),
    [
        ("import sys; sys.exit(0)", "failure", "NodeExitError"),
        ("raise KeyboardInterrupt", "cancellation", "KeyboardInterrupt"),
        ("raise type('Own', (BaseException,), {})('x')", "failure", "Own"),
        ("raise MemoryError", "error", "MemoryError"),
    ],
)
def test_a_node_that_ends_the_run(tmp_path: Path, kind: str, raising: str, result: str, error: str) -> None:
    nodes = f"""
from pellucid.pipeline import node, pipeline
def end(raw):
    {raising}
def create_pipeline(**kwargs):
    return pipeline([node(end, "raw_orders", "one", name="end")])
"""
    observed = observed_project(tmp_path / "project", nodes=nodes)
    without = observed.run(kind, OTEL_SDK_DISABLED="true")
    lines = ran(observed, RUN, code=without[0], kind=kind)
    assert without[0] != 0
    assert terminal(lines) == ["pipeline.failed"]
    assert [line["event"] for line in lines if line["event"].startswith("node.")] == ["node.failed"]
    (run,) = observed.runs()
    assert (run.result, run.nodes, run.failed_nodes) == (result, (1, 0, 1), ("end",))
    assert run.error_type.endswith(error)
    spans = observed.everything()
    assert {name: result_of(spans, name) for name in (SESSION, "RUN __default__", "end")} == {
        SESSION: result,
        "RUN __default__": result,
        "end": result,
    }


def test_a_catalog_of_the_project_that_knows_no_patterns(observed: Observed) -> None:
    """Such as one that follows the protocol alone."""
    observed.project.module(
        "settings",
        """
        from pellucid.io import DataCatalog
        class Plain(DataCatalog):
            @property
            def config_resolver(self):
                raise AttributeError("config_resolver")
        DATA_CATALOG_CLASS = Plain
        """,
    )
    ran(observed, RUN)
    assert tree_of(observed.spans()) == in_order(TREE)
    names = {each["dataset"] for each in totals_of(observed).labels("dataset_operations_total")}
    assert names == {"raw_orders", "cleaned", "total", "scaled", "report"}


def test_a_session_that_cannot_be_created_is_closed_as_a_failure(observed: Observed) -> None:
    observed.project.module(
        "settings",
        """
        from pellucid.framework.hooks import hook_impl
        class Creating:
            @hook_impl
            def after_session_created(self):
                raise ValueError("at the beginning")
        HOOKS = (Creating(),)
        """,
    )
    body = """
try:
    KedroSession.create()
except ValueError as error:
    assert str(error) == "at the beginning"
else:
    raise AssertionError("nothing was raised")
"""
    lines = ran(observed, body)
    assert events(lines) == [*CREATED, *END]
    assert [line["result"] for line in lines[-2:]] == ["failure", "failure"]
    assert result_of(observed.everything(), SESSION) == "failure"


def test_a_hook_that_raises_at_the_end_keeps_nothing_from_being_closed(observed: Observed) -> None:
    body = """
from pellucid.framework.hooks import hook_impl

class Closing:
    @hook_impl
    def before_session_closed(self):
        raise ValueError("at the end")

session = KedroSession.create()
session._hook_manager.register(Closing())
session.run()
try:
    session.close()
except ValueError as error:
    assert str(error) == "at the end"
else:
    raise AssertionError("nothing was raised")
"""
    lines = ran(observed, body)
    assert events(lines) == [*BEGIN, "pipeline.finished", *END]
    assert tree_of(observed.spans()) == in_order(TREE)
    assert list((observed.path / ".pellucid" / "spool" / "active").glob("*.seg")) == []
