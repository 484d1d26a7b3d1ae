"""Each signal can be switched off alone, and all of them: then nothing is written."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.observed import RUN, TREE, Observed, in_order, lines_of, observed_project, outputs_of, tree_of
from tests.support.reference import totals_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.processes, pytest.mark.e2e]

EVENTS = {
    "session.created": 1,
    "context.loaded": 1,
    "catalog.created": 1,
    "pipeline.started": 1,
    "dataset.loaded": 5,
    "dataset.saved": 4,
    "node.finished": 4,
    "pipeline.finished": 1,
    "session.closed": 1,
    "telemetry.closed": 1,
}
KINDS = ("sequential", "thread", "fork", "spawn")


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    return observed_project(tmp_path / "project")


def ran(observed: Observed, kind: str, **environment: str) -> list[dict[str, Any]]:
    code, out, err = observed.run(kind, RUN, **environment)
    assert code == 0, err
    assert out == ""
    assert outputs_of(observed.path)["report.txt"] == b"6 [3, 6, 9]"
    return lines_of(err)


def files(observed: Observed) -> set[str]:
    """Return the files that there are in ``.pellucid``."""
    folder = observed.path / ".pellucid"
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def is_traced(observed: Observed) -> None:
    assert tree_of(observed.spans()) == in_order(TREE)


def is_counted(observed: Observed) -> None:
    totals = totals_of(observed)
    assert totals.value("pipeline_runs_total", result="success") == 1
    assert totals.value("node_runs_total", result="success") == 4
    assert totals.count("dataset_operation_duration_seconds") == 9


def is_logged(lines: list[dict[str, Any]]) -> None:
    assert Counter(line["event"] for line in lines if line["logger"] == "pellucid.events") == EVENTS


@pytest.mark.parametrize("kind", KINDS)
def test_without_tracing(observed: Observed, kind: str) -> None:
    observed.configure("tracing:\n  enabled: false\n")
    lines = ran(observed, kind)
    is_logged(lines)
    is_counted(observed)
    assert observed.runs() == []


@pytest.mark.parametrize("kind", KINDS)
def test_without_metrics(observed: Observed, kind: str) -> None:
    observed.configure("metrics:\n  enabled: false\n")
    lines = ran(observed, kind)
    is_logged(lines)
    is_traced(observed)
    assert "metrics.db" not in files(observed)


@pytest.mark.parametrize("kind", KINDS)
def test_without_logging(observed: Observed, kind: str) -> None:
    observed.configure("logging:\n  enabled: false\n")
    code, out, err = observed.run(kind, RUN)
    assert (code, out) == (0, "")
    assert "timestamp" not in err
    is_traced(observed)
    is_counted(observed)
    assert not any(each.startswith("logs/") for each in files(observed))


@pytest.mark.parametrize("kind", KINDS)
def test_without_history(observed: Observed, kind: str) -> None:
    observed.configure("history:\n  enabled: false\n")
    is_logged(ran(observed, kind))
    is_counted(observed)
    assert "history.db" not in files(observed)


OFF = {
    "by the variable": ("", {"OTEL_SDK_DISABLED": "true"}),
    "by the file": ("enabled: false\n", {}),
}
EACH_OFF = "".join(f"{each}:\n  enabled: false\n" for each in ("tracing", "metrics", "logging", "history"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", OFF)
def test_without_anything(observed: Observed, kind: str, how: str) -> None:
    text, environment = OFF[how]
    observed.configure(text)
    code, out, err = observed.run(kind, RUN, **environment)
    assert (code, out, "timestamp" in err) == (0, "", False)
    assert not (observed.path / ".pellucid").exists()
    assert outputs_of(observed.path)["report.txt"] == b"6 [3, 6, 9]"


@pytest.mark.parametrize("kind", KINDS)
def test_with_each_of_them_off(observed: Observed, kind: str) -> None:
    observed.configure(EACH_OFF)
    code, out, err = observed.run(kind, RUN)
    assert (code, out, "timestamp" in err) == (0, "", False)
    assert files(observed) == set()
    assert outputs_of(observed.path)["report.txt"] == b"6 [3, 6, 9]"


NOBODY_LISTENS = """
from pellucid.runner._calls import HookCalls
with KedroSession.create() as session:
    calls = HookCalls(session._hook_manager)
    print([name for name in HookCalls.NAMES if getattr(calls, name) is not None])
"""


@pytest.mark.parametrize("variable", ["", "OTEL_SDK_DISABLED"])
def test_nobody_listens_to_nodes_where_nothing_is_recorded(observed: Observed, variable: str) -> None:
    if not variable:
        observed.configure("enabled: false\n")
    code, out, err = observed.run(body=NOBODY_LISTENS, **({variable: "true"} if variable else {}))
    assert (code, out.strip()) == (0, "[]"), err
