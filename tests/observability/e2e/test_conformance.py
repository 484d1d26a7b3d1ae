"""Every runner and start method gives the same telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.observed import KINDS, TREE, Observed, in_order, observed_project, outputs_of, tree_of

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
