"""A run that ends between two of its steps: every node that was dispatched is settled, and starts nothing more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import Gate, Raiser, Recorder, catalog, files, hooks

from pellucid.exceptions import RunnerError
from pellucid.io import AbstractDataset, DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner, ThreadRunner
from pellucid.runner._pool import Done, WorkerPool
from pellucid.runner._threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from tests.support.runner import Record

    from pellucid.runner import AbstractRunner
    from pellucid.runner._pool import Outcome


class Gated(AbstractDataset[Any, Any]):
    """Loads and saves when it is let."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def load(self) -> Any:
        return self.gate(1)

    def save(self, data: Any) -> None:
        self.gate(data)

    def _describe(self) -> dict[str, Any]:
        return {}


class GatedHook:
    """A plugin whose hook ``where`` goes on when it is let, for the node ``slow``."""

    def __init__(self, gate: Gate, where: str) -> None:
        self.gate, self.where = gate, where

    def _meet(self, where: str, node: Any) -> None:
        if (where, node.name) == (self.where, "slow"):
            self.gate(None)

    @kit.impl
    def before_dataset_loaded(self, node: Any) -> None:
        self._meet("before_dataset_loaded", node)

    @kit.impl
    def after_dataset_loaded(self, node: Any) -> None:
        self._meet("after_dataset_loaded", node)

    @kit.impl
    def before_node_run(self, node: Any) -> None:
        self._meet("before_node_run", node)

    @kit.impl
    def after_node_run(self, node: Any) -> None:
        self._meet("after_node_run", node)

    @kit.impl
    def before_dataset_saved(self, node: Any) -> None:
        self._meet("before_dataset_saved", node)


STEPS = (
    "before_dataset_loaded",
    "load",
    "after_dataset_loaded",
    "before_node_run",
    "function",
    "after_node_run",
    "before_dataset_saved",
    "save",
)


def _hooks_of(record: Record, name: str) -> list[str]:
    told_by_the_run = ("after_node_dispatched", "after_node_settled", "on_node_error")
    return [entry[0] for entry in record.read() if entry[1] == name and entry[0] not in told_by_the_run]


@pytest.mark.parametrize("step", STEPS)
def test_a_node_that_is_left_behind_starts_nothing_more(step: str, record: Record) -> None:
    """Whatever it is at when the run ends: no load, no function, no save, and no hook."""
    gate, free = Gate(), Gate()
    free.open.set()
    called: list[str] = []

    def slow(value: Any) -> Any:
        called.append("function")
        return (gate if step == "function" else free)(value)

    def fail(value: Any) -> Any:
        assert gate.entered.wait(20)
        raise RuntimeError("boom")

    datasets = {
        "a": 1,
        "slow_in": Gated(gate if step == "load" else free),
        "slow_out": Gated(gate if step == "save" else free),
    }
    runner = ThreadRunner(max_workers=2)
    runner.stop_timeout_seconds = 0.0
    parts = pipeline([node(slow, "slow_in", "slow_out", name="slow"), node(fail, "a", "c", name="fails")])
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="boom"):
        # The recorder is called first: what it wrote down until now is all that there may be.
        runner.run(parts, DataCatalog(datasets), hooks(GatedHook(gate, step), Recorder(record)), "r")
    until_the_end, calls = _hooks_of(record, "slow"), list(called)
    gate.open.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert _hooks_of(record, "slow") == until_the_end
    assert called == calls
    assert [entry[1:3] for entry in record.named("on_node_error")] == [
        ("fails", "RuntimeError"),
        ("slow", "RunnerError"),
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("in a hook")])
def test_a_node_whose_dispatch_is_interrupted_is_settled(
    runner: AbstractRunner, error: BaseException, tmp_path: Path, record: Record
) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])
    plugins = (Raiser("after_node_dispatched", "n1", error), Recorder(record))
    with pytest.raises(type(error)):
        runner.run(chain, catalog(runner, files(tmp_path, a=1)), hooks(*plugins), "r")
    assert [entry[1] for entry in record.named("after_node_dispatched")] == ["n1"]
    assert [entry[1] for entry in record.named("after_node_settled")] == ["n1"]
    assert [entry[1] for entry in record.named("on_node_error")] == ["n1"]
    assert not record.named("before_dataset_loaded")


