"""What is the parallel runner's own: workers, what may go to them, shared memory."""

from __future__ import annotations

import gc
import os
import pickle
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support import runner as kit
from tests.support.runner import FileDataset, Record, Recorder, files, hooks

from pellucid.exceptions import StartMethodError, WorkerLostError, WorkerStartError
from pellucid.io import DataCatalog, MemoryDataset, SharedMemoryDataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner
from pellucid.runner._bootstrap import PluginsBootstrap, bootstrap_for
from pellucid.runner._calls import HookCalls
from pellucid.runner._execution import Execution
from pellucid.runner._pool import Outcome, WorkerPool
from pellucid.runner._start_method import chosen_start_method
from pellucid.runner._worker import WorkerSetup

CHAIN = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.increment, "b", "c", name="n2")])


# --------------------------------------------------------------------------- what may go to a worker


def test_nodes_that_do_not_pickle_are_refused_before_anything_runs(tmp_path: Path, record: Record) -> None:
    def inner(value: Any) -> Any:
        return value

    bad = pipeline(
        [
            node(kit.increment, "a", "b", name="fine"),
            node(lambda value: value, "b", "c", name="nameless"),
            node(inner, "c", "d", name="inside"),
        ]
    )
    with pytest.raises(AttributeError, match="nameless") as caught:
        ParallelRunner().run(bad, SharedMemoryDataCatalog(files(tmp_path, a=1)), hooks(Recorder(record)))
    assert "'inside'" in str(caught.value)
    assert "'fine'" not in str(caught.value)
    assert record.read() == []


def test_datasets_that_do_not_pickle_are_refused_before_anything_runs(tmp_path: Path, record: Record) -> None:
    bad = MemoryDataset(threading.Lock(), copy_mode="assign")
    catalog = SharedMemoryDataCatalog({**files(tmp_path, a=1), "z": bad})
    with pytest.raises(AttributeError, match="'z'"):
        ParallelRunner().run(CHAIN, catalog, hooks(Recorder(record)))
    assert record.read() == []


def test_a_catalog_of_one_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="SharedMemoryDataCatalog; a DataCatalog"):
        ParallelRunner().run(CHAIN, DataCatalog(files(tmp_path, a=1)))


