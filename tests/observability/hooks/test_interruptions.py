"""Ctrl-C at any moment of what telemetry does for a run: each operation is told of once, and none is lost."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.testing import captured_telemetry, make_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from pellucid.testing import Telemetry

NODES = """
    from pellucid.pipeline import node, pipeline

    def add(number):
        return number + 1

    def create_pipeline(**kwargs):
        return pipeline([node(add, "params:a", "b", name="first"), node(add, "b", "c", name="second")])
"""
MOMENTS = 60


class Interrupter:
    """Counts the lines and instructions that the table of spans and what it calls carry out, and interrupts at one.

    Python 3.12 tells of lines alone.
    """

    def __init__(self, at: int = 0) -> None:
        self.count = 0
        self._at = at
        self._inside: set[FrameType] = set()

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        name = frame.f_code.co_filename
        if not (name.endswith("hooks/_table.py") or frame.f_back in self._inside):
            return None
        if event == "call":
            self._inside.add(frame)
            frame.f_trace_opcodes = True
        elif event == "return":
            self._inside.discard(frame)
        elif event in ("opcode", "line"):
            self.count += 1
            if self.count == self._at:
                signal.raise_signal(signal.SIGINT)
        return self


def run(interrupter: Interrupter) -> tuple[Telemetry, bool]:
    """Return what was recorded, and whether the run was interrupted."""
    before, is_interrupted = sys.gettrace(), False
    with captured_telemetry() as telemetry, KedroSession.create() as session:
        sys.settrace(interrupter)
        try:
            session.run()
        except KeyboardInterrupt:
            is_interrupted = True
        finally:
            sys.settrace(before)
    return telemetry, is_interrupted


@pytest.fixture
def project(tmp_path: Path) -> Iterator[None]:
    root = make_project(tmp_path / "p", pipelines={"p": NODES}, parameters={"a": 1}, package="project_interrupted")
    bootstrap_project(root)
    yield
    for name in [each for each in sys.modules if each.startswith("project_interrupted")]:
        del sys.modules[name]


@pytest.mark.usefixtures("project")
def test_an_interruption_at_any_moment_leaves_nothing_half_done() -> None:
    whole = Interrupter()
    run(whole)
    assert whole.count > MOMENTS
    for at in range(1, whole.count, whole.count // MOMENTS):
        telemetry, is_interrupted = run(Interrupter(at))
        # Two runs differ in some steps (what is kept of the first one, a clock): the last moments may never come.
        assert is_interrupted or at > whole.count * 0.9, at
        assert {span.result for span in telemetry.spans} <= {"success", "cancellation"}, at
        lines = Counter((line["event"], line["span_id"]) for line in telemetry.logs if "span_id" in line)
        assert max(lines.values()) == 1, (at, lines.most_common(1))
        kinds = Counter(span.kind for span in telemetry.spans)
        for operation in ("load", "save"):
            assert telemetry.metric("dataset_operations_total", operation=operation) == kinds[operation], at
        nodes = {span.span_id for span in telemetry.spans if span.kind == "node"}
        assert {each for event, each in lines if event in ("node.finished", "node.failed")} == nodes, at
