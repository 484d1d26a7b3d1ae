"""Every runner and start method gives the same telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.observed import KINDS, TREE, Observed, in_order, lines_of, observed_project, outputs_of, tree_of
from tests.support.reference import totals_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    return observed_project(tmp_path / "project")


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_is_the_same(observed: Observed, kind: str) -> None:
    code, out, err = observed.run(kind)
    assert code == 0, err
    assert out == ""
    assert tree_of(observed.spans()) == in_order(TREE)
    assert outputs_of(observed.path)["report.txt"] == b"6 [3, 6, 9]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_count_is_the_same(observed: Observed, kind: str) -> None:
    """In the history, in the last line, in the totals and in the log, also over several runs."""
    for runs in (1, 2):
        code, _, err = observed.run(kind)
        assert code == 0, err
        assert len(observed.everything()) == 18 * runs
        assert len({span.span_id for span in observed.everything()}) == 18 * runs
        lines = lines_of(err)
        (closed,) = (line for line in lines if line["event"] == "telemetry.closed")
        assert (closed["spans"], closed["delivered"], closed["kept"], closed["dropped"]) == (18, 0, 0, 0)
        assert len([line for line in lines if "node" in line]) == 4 + 9
        totals = totals_of(observed)
        assert totals.value("telemetry_spans_total", state="produced") == 18 * runs
        assert totals.value("pipeline_runs_total") == runs
        assert totals.value("node_runs_total") == 4 * runs
        assert totals.value("dataset_operations_total") == 9 * runs
        assert totals.count("node_queue_wait_seconds") == 4 * runs
