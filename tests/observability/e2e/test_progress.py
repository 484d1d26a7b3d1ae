"""The display of progress knows from earlier runs how much is left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.support.cli_terminal import Screen, on_terminal
from tests.support.observed import observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

SLOW = """
import time
from pellucid.pipeline import node, pipeline

def rest(raw):
    time.sleep(0.8)
    return raw

def create_pipeline(**kwargs):
    return pipeline([
        node(rest, "raw_orders", "rested", name="first_rest"),
        node(rest, "rested", "report", name="second_rest"),
    ])
"""


@pytest.mark.parametrize("runner", ["SequentialRunner", "ParallelRunner"])
def test_a_second_run_tells_what_is_left(tmp_path: Path, runner: str) -> None:
    observed = observed_project(tmp_path / "project", nodes=SLOW)
    environment = observed.environment()
    texts = [on_terminal(observed.path, "run", "-r", runner, columns=160, environment=environment)[1] for _ in range(2)]
    assert not re.search(r"0/2 nodes · .* left", texts[0])
    assert re.search(r"0/2 nodes · 0:0\d · about 0:0\d left · first_rest", texts[1])
    shown = "".join(Screen(160).feed(texts[1]).lines).rstrip()
    assert re.search(
        r"Run succeeded in \d+\.\d+ s, trace [0-9a-f]{32}, 11 spans in \S+history\.db, see: pellucid runs show$", shown
    )
