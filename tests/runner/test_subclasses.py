"""Runners of users: what they override, and by which executors they run nodes."""

from __future__ import annotations

import os
import threading
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import FileDataset, Recorder, files, hooks

from pellucid.io import DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import AbstractRunner, ParallelRunner, ThreadRunner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.runner import Record

CHAIN = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])


class DryRunner(AbstractRunner):
    """Says what would run, and runs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def _run(self, pipeline: Any, catalog: Any, hook_manager: Any = None, run_id: str | None = None) -> None:
        self.seen = [*(each.name for each in pipeline.nodes), hook_manager, run_id]


class Pooled(AbstractRunner):
    """Runs nodes by an executor that a function makes."""

    def __init__(self, make: Callable[[int], Executor]) -> None:
        super().__init__()
        self.make = make

    def _get_executor(self, max_workers: int) -> Executor | None:
        return self.make(max_workers)


class Wrapping(Pooled):
    """Overrides both, and leaves the work to the base."""

    def _run(self, pipeline: Any, catalog: Any, hook_manager: Any = None, run_id: str | None = None) -> None:
        super()._run(pipeline=pipeline, catalog=catalog, hook_manager=hook_manager, run_id=run_id)


class InThePast(Executor):
    """Has every call done before it returns; the second one is cancelled."""

    def __init__(self) -> None:
        self.count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.count += 1
        if self.count == 2:
            future.cancel()
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def _spawned(workers: int) -> Executor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def test_a_runner_may_do_all_itself() -> None:
    runner = DryRunner()
    manager = hooks()
    outputs = runner.run(CHAIN, DataCatalog({"a": 1}), manager, "r")
    assert runner.seen == ["n1", "n2", manager, "r"]
    assert list(outputs) == ["c"]


def test_such_a_runner_may_call_hooks_also_if_there_are_none() -> None:
    runner = DryRunner()
    runner.run(CHAIN, DataCatalog({"a": 1}))
    assert runner.seen[2].hook.before_node_run(node=None) == []
    assert not hasattr(runner.seen[2].hook, "__wrapped__")


@pytest.mark.parametrize("kind", [Pooled, Wrapping])
def test_nodes_run_by_any_executor(kind: type[Pooled], record: Record) -> None:
    runner = kind(ThreadPoolExecutor)
    outputs = runner.run(CHAIN, DataCatalog({"a": 1}), hooks(Recorder(record)), "r")
    assert outputs["c"].load() == 3
    assert len(record.named("before_node_run")) == 2


def test_without_an_executor_nodes_run_here() -> None:
    class Plain(AbstractRunner):
        pass

    assert Plain().run(CHAIN, DataCatalog({"a": 1}))["c"].load() == 3


def test_the_base_class_is_no_runner() -> None:
    with pytest.raises(TypeError, match="SequentialRunner"):
        AbstractRunner()


@pytest.mark.processes
def test_an_executor_of_processes_has_the_hooks_too(tmp_path: Path, record: Record) -> None:
    wide = pipeline(
        [node(kit.pid, "a", "b", name="n1"), node(kit.pid, "a", "c", name="n2"), node(kit.same, "b", "d", name="n3")]
    )
    datasets = {**files(tmp_path, a=1), **{name: FileDataset(tmp_path, name) for name in "bcd"}}
    outputs = Pooled(_spawned).run(wide, DataCatalog(datasets), hooks(Recorder(record)), "r")
    assert os.getpid() not in {dataset.load() for dataset in outputs.values()}
    assert sorted(entry[1] for entry in record.named("before_node_run")) == ["n1", "n2", "n3"]


@pytest.mark.processes
def test_a_parallel_runner_with_an_executor_of_its_own(tmp_path: Path) -> None:
    class Own(ParallelRunner):
        def _get_executor(self, max_workers: int) -> Executor | None:
            return _spawned(max_workers)

    from pellucid.io import SharedMemoryDataCatalog

    assert Own(max_workers=1).run(CHAIN, SharedMemoryDataCatalog(files(tmp_path, a=1)))["c"].load() == 3


@pytest.mark.processes
def test_a_worker_of_another_executor_that_dies_is_told_here(tmp_path: Path, record: Record) -> None:
    parts = pipeline([node(kit.die, "a", "b", name="n1")])
    datasets = {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b")}
    with pytest.raises(BrokenProcessPool):
        Pooled(_spawned).run(parts, DataCatalog(datasets), hooks(Recorder(record)), "r")
    assert [entry[1:3] for entry in record.named("on_node_error")] == [("n1", "BrokenProcessPool")]


def test_a_call_that_somebody_cancelled_fails_the_run(record: Record) -> None:
    with pytest.raises(CancelledError):
        Pooled(lambda _: InThePast()).run(CHAIN, DataCatalog({"a": 1}), hooks(Recorder(record)), "r")
    assert [entry[1:3] for entry in record.named("on_node_error")] == [("n2", "CancelledError")]


def test_what_an_executor_has_not_begun_when_a_node_fails_is_cancelled(record: Record) -> None:
    begun = threading.Event()

    def fail(value: Any) -> Any:
        begun.set()
        raise RuntimeError("boom")

    class Slow:
        """Keeps the executor's only thread, until the failure has been seen."""

        def __init__(self) -> None:
            self.seen = threading.Event()

        def __call__(self, value: Any) -> Any:
            assert self.seen.wait(20)
            return value

    slow = Slow()

    class Opener:
        @kit.impl
        def after_node_settled(self, node: Any) -> None:
            if node.name == "n3":
                slow.seen.set()

    class One(ThreadRunner):
        def _get_executor(self, max_workers: int) -> Executor | None:
            return ThreadPoolExecutor(1)

    parts = pipeline(
        [
            node(fail, "a", "b", name="n1"),
            node(slow, "a", "c", name="n2"),
            node(kit.same, "a", "d", name="n3"),
        ]
    )
    with pytest.raises(RuntimeError, match="boom"):
        One().run(parts, DataCatalog({"a": 1}), hooks(Recorder(record), Opener()), "r")
    settled = {entry[1]: entry[2] for entry in record.named("after_node_settled")}
    assert (settled["n1"], settled["n3"]) == ("RuntimeError", "RunnerError")
    assert settled["n2"] in (None, "RunnerError")  # its thread may have begun it before the failure was seen