@pytest.mark.parametrize("count", [0, -3])
def test_the_number_of_workers_is_positive(count: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        ParallelRunner(max_workers=count)


def test_windows_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("os.cpu_count", lambda: 128)
    assert ParallelRunner()._max_workers == 61
    assert ParallelRunner(max_workers=61)._max_workers == 61
    with pytest.raises(ValueError, match="at most 61"):
        ParallelRunner(max_workers=62)


def test_workers_are_no_more_than_can_be_at_work() -> None:
    wide = pipeline([node(kit.same, "a", f"b{number}", name=f"n{number}") for number in range(5)])
    assert ParallelRunner(max_workers=3)._get_required_workers_count(wide) == 3
    assert ParallelRunner(max_workers=9)._get_required_workers_count(wide) == 5
    assert ParallelRunner(max_workers=9)._get_required_workers_count(CHAIN) == 1


# --------------------------------------------------------------------------- start methods


@pytest.mark.parametrize("variable", ["PELLUCID_MP_CONTEXT", "KEDRO_MP_CONTEXT"])
def test_the_environment_chooses_the_start_method(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_MP_CONTEXT", raising=False)
    monkeypatch.setenv(variable, "spawn")
    assert chosen_start_method() == "spawn"
    monkeypatch.setenv(variable, "spwan")
    message = rf"{variable}='spwan'.*fork.*Did you mean 'spawn'"
    with pytest.raises(StartMethodError, match=message) as caught:
        chosen_start_method()
    assert isinstance(caught.value, ValueError)
    with pytest.raises(StartMethodError, match=message):
        ParallelRunner()


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    monkeypatch.setenv("PELLUCID_MP_CONTEXT", "")
    monkeypatch.setenv("KEDRO_MP_CONTEXT", " ")
    before = multiprocessing.get_start_method(allow_none=True)
    assert chosen_start_method() in multiprocessing.get_all_start_methods()
    assert multiprocessing.get_start_method(allow_none=True) == before


def test_ours_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_MP_CONTEXT", "forkserver")
    monkeypatch.setenv("KEDRO_MP_CONTEXT", "spawn")
    assert chosen_start_method() == "forkserver"


# --------------------------------------------------------------------------- workers


@pytest.mark.processes
def test_hooks_are_registered_once_in_each_worker(start_method: str, tmp_path: Path, record: Record) -> None:
    wide = pipeline([node(kit.pid, "a", f"b{number}", name=f"n{number}") for number in range(8)])
    catalog = SharedMemoryDataCatalog(files(tmp_path, a=1))
    outputs = ParallelRunner(max_workers=2).run(wide, catalog, hooks(Recorder(record)), "r")
    pids = {dataset.load() for dataset in outputs.values()}
    assert os.getpid() not in pids
    assert len(pids) <= 2
    started = record.named("after_worker_started")
    assert {entry[1:] for entry in started} >= {("r", pid, start_method, pid) for pid in pids}
    assert len(started) <= 2


@pytest.mark.processes
def test_a_managers_own_bootstrap_makes_the_hooks(start_method: str, tmp_path: Path, record: Record) -> None:
    """Under fork it is not asked: the worker has the objects of its parent."""
    manager = hooks(Recorder(Record(tmp_path / "parent.log")))
    manager.worker_bootstrap = lambda: partial(kit.hooks_that_record, record.path)
    catalog = SharedMemoryDataCatalog(files(tmp_path, a=1))
    ParallelRunner(max_workers=1).run(CHAIN, catalog, manager, "r")
    in_parent = Record(tmp_path / "parent.log")
    where = in_parent if start_method == "fork" else record
    assert [entry[1] for entry in where.named("before_node_run")] == ["n1", "n2"]
    assert len(in_parent.named("after_node_settled")) == 2


@pytest.mark.processes
def test_a_lost_worker_fails_the_run_with_its_node(start_method: str, tmp_path: Path, record: Record) -> None:
    chain = pipeline(
        [
            node(kit.increment, "a", "b", name="n1"),
            node(kit.die, "b", "c", name="n2"),
            node(kit.increment, "c", "d", name="n3"),
        ]
    )
    with pytest.raises(WorkerLostError, match=r"SIGKILL.*'n2'") as caught:
        ParallelRunner(max_workers=2).run(
            chain, SharedMemoryDataCatalog(files(tmp_path, a=1)), hooks(Recorder(record)), "r"
        )
    error = caught.value
    assert (error.node, error.signal) == ("n2", 9)
    assert record.named("on_worker_lost") == [("on_worker_lost", "n2", error.pid, -9, os.getpid())]
    assert record.named("on_node_error") == [("on_node_error", "n2", "WorkerLostError", {}, "r")]
    assert [entry[1:3] for entry in record.named("after_node_settled")] == [("n1", None), ("n2", "WorkerLostError")]


@pytest.mark.processes
def test_after_a_failure_those_that_take_too_long_are_killed(start_method: str, tmp_path: Path, record: Record) -> None:
    """The sleeper says that it runs by a file, for which the one that fails waits."""
    flag = str(tmp_path / "flag")
    parts = pipeline(
        [
            node(kit.touch_and_sleep, "flag", "b", name="n1"),
            node(kit.wait_and_boom, "flag", "c", name="n2"),
            node(kit.same, "a", "d", name="n3"),
        ]
    )
    runner = ParallelRunner(max_workers=2)
    runner.stop_timeout_seconds = 0.2
    catalog = SharedMemoryDataCatalog({**files(tmp_path, a=1), "flag": MemoryDataset(flag)})
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(parts, catalog, hooks(Recorder(record)), "r")
    assert {entry[1]: entry[2] for entry in record.named("after_node_settled")} == {
        "n1": "RunnerError",
        "n2": "RuntimeError",
    }
    assert {entry[1:3] for entry in record.named("on_node_error")} == {("n1", "RunnerError"), ("n2", "RuntimeError")}


@pytest.mark.processes
@pytest.mark.parametrize("end", ["done", "fails", "dies"])
def test_after_a_failure_the_running_ones_are_waited_for(
    start_method: str, end: str, tmp_path: Path, record: Record
) -> None:
    slow = {"done": kit.touch_and_wait, "fails": kit.touch_wait_and_boom, "dies": kit.touch_wait_and_die}[end]
    flag = str(tmp_path / "flag")
    late = FileDataset(tmp_path, "late")
    parts = pipeline([node(slow, "flag", "late", name="n1"), node(kit.wait_and_boom, "flag", "c", name="n2")])
    catalog = SharedMemoryDataCatalog({"flag": MemoryDataset(flag), "late": late})
    with pytest.raises(RuntimeError, match="boom"):
        ParallelRunner(max_workers=2).run(parts, catalog, hooks(Recorder(record), kit.Toucher(f"{flag}.go", "n2")), "r")
    error = {"done": None, "fails": "LookupError", "dies": "WorkerLostError"}[end]
    assert {entry[1]: entry[2] for entry in record.named("after_node_settled")} == {"n1": error, "n2": "RuntimeError"}
    assert late.exists() == (end == "done")
    assert len(record.named("on_worker_lost")) == (end == "dies")
    assert sorted(entry[1] for entry in record.named("on_node_error")) == (["n2"] if end == "done" else ["n1", "n2"])


@pytest.mark.processes
def test_a_worker_that_cannot_be_set_up_ends_the_run(start_method: str, tmp_path: Path, record: Record) -> None:
    plugins = (Recorder(record), kit.BadStart())
    with pytest.raises(WorkerStartError) as caught:
        ParallelRunner(max_workers=1).run(CHAIN, SharedMemoryDataCatalog(files(tmp_path, a=1)), hooks(*plugins), "r")
    assert "not today" in str(caught.value.__cause__)
    assert {entry[1:3] for entry in record.named("after_node_settled", "on_node_error")} == {("n1", "RunnerError")}


def test_plugins_that_do_not_pickle_are_told_of_once(caplog: pytest.LogCaptureFixture, record: Record) -> None:
    plugin = Recorder(record)
    vars(plugin)["lock"] = threading.Lock()
    assert bootstrap_for(HookCalls(hooks(plugin))) is None
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]
    assert "do not run in worker processes" in caplog.text


def test_without_listeners_there_is_nothing_to_bootstrap(caplog: pytest.LogCaptureFixture) -> None:
    assert bootstrap_for(HookCalls(hooks())) is None
    assert bootstrap_for(HookCalls(None)) is None
    assert caplog.records == []


def test_plugins_move_with_their_project_name(record: Record) -> None:
    bootstrap = pickle.loads(pickle.dumps(bootstrap_for(HookCalls(hooks(Recorder(record))))))
    assert isinstance(bootstrap, PluginsBootstrap)
    bootstrap().hook.after_node_dispatched(node=CHAIN.nodes[0], run_id="r")
    assert record.named("after_node_dispatched") == [("after_node_dispatched", "n1", "r", os.getpid())]


def test_what_a_worker_is_given(tmp_path: Path, record: Record) -> None:
    """A fork keeps the hooks; what was pickled has those that it is called with."""
    datasets = {**files(tmp_path, a=1), "b": FileDataset(tmp_path, "b"), "c": FileDataset(tmp_path, "c")}
    execution = Execution(DataCatalog(datasets), HookCalls(hooks(Recorder(record))), False, "r")
    setup = WorkerSetup(CHAIN.nodes, execution, "fork")
    setup(None)(0)
    assert [entry[1] for entry in record.named("before_node_run")] == ["n1"]
    run = pickle.loads(pickle.dumps(setup))(hooks())
    run(0)
    run(1)
    assert len(record.named("before_node_run")) == 1
    assert record.named("after_worker_started") == [("after_worker_started", "r", os.getpid(), "fork", os.getpid())]
    assert datasets["c"].load() == 3


@pytest.mark.processes
def test_workers_load_and_save_asynchronously(start_method: str, tmp_path: Path, record: Record) -> None:
    parts = pipeline([node(kit.split, "a", ["b", "c"], name="n1"), node(kit.add, ["b", "c"], "d", name="n2")])
    catalog = SharedMemoryDataCatalog(files(tmp_path, a=4))
    outputs = ParallelRunner(max_workers=1, is_async=True).run(parts, catalog, hooks(Recorder(record)), "r")
    assert outputs["d"].load() == 0
    assert [entry[3] for entry in record.named("before_node_run")] == [True, True]


# --------------------------------------------------------------------------- shared memory


@pytest.mark.processes
def test_shared_data_lives_as_long_as_what_was_returned(tmp_path: Path) -> None:
    outputs = ParallelRunner(max_workers=1).run(CHAIN, SharedMemoryDataCatalog(files(tmp_path, a=1)))
    gc.collect()
    assert outputs["c"].load() == 3
    folder = Path(outputs["c"].shared_memory_dataset._path).parent
    assert folder.is_dir()
    del outputs
    gc.collect()
    assert not folder.exists()


@pytest.mark.processes
def test_a_failed_run_leaves_no_shared_memory(tmp_path: Path) -> None:
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.boom, "b", "c", name="n2")])
    catalog = SharedMemoryDataCatalog(files(tmp_path, a=1))
    with pytest.raises(RuntimeError, match="boom"):
        ParallelRunner(max_workers=1).run(chain, catalog)
    assert not Path(catalog["b"].shared_memory_dataset._path).parent.exists()


