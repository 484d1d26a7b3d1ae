"""The runners that the conformance suite runs with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.runner import Record

from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.runner import AbstractRunner

_IN_PROCESS = ("sequential", "async", "thread")
_IN_PROCESSES = ("fork", "spawn", "forkserver")


def make_runner(kind: str, monkeypatch: pytest.MonkeyPatch) -> AbstractRunner:
    if kind == "sequential":
        return SequentialRunner()
    if kind == "async":
        return SequentialRunner(is_async=True)
    if kind == "thread":
        return ThreadRunner(max_workers=3)
    monkeypatch.setenv("PELLUCID_MP_CONTEXT", kind)
    return ParallelRunner(max_workers=2)


@pytest.fixture(params=[*_IN_PROCESS, *(pytest.param(kind, marks=pytest.mark.processes) for kind in _IN_PROCESSES)])
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of runner: each of them in turn."""
    return str(request.param)


@pytest.fixture
def runner(kind: str, monkeypatch: pytest.MonkeyPatch) -> AbstractRunner:
    return make_runner(kind, monkeypatch)


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.processes) for kind in _IN_PROCESSES])
def start_method(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each start method in turn, chosen by the environment."""
    monkeypatch.setenv("PELLUCID_MP_CONTEXT", request.param)
    return str(request.param)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "hooks.log")