class Interrupted(DaemonThreads):
    """Ctrl-C arrives when the second call was submitted, before anybody got its future."""

    def __init__(self, max_workers: int, error: BaseException) -> None:
        super().__init__(max_workers)
        self.count, self.error = 0, error

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count == 2:
            raise self.error
        return super().submit(fn, *args, **kwargs)


class InterruptedRunner(ThreadRunner):
    error: BaseException = KeyboardInterrupt()

    def _get_executor(self, max_workers: int) -> Executor | None:
        return Interrupted(2, self.error)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("no more threads")])
def test_a_node_whose_submission_is_interrupted_is_settled(error: BaseException, record: Record) -> None:
    runner = InterruptedRunner()
    runner.error = error
    parts = pipeline([node(kit.same, "a", f"b{number}", name=f"n{number}") for number in range(3)])
    with pytest.raises(type(error)):
        runner.run(parts, DataCatalog({"a": 1}), hooks(Recorder(record)), "r")
    dispatched = sorted(entry[1] for entry in record.named("after_node_dispatched"))
    assert dispatched == sorted(entry[1] for entry in record.named("after_node_settled"))
    assert len(dispatched) == 2


@pytest.mark.processes
def test_what_a_worker_has_answered_counts_although_the_run_is_interrupted(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of answers that arrive at once, those after the one that ended the run are not forgotten."""
    whole: list[Outcome] = []
    wait = WorkerPool.wait

    def wait_for_all(pool: WorkerPool, timeout: float | None = None) -> list[Outcome]:
        while len(whole) < 2:
            whole.extend(wait(pool, timeout))
        return whole

    monkeypatch.setattr(WorkerPool, "wait", wait_for_all)
    monkeypatch.setenv("PELLUCID_MP_CONTEXT", "fork")
    runner = ParallelRunner(max_workers=2)
    parts = pipeline([node(kit.same, "a", f"b{number}", name=f"n{number}") for number in range(2)])
    plugins = [Raiser("after_node_settled", f"n{number}", KeyboardInterrupt()) for number in range(2)]
    with pytest.raises(KeyboardInterrupt):
        runner.run(parts, catalog(runner, {"a": 1}), hooks(*plugins, Recorder(record)), "r")
    assert all(isinstance(each, Done) for each in whole)
    assert {entry[1:3] for entry in record.named("after_node_settled")} == {("n0", None), ("n1", None)}
    assert not record.named("on_node_error")


def test_a_call_that_cannot_be_handed_over_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = DaemonThreads(2)
    gate = Gate()
    first = threads.submit(gate, 1)
    called: list[int] = []

    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            threads.submit(called.append, 1)
    gate.open.set()
    assert first.result() == 1
    threads.shutdown(wait=True)
    assert called == []


def test_after_a_second_interruption_all_nodes_are_settled_all_the_same(record: Record) -> None:
    gate = Gate()

    def fail(value: Any) -> Any:
        assert gate.entered.wait(20)
        raise RuntimeError("boom")

    runner = ThreadRunner(max_workers=3)
    runner.stop_timeout_seconds = 0.0
    parts = pipeline(
        [
            node(gate, "a", "b", name="slow"),
            node(Gate(), "a", "c", name="slower"),
            node(fail, "a", "d", name="fails"),
        ]
    )
    plugins = [Raiser("on_node_error", name, KeyboardInterrupt()) for name in ("slow", "slower")]
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt) as caught:
        runner.run(parts, DataCatalog({"a": 1}), hooks(*plugins, Recorder(record)), "r")
    for each in parts.nodes:
        if isinstance(each.func, Gate):
            each.func.open.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert isinstance(caught.value.__cause__, (RuntimeError, RunnerError))
    assert sorted(entry[1] for entry in record.named("after_node_settled")) == ["fails", "slow", "slower"]
