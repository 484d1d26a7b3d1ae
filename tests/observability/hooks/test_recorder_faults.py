"""Whatever raises in telemetry, a run ends as it does without it, and the other parts go on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.observed import CATALOG, NODES, Observed, observed_project
from tests.support.reference import totals_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.processes, pytest.mark.e2e]

FAULTY = '''
import functools, importlib, os

class Own(BaseException):
    pass

ERRORS = {"ValueError": ValueError, "SystemExit": SystemExit, "Own": Own, "GeneratorExit": GeneratorExit}

def install():
    """Let one function of telemetry raise instead of doing anything; its place in the guard stays what it is."""
    module_name, _, path = os.environ["FAULTY"].partition(":")
    module = importlib.import_module(f"pellucid.observability.hooks.{module_name}")
    *names, name = path.split(".")
    place = functools.reduce(getattr, names, module)
    original = getattr(place, name)
    guarded = getattr(original, "__wrapped__", None)

    @functools.wraps(guarded or original)
    def raising(*args, **kwargs):
        raise ERRORS[os.environ["FAULTY_ERROR"]]("told so")

    made = raising
    if guarded is not None:
        made = importlib.import_module("pellucid.observability.hooks.recorder").guarded(raising)
        vars(made).update({key: value for key, value in vars(original).items() if key != "__wrapped__"})
    setattr(place, name, made)
'''

FAILING = """
from pellucid.pipeline import node, pipeline
def fail(raw):
    raise LookupError("nothing there")
def create_pipeline(**kwargs):
    return pipeline([node(fail, "raw_orders", "never", name="fail")])
"""

MISSING = """
from pellucid.pipeline import node, pipeline
def create_pipeline(**kwargs):
    return pipeline([node(str, "nowhere", "never", name="read")])
"""

CATALOG_WITH_MISSING = (
    CATALOG
    + """
nowhere:
  type: text.TextDataset
  filepath: data/nowhere.txt
"""
)

BODY = """
import json, logging
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
environment, handlers = dict(os.environ), logging.getLogger().handlers[:]
outcomes = []

def told(error):
    words = ("nothing there", "nowhere", "unknown")
    return next(each for each in words if each in str(error))

errors = os.environ.get("FAULTY_ERRORS", "none none none none none").split()
for pipeline, error in zip(("double", "failing", "missing", "unknown", "double"), errors, strict=True):
    raised = None
    os.environ["FAULTY_ERROR"] = error
    try:
        with KedroSession.create() as session:
            session.run(pipeline_names=[pipeline], runner={runner})
    except BaseException as error:
        raised = [type(error).__name__, told(error), getattr(error, "__notes__", None)]
    faults = [
        plugin._guard.faults for plugin in session._hook_manager.get_plugins() if type(plugin).__name__ == "Recorder"
    ]
    outcomes.append([pipeline, raised, Path("data/report.txt").exists(), faults])
    Path("data/report.txt").unlink(missing_ok=True)
    assert logging.getLogger().handlers == handlers, logging.getLogger().handlers
