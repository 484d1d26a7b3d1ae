"""Where a run failed, by what was recorded of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.history import FakeSegment, RunMaker
from tests.support.observed import observed_project

import pellucid
from pellucid.observability._cli._runs_failure import failures, place_of
from pellucid.observability._cli._runs_show import Details, report
from pellucid.observability._cli._runs_text import Screen
from pellucid.observability.history import HistoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path("/work/demo")
RUNTIME = (
    f'  File "{Path(pellucid.__file__).parent}/runner/_execution.py", line 96, in __call__\n    self._run(attempt)'
)
OWN = '  File "/work/demo/src/demo/nodes.py", line 12, in fit\n    raise ValueError("no")'
SHARED = '  File "/work/shared/tools.py", line 3, in check\n    check_all()'
INSTALLED = '  File "/work/demo/.venv/lib/python3.11/site-packages/pandas/core/frame.py", line 4007, in __getitem__'
STANDARD = '  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode'

NODES = """
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

tracer = trace.get_tracer("demo")

def parsed(text):
    with tracer.start_as_current_span("parse"):
        return int(text)

def clean(raw):
    try:
        parsed("not a number")
    except ValueError:
        pass
    return raw

def fit(cleaned):
    try:
        return parsed(cleaned)
    except ValueError as error:
        raise RuntimeError("cannot be fitted") from error

def create_pipeline(**kwargs):
    return pipeline([
        node(clean, "raw_orders", "cleaned", name="clean"),
        node(fit, "cleaned", "report", name="fit"),
    ])
"""


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history.db")


def _lines(store: HistoryStore, details: Details, folder: Path = FOLDER) -> Iterator[str]:
    run = store.find()
    return report(run, store.spans(run), Screen(100), folder, details)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([RUNTIME, OWN], "src/demo/nodes.py:12 in fit"),
        ([RUNTIME, OWN, SHARED, INSTALLED, STANDARD], "src/demo/nodes.py:12 in fit"),
        ([RUNTIME, SHARED, INSTALLED], "/work/shared/tools.py:3 in check"),
        ([RUNTIME, INSTALLED, STANDARD], "/usr/lib/python3.11/json/decoder.py:355 in raw_decode"),
        # What the runtime raised from it says nothing of where.
        ([RUNTIME, OWN, "ValueError: no", "", "The above exception …", RUNTIME], "src/demo/nodes.py:12 in fit"),
        ([RUNTIME], "None"),
        (["ProcessLost"], "None"),
    ],
)
def test_the_innermost_line_of_the_project_is_found(frames: list[str], expected: str) -> None:
    assert str(place_of("\n".join(frames), FOLDER)) == expected


def test_where_it_failed_is_shown_and_with_an_option_the_traceback(tmp_path: Path) -> None:
    observed = observed_project(tmp_path, NODES)
    assert observed.run()[0] == 1
    store = observed.history
    run = store.find("last-failed")
    spans = store.spans(run)
    assert [span.name for span in failures(spans)] == ["fit"]
    usual = list(report(run, spans, Screen(100), tmp_path))
    at = usual.index("  RuntimeError in fit: cannot be fitted")
    assert usual[at + 1] == "    at src/observed_project/pipelines/double/__init__.py:22 in fit"
    told = [line.strip() for line in usual if "└" in line]
    # Of the code's own spans too, whether the node went on or not; what it ended with is told beside that.
    error = "└ ValueError: invalid literal for int() with base 10: "
    assert told == [f"{error}'not a number'", "└ RuntimeError: cannot be fitted", f"{error}'3 1 2\\n'"]
    whole = list(report(run, spans, Screen(100), tmp_path, Details(tracebacks=True)))
    assert whole[: len(usual)] == usual
    title, first, *rest = whole[len(usual) + 1 :]
    assert (title, first) == ("Traceback of fit", "Traceback (most recent call last):")
    assert '    raise RuntimeError("cannot be fitted") from error' in rest
    assert rest[-1] == "RuntimeError: cannot be fitted"


def test_an_error_that_a_span_of_the_code_passes_on_is_told_once(store: HistoryStore) -> None:
    run = RunMaker(result="failure")
    error = ("ValueError", "no")
    fit = run.node("fit", 0.2, 0.9, result="failure", error=error)
    run.add("", "GET /", 0.3, 0.4, parent=fit, error=("", "no"))
    store.take(run.run(1.0, error=error).segment())
    assert [line.strip() for line in _lines(store, Details()) if "└" in line] == ["└ ValueError: no"]


def test_several_that_failed_are_told_by_name_and_others_without_a_traceback(store: HistoryStore) -> None:
    run = RunMaker(result="failure")
    for name in ("a", "b"):
        run.node(name, 0.2, 0.9, result="failure", error=("ValueError", "no"), traceback=OWN)
    run.node("c", 0.2, 0.9, result="error", error=("ProcessLost", ""))
    store.take(run.run(1.0, error=("ValueError", "no")).segment())
    lines = list(_lines(store, Details(tracebacks=True)))
    assert "    a: at src/demo/nodes.py:12 in fit" in lines
    assert "    b: at src/demo/nodes.py:12 in fit" in lines
    assert lines[-2:] == ["Traceback of c", "None was recorded."]


def test_a_run_that_failed_before_its_nodes_tells_where(store: HistoryStore) -> None:
    run = RunMaker(result="failure")
    error = ("BadConfigException", "catalog.yml:3: no")
    run.add(
        "context.load", "context.load", 0.1, 0.2, parent=run.session_span, result="failure", error=error, traceback=OWN
    )
    run.run(2.0, error=error)
    del run.bodies[1]
    store.take(FakeSegment("a", run.bodies))
    assert "    at src/demo/nodes.py:12 in fit" in list(_lines(store, Details()))


def test_all_parameters_are_shown_one_on_a_line(store: HistoryStore) -> None:
    long = "x" * 500
    parameters = {
        "model": {"depth": 3, "names": ["a", "b"]},
        "long": long,
        "e\x1b[2J": "\x07",
        **dict.fromkeys("pqrst", 1),
    }
    store.take(RunMaker(parameters=parameters).run(1.0).segment())
    lines = list(_lines(store, Details(parameters=True)))
    at = lines.index("  parameters") + 1
    given = ["model.depth=3", 'model.names=["a", "b"]', f"long={long}", "e?[2J=?", *(f"{name}=1" for name in "pqrst")]
    assert lines[at : at + 9] == [f"    {each}" for each in given]
    wrapped = list(_lines(store, Details()))
    assert '  parameters model.depth=3, model.names=["a", "b"],' in wrapped
    assert "             All: --parameters" in wrapped


def test_a_run_without_parameters_says_so_if_asked(store: HistoryStore) -> None:
    store.take(RunMaker().run(1.0).segment())
    assert "  no parameters" in list(_lines(store, Details(parameters=True)))
    assert not any("parameters" in line for line in _lines(store, Details()))