@pytest.mark.processes
def test_memory_datasets_that_are_outputs_arrive_here(start_method: str, tmp_path: Path) -> None:
    catalog = SharedMemoryDataCatalog({**files(tmp_path, a=1), "c": MemoryDataset()})
    assert ParallelRunner(max_workers=1).run(CHAIN, catalog)["c"].load() == 3


@pytest.mark.processes
def test_a_runner_can_be_used_again(start_method: str, tmp_path: Path) -> None:
    runner = ParallelRunner(max_workers=1)
    results = [runner.run(CHAIN, SharedMemoryDataCatalog(files(tmp_path, a=number)))["c"] for number in (1, 2)]
    assert [dataset.load() for dataset in results] == [3, 4]


def test_constructing_a_runner_starts_nothing() -> None:
    before = set(threading.enumerate())
    runner = ParallelRunner()
    assert set(threading.enumerate()) <= before
    assert set(vars(runner)) == {"_is_async", "_max_workers"}


@pytest.mark.processes
def test_a_server_process_can_be_brought_along() -> None:
    from pellucid.io import SharedMemoryDataset
    from pellucid.runner import parallel_runner

    with parallel_runner.ParallelRunnerManager() as manager:
        dataset = SharedMemoryDataset(manager)
        dataset.save([1, 2])
        assert dataset.load() == [1, 2]
    assert not hasattr(parallel_runner, "Nothing")


def test_an_answer_that_cannot_be_read_is_not_waited_for_again(
    tmp_path: Path, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float | None] = []
    wait = WorkerPool.wait

    def counted(pool: WorkerPool, timeout: float | None = None) -> list[Outcome]:
        waits.append(timeout)
        # Were it asked for ever, it would be for the time that running nodes are given.
        assert len(waits) < 100
        return wait(pool, timeout)

    def unreadable(body: bytes) -> BaseException:
        raise ValueError("not readable here")

    monkeypatch.setattr(WorkerPool, "wait", counted)
    monkeypatch.setattr("pellucid.runner._pool._pool.unpack_error", unreadable)
    failing = pipeline([node(kit.boom, "a", "b", name="fails")])
    with pytest.raises(ValueError, match="not readable here"):
        ParallelRunner(max_workers=1).run(
            failing, SharedMemoryDataCatalog(files(tmp_path, a=1)), hooks(Recorder(record))
        )
    assert [entry[1:3] for entry in record.named("after_node_settled")] == [("fails", "RunnerError")]
