"""What is held back for one write: wherever a process dies, all that had begun and ended by then is on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.faults import Faulty
from tests.support.observed import Observed, observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.processes, pytest.mark.e2e]

DYING = """
import os, signal
from pellucid.io import AbstractDataset

def die(place):
    if os.environ.get("FAILS_AT") == place:
        raise ValueError(place)
    if os.environ.get("DIES_AT") == place:
        os.kill(os.getpid(), signal.SIGKILL)

class Dying(AbstractDataset):
    def __init__(self, name):
        self._name = name
        self._data = 1
    def _load(self):
        die(f"load {self._name}")
        return self._data
    def _save(self, data):
        die(f"save {self._name}")
    def _describe(self):
        return {}
    def _exists(self):
        return True
    def confirm(self):
        die(f"confirm {self._name}")
"""

NODES = """
from pellucid.pipeline import node, pipeline
from observed_project.dying import die

def work(*inputs):
    die("work")
    return 1, 2

def in_pieces(one):
    yield 1
    die("between pieces")
    yield 2

def alone(number):
    die("alone")
    return number

def create_pipeline(**kwargs):
    return pipeline([
        node(alone, "params:factor", "one", name="alone"),
        node(work, ["one", "two"], ["three", "four"], name="work", confirms="two"),
        node(in_pieces, "three", "five", name="in_pieces"),
        node(alone, "five", "six", name="last"),
    ])
"""

NAMES = ("one", "two", "three", "four", "five", "six")
CATALOG = "".join(f"{name}:\n  type: observed_project.dying.Dying\n  name: {name}\n" for name in NAMES)

HOOKS = """
from pellucid.framework.hooks import hook_impl
from observed_project.dying import die

class Others:
    @hook_impl(wrapper=True)
    def before_node_run(self, node):
        die(f"wrapper of {node.name}")
        return (yield)

    @hook_impl
    def on_node_error(self, node):
        die(f"error of {node.name}")

    @hook_impl(trylast=True)
    def before_node_attempt(self, node):
        die(f"hook of {node.name}")

    @hook_impl(tryfirst=True)
    def after_node_attempt(self, node):
        die(f"hook after {node.name}")

HOOKS = (Others(),)
"""

ERROR_HOOK = """
from pellucid.framework.hooks import hook_impl
from observed_project.dying import die

class Errors:
    @hook_impl
    def on_dataset_error(self, dataset_name):
        die(f"error of {dataset_name}")

    @hook_impl
    def on_node_error(self, node):
        die(f"error of {node.name}")

HOOKS = (Errors(),)
"""

ENDED = {
    "alone": [],
    "save one": ["alone"],
    "load one": ["alone", "save one"],
    "load two": ["alone", "save one", "load one"],
    "work": ["alone", "save one", "load one", "load two"],
    "save three": ["alone", "save one", "load one", "load two"],
    "save four": ["alone", "save one", "load one", "load two", "save three"],
    "confirm two": ["alone", "save one", "load one", "load two", "save three", "save four"],
}
LATER = [*ENDED["confirm two"], "work", "load three"]
ENDED |= {
    "save five": LATER,
    "between pieces": [*LATER, "save five"],
    "load five": [*LATER, "save five", "save five", "in_pieces"],
    "save six": [*LATER, "save five", "save five", "in_pieces", "load five"],
}
"""What has ended, by where the process dies; but for what a node's end ends, too."""
OPEN = {
    "alone": ["alone"],
    "save one": ["alone", "save one"],
    "load one": ["load one", "work"],
    "load two": ["load two", "work"],
    "work": ["work"],
    "save three": ["save three", "work"],
    "save four": ["save four", "work"],
    "confirm two": ["work"],
    "save five": ["in_pieces", "save five"],
    "between pieces": ["in_pieces"],
    "load five": ["last", "load five"],
    "save six": ["last", "save six"],
}
"""What is open then, in the nodes."""
# A node ends at once after its last save.
ENDED["save one"] = []


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    made = Faulty(observed_project(tmp_path / "project", NODES, CATALOG).project)  # which collects before it shows
    made.project.module("dying", DYING)
    return made


def after(observed: Observed, place: str, kind: str = "sequential", **environment: str) -> tuple[list[str], list[str]]:
    """Have the process die at a place; return the names of what had ended in nodes, and of what was open."""
    code, _, err = observed.run(kind, DIES_AT=place, **environment)
    assert code == -9, err
    spans = observed.spans(observed.runs()[0].run_id)
    assert len({span.span_id for span in spans}) == len(spans)
    inside = [span for span in spans if span.kind in ("node", "load", "save")]
    return (
        sorted(span.name for span in inside if span.result == "success"),
        sorted(span.name for span in inside if span.error_type == "ProcessLost"),
    )


@pytest.mark.parametrize("place", ENDED)
def test_a_death(observed: Observed, place: str) -> None:
    assert after(observed, place) == (sorted(ENDED[place]), OPEN[place])


def test_the_line_of_a_save_is_not_kept_from_the_log_by_the_next_one(observed: Observed) -> None:
    code, _, err = observed.run(DIES_AT="save four")
    assert code == -9
    saved = [line for line in err.splitlines() if '"event":"dataset.saved"' in line]
    assert ['"dataset":"three"' in line for line in saved] == [False, True]


@pytest.mark.parametrize("place", ["load two", "between pieces", "save six"])
@pytest.mark.parametrize("kind", ["async", "thread"])
def test_a_death_with_other_runners(observed: Observed, place: str, kind: str) -> None:
    if kind == "async":
        place = "work"  # loads are in no order, and generators not for it
    ended, left = after(observed, place, kind)
    assert (ended, left) == (sorted(ENDED[place]), OPEN[place])


@pytest.mark.parametrize(
    ("place", "ended", "left"),
    [
        ("hook of work", ["alone", "save one"], ["work"]),
        ("wrapper of alone", [], ["alone"]),
        ("hook after work", ENDED["confirm two"], ["work"]),
    ],
)
def test_where_others_hear_of_nodes_nothing_is_held_back(
    observed: Observed, place: str, ended: list[str], left: list[str]
) -> None:
    observed.project.module("settings", HOOKS)
    assert after(observed, place) == (sorted(ended), left)


@pytest.mark.parametrize(
    ("fails", "place", "ended", "left"),
    [
        ("load two", "error of two", ["alone", "save one", "load one"], ["work"]),
        ("load two", "error of work", ["alone", "save one", "load one"], ["work"]),
        ("work", "error of work", ["alone", "save one", "load one", "load two"], ["work"]),
        ("save four", "error of work", ["alone", "save one", "load one", "load two", "save three"], ["work"]),
    ],
)
def test_what_failed_is_kept_before_others_hear_of_it(
    observed: Observed, fails: str, place: str, ended: list[str], left: list[str]
) -> None:
    observed.project.module("settings", ERROR_HOOK)
    assert after(observed, place, FAILS_AT=fails) == (sorted(ended), left)
    failed = [span.name for span in observed.spans(observed.runs()[0].run_id) if span.result == "failure"]
    assert failed == ([] if fails == "work" else [fails])