del os.environ["FAULTY_ERROR"]
assert dict(os.environ) == environment
print(json.dumps(outcomes))
"""

RECORDER = (
    "open_recording",
    "open_spool",
    "scope_of_run",
    "run_attributes",
    "Listeners.__init__",
    "Listeners.tell",
    "Listeners.started",
    "Listeners.ended",
    "DatasetFacts.__init__",
    "DatasetFacts.label",
    "DatasetFacts.after",
    "Recorder._begin",
    "Recorder._end_everything",
    *(
        f"Recorder.{name}"
        for name in (
            "before_context_created", "after_context_created", "on_context_error", "before_catalog_created",
            "after_catalog_created", "after_credentials_loaded", "on_catalog_error", "on_run_refused",
            "before_pipeline_run", "after_pipeline_run",
            "on_pipeline_error", "before_node_attempt", "after_node_attempt", "after_node_settled",
            "before_dataset_loaded", "after_dataset_loaded", "before_dataset_saved", "after_dataset_saved",
            "on_dataset_error", "expect_node_seconds",
        )
    ),
)  # fmt: skip

PLUGINS = {
    "tracing": "tracing:TracingHooks",
    "metrics": "metrics:MetricsHooks",
    "logging": "logging:LoggingHooks",
}
SPAN_HOOKS = ("on_recording_started", "on_span_started", "on_span_ended", "on_recording_ended")
PLACES = [
    *(f"recorder:{name}" for name in RECORDER),
    "_attempts:node_attributes",
    *(f"_attempts:Attempts.{name}" for name in ("open_node", "close_node", "open_dataset", "close_dataset")),
    *(f"{plugin}.{name}" for plugin in PLUGINS.values() for name in SPAN_HOOKS[:3]),
    f"{PLUGINS['tracing']}.on_recording_ended",
    "logging:closing",
]
ERRORS = ("ValueError SystemExit Own GeneratorExit SystemExit", "Own GeneratorExit ValueError SystemExit GeneratorExit")
"""What is raised in each of the runs of a process."""


@dataclass(frozen=True)
class Seen:
    """What became of each of some runs in one process."""

    outcomes: list[Any]
    faults: list[dict[str, int]]
    lines: list[dict[str, Any]]


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    observed = observed_project(tmp_path / "project", catalog=CATALOG_WITH_MISSING)
    project = observed.project
    project.module("faulty", FAULTY)
    project.module(
        "settings", "import os\nif os.environ.get('FAULTY'):\n    from {package}.faulty import install\n    install()\n"
    )
    project.pipeline("double", NODES)
    project.pipeline("failing", FAILING)
    project.pipeline("missing", MISSING)
    return observed


def see(observed: Observed, kind: str = "sequential", **environment: str) -> Seen:
    code, out, err = observed.run(kind, BODY, PELLUCID_TELEMETRY_STRICT="", **environment)
    assert code == 0, err
    found = json.loads(out)
    lines = [json.loads(line) for line in err.splitlines() if line.startswith('{"timestamp"')]
    return Seen([each[:3] for each in found], [each[3][0] if each[3] else {} for each in found], lines)


OUTCOMES = [
    ["double", None, True],
    ["failing", ["LookupError", "nothing there", None], False],
    ["missing", ["DatasetError", "nowhere", None], False],
    ["unknown", ["UnknownNameError", "unknown", None], False],
    ["double", None, True],
]
"""What becomes of the runs without telemetry: the error, its message, what was noted on it; whether there is a file."""


def test_without_telemetry(observed: Observed) -> None:
    assert see(observed, OTEL_SDK_DISABLED="true").outcomes == OUTCOMES
    assert not (observed.path / ".pellucid" / "history.db").exists()


NEVER_CALLED = ("on_context_error", "on_catalog_error", "expect_node_seconds")


@pytest.mark.parametrize("errors", [ERRORS[0], pytest.param(ERRORS[1], marks=pytest.mark.long)])
@pytest.mark.parametrize("place", PLACES)
def test_a_fault_changes_no_run(observed: Observed, place: str, errors: str) -> None:
    """Of whatever kind; it is counted, unless what raises is not called at all."""
    seen = see(observed, FAULTY=place, FAULTY_ERRORS=errors)
    assert seen.outcomes == OUTCOMES
    assert any(seen.faults) != place.endswith(NEVER_CALLED)
    # After five, only what lets go of things at the end is called, and counted.
    assert all(count <= 7 for each in seen.faults for count in each.values())


@pytest.mark.parametrize(
    ("kind", "hook"),
    [
        ("async", "on_span_started"),
        ("thread", "on_span_ended"),
        ("fork", "on_span_started"),
        ("fork", "on_span_ended"),
        pytest.param("async", "on_span_ended", marks=pytest.mark.long),
        pytest.param("thread", "on_span_started", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("part", PLUGINS)
def test_the_other_parts_go_on(observed: Observed, kind: str, hook: str, part: str) -> None:
    """And the one with the faults is switched off after five of them, in each process."""
    seen = see(observed, kind, FAULTY=f"{PLUGINS[part]}.{hook}", FAULTY_ERRORS="ValueError " * 5)
    assert seen.outcomes == OUTCOMES
    assert [set(each) for each in seen.faults] == [{f"pellucid:{part}"}] * 5
    assert seen.faults[0][f"pellucid:{part}"] <= 5
    if kind != "fork":
        assert seen.faults[0][f"pellucid:{part}"] == 5
    if part != "logging":
        warned = [line["event"] for line in seen.lines if line["logger"] == "pellucid.telemetry"]
        assert any("had a fault; the run is not affected: ValueError: told so" in each for each in warned)
        assert any("is switched off after 5 faults" in each for each in warned)
        counts = Counter(line["event"] for line in seen.lines)
        assert (counts["node.finished"], counts["node.failed"]) == (8, 2)
        assert (counts["pipeline.finished"], counts["pipeline.failed"]) == (2, 2)
    if part != "tracing":
        spans = Counter(span.attributes["pellucid.kind"] for span in observed.everything())
        assert (spans["session"], spans["run"], spans["node"], spans["load"], spans["save"]) == (5, 4, 10, 12, 8)
    if part != "metrics":
        totals = totals_of(observed)
        assert totals.value("node_runs_total") == 10
        assert totals.value("pipeline_runs_total", result="success") == 2
        # One of them came to nothing before it began.
        assert totals.value("pipeline_runs_total", result="failure") == 3


def test_what_is_switched_off_lets_go_at_the_end(observed: Observed) -> None:
    """All that was recorded before is collected, and the process is left as it was found."""
    body = """
import logging
from pellucid.runner import SequentialRunner
environment, handlers = dict(os.environ), logging.getLogger().handlers[:]
with KedroSession.create() as session:
    session.run(pipeline_names=["double"])
    (recorder,) = (each for each in session._hook_manager.get_plugins() if type(each).__name__ == "Recorder")
    parts = ("recorder", "delivery", *(f"pellucid:{{each}}" for each in ("tracing", "metrics", "logging")))
    recorder._guard.faults.update(dict.fromkeys(parts, 5))
assert logging.getLogger().handlers == handlers
assert dict(os.environ) == environment
"""
    code, _, err = observed.run(body=body, PELLUCID_TELEMETRY_STRICT="")
    assert code == 0, err
    assert [run.result for run in observed.runs()] == ["success"]
    results = {span.name: span.attributes["pellucid.result"] for span in observed.everything()}
    assert results.pop("session observed_project") == "error", "nobody was there to end it"
    assert set(results.values()) == {"success"}
    assert len(observed.everything()) == 18
    assert json.loads(err.splitlines()[-1])["event"] == "telemetry.closed"
