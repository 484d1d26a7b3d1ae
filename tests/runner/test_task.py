"""Tasks: one node with all that it needs."""

from __future__ import annotations

import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import FileDataset, Recorder, files, hooks

from pellucid.exceptions import NodeExitError, TaskError
from pellucid.io import DataCatalog, MemoryDataset
from pellucid.pipeline import node
from pellucid.runner import Task

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.runner import Record

INCREMENT = node(kit.increment, "a", "b", name="n1")


def _catalog() -> DataCatalog:
    return DataCatalog({"a": 1, "b": MemoryDataset()})


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("parallel", [False, True])
def test_a_task_runs_its_node_and_returns_it(is_async: bool, parallel: bool, record: Record) -> None:
    catalog = _catalog()
    task = Task(INCREMENT, catalog, is_async, hooks(Recorder(record)), "r", parallel)
    assert task.execute() is INCREMENT
    assert task() is INCREMENT
    assert catalog.load("b") == 2
    assert record.named("before_node_run") == [("before_node_run", "n1", {"a": 1}, is_async, "r")] * 2


def test_a_task_needs_no_hooks() -> None:
    catalog = _catalog()
    Task(INCREMENT, catalog, is_async=False).execute()
    assert catalog.load("b") == 2


def test_a_task_pickles_with_its_hooks(tmp_path: Path, record: Record) -> None:
    datasets = {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b")}
    task = Task(INCREMENT, DataCatalog(datasets), is_async=False, hook_manager=hooks(Recorder(record)), run_id="r")
    for _ in range(2):
        assert pickle.loads(pickle.dumps(task))() == INCREMENT
    assert len(record.named("after_node_run")) == 2


def test_a_task_without_hooks_pickles(tmp_path: Path) -> None:
    datasets = {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b")}
    pickle.loads(pickle.dumps(Task(INCREMENT, DataCatalog(datasets), is_async=False)))()
    assert datasets["b"].load() == 2


def test_only_a_node_is_a_task() -> None:
    wrong: Any = "n1"
    with pytest.raises(TaskError, match="of type 'str'"):
        Task(wrong, _catalog(), is_async=False)


def test_leaving_is_a_failure_of_the_node() -> None:
    with pytest.raises(NodeExitError) as caught:
        Task(node(kit.leave, "a", "b", name="n1"), _catalog(), is_async=False)()
    assert (caught.value.node, caught.value.code) == ("n1", 0)
    assert isinstance(caught.value.__cause__, SystemExit)


def test_several_failures_of_async_datasets(tmp_path: Path, record: Record) -> None:
    """The first in order is raised, all are told."""
    datasets = {name: FileDataset(tmp_path, name, fails="load") for name in "xy"}
    both = node(kit.add, ["x", "y"], "z", name="n1")
    with pytest.raises(Exception, match=r"x: .*the disk is on fire"):
        Task(both, DataCatalog({**datasets, "z": MemoryDataset()}), True, hooks(Recorder(record)))()
    assert sorted(entry[3] for entry in record.named("on_dataset_error")) == ["x", "y"]
    assert len(record.named("on_node_error")) == 1


def test_hooks_see_inputs_in_the_order_of_the_node_whichever_came_first(record: Record) -> None:
    second_is_there = threading.Event()

    class First(MemoryDataset):
        def load(self) -> Any:
            assert second_is_there.wait(20)
            return super().load()

    class Second(MemoryDataset):
        def load(self) -> Any:
            data = super().load()
            second_is_there.set()
            return data

    catalog = DataCatalog({"x": First(1), "y": Second(2), "z": MemoryDataset()})
    Task(node(kit.add, ["x", "y"], "z", name="n1"), catalog, True, hooks(Recorder(record)))()
    assert list(record.named("before_node_run")[0][2]) == ["x", "y"]
