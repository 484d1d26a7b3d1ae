"""What is the thread runner's own: failures, signals, context."""

from __future__ import annotations

import contextvars
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.support import runner as kit
from tests.support.runner import FileDataset, Gate, Record, Recorder, hooks

from pellucid.exceptions import WorkerCountError
from pellucid.io import DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
from pellucid.runner._threads import DaemonThreads, run_at_once

if TYPE_CHECKING:
    from pathlib import Path

setting = contextvars.ContextVar("setting", default="unset")


class FailWhen:
    """A function of a node that fails once another one has been entered."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def __call__(self, value: Any) -> Any:
        assert self.gate.entered.wait(20)
        raise RuntimeError("boom")


def test_async_is_refused_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="is_async"):
        runner = ThreadRunner(is_async=True)
    assert runner._is_async is False


@pytest.mark.parametrize("count", [0, -1])
def test_the_number_of_workers_is_positive(count: int) -> None:
    with pytest.raises(ValueError, match=f"positive whole number, not {count}"):
        ThreadRunner(max_workers=count)


@pytest.mark.parametrize("kind", [ThreadRunner, ParallelRunner])
@pytest.mark.parametrize("count", ["abc", 1.5, True])
def test_the_number_of_workers_is_a_number(kind: Any, count: Any) -> None:
    with pytest.raises(WorkerCountError, match=rf"^max_workers has to be a positive whole number, not {count!r}\.$"):
        kind(max_workers=count)


def test_nodes_run_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=20)

    def meet(value: Any) -> Any:
        together.wait()
        return value

    nodes = [node(meet, "a", f"b{number}", name=f"n{number}") for number in range(3)]
    ThreadRunner(max_workers=3).run(pipeline(nodes), DataCatalog({"a": 1}))


def test_no_more_than_max_workers_run_at_the_same_time() -> None:
    at_work: list[int] = []
    lock = threading.Lock()
    most = 0

    def count(value: Any) -> Any:
        nonlocal most
        with lock:
            at_work.append(value)
            most = max(most, len(at_work))
        time.sleep(0.002)
        with lock:
            at_work.pop()
        return value

    nodes = [node(count, "a", f"b{number}", name=f"n{number}") for number in range(30)]
    ThreadRunner(max_workers=2).run(pipeline(nodes), DataCatalog({"a": 1}))
    assert most == 2


def test_context_variables_of_the_caller_are_there() -> None:
    def read(_value: Any) -> str:
        return setting.get()

    two = pipeline([node(read, "a", "b", name="n1"), node(read, "a", "c", name="n2")])
    token = setting.set("mine")
    try:
        outputs = ThreadRunner().run(two, DataCatalog({"a": 1}))
        assert [outputs[name].load() for name in "bc"] == ["mine", "mine"]
        both = pipeline([node(kit.add, ["x", "y"], "z", name="n")])
        seen: list[str] = []

        class Asks(FileDataset):
            def load(self) -> Any:
                seen.append(setting.get())
                return 1

        SequentialRunner(is_async=True).run(both, DataCatalog({"x": Asks("", "x"), "y": Asks("", "y")}))
        assert seen == ["mine", "mine"]
    finally:
        setting.reset(token)


def test_after_a_failure_nothing_new_starts_and_the_running_ones_are_waited_for(tmp_path: Path, record: Record) -> None:
    gate = Gate()
    late = FileDataset(tmp_path, "late")
    parts = [
        node(gate, "a", "late", name="n1"),
        node(FailWhen(gate), "a", "c", name="n2"),
        *(node(kit.same, "a", f"d{number}", name=f"n3{number}") for number in range(5)),
        node(kit.same, "late", "e", name="n4"),
    ]

    class Opener:
        @kit.impl
        def after_node_settled(self) -> None:
            gate.open.set()

    runner = ThreadRunner(max_workers=2)
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(pipeline(parts), DataCatalog({"a": 1, "late": late}), hooks(Recorder(record), Opener()), "r")
    assert {entry[1]: entry[2] for entry in record.named("after_node_settled")} == {
        "n1": None,
        "n2": "RuntimeError",
    }
    assert {entry[1] for entry in record.named("after_node_dispatched")} == {"n1", "n2"}
    assert late.load() == 1


def test_those_that_do_not_end_in_time_are_left_behind_and_save_nothing(tmp_path: Path, record: Record) -> None:
    gate = Gate()
    parts = pipeline([node(gate, "a", "late", name="slow"), node(FailWhen(gate), "a", "c", name="fails")])
    late = FileDataset(tmp_path, "late")
    runner = ThreadRunner(max_workers=2)
    runner.stop_timeout_seconds = 0.05
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(parts, DataCatalog({"a": 1, "late": late}), hooks(Recorder(record)), "r")
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert all(thread.daemon for thread in left)
    gate.open.set()
    for thread in left:
        thread.join()
    assert not late.exists()
    assert {entry[1]: entry[2] for entry in record.named("after_node_settled")} == {
        "slow": "RunnerError",
        "fails": "RuntimeError",
    }
    assert [entry[1:3] for entry in record.named("on_node_error")] == [
        ("fails", "RuntimeError"),
        ("slow", "RunnerError"),
    ]


def test_a_stream_of_an_ended_run_stops(tmp_path: Path) -> None:
    gate = Gate()

    def stream(value: Any) -> Any:
        yield value
        yield gate(value)

    parts = pipeline([node(stream, "a", "late", name="slow"), node(FailWhen(gate), "a", "c", name="fails")])
    runner = ThreadRunner(max_workers=2)
    runner.stop_timeout_seconds = 0.0
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="boom"):
        runner.run(parts, DataCatalog({"a": 1, "late": FileDataset(tmp_path, "late")}))
    gate.open.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert Record(tmp_path / "datasets.log").named("save") == [("save", "late", 1)]


def test_a_second_failure_is_told_too(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    """The first one is raised; the one that came while it was waited for is logged."""
    gate = Gate()

    def fail_later(value: Any) -> Any:
        gate(value)
        raise LookupError("second")

    class Opener:
        @kit.impl
        def after_node_settled(self) -> None:
            gate.open.set()

    parts = pipeline([node(fail_later, "a", "b", name="slow"), node(FailWhen(gate), "a", "c", name="fails")])
    with pytest.raises(RuntimeError, match="boom"):
        ThreadRunner(max_workers=2).run(parts, DataCatalog({"a": 1}), hooks(Recorder(record), Opener()), "r")
    assert {entry[1:3] for entry in record.named("on_node_error")} == {
        ("slow", "LookupError"),
        ("fails", "RuntimeError"),
    }
    assert any("'slow' failed, too" in entry.getMessage() for entry in caplog.records)


def test_threads_are_gone_after_a_run() -> None:
    before = set(threading.enumerate())
    nodes = [node(kit.same, "a", f"b{number}", name=f"n{number}") for number in range(8)]
    ThreadRunner(max_workers=4).run(pipeline(nodes), DataCatalog({"a": 1}))
    assert set(threading.enumerate()) <= before


# --------------------------------------------------------------------------- the executor


def test_no_more_threads_than_calls_at_once() -> None:
    threads = DaemonThreads(4)
    for _ in range(20):
        threads.submit(int).result()
        while threads._idle._value == 0:
            time.sleep(0)
    assert len(threads._threads) == 1
    threads.shutdown(wait=True)


def test_waiting_calls_can_be_cancelled() -> None:
    gate = Gate()
    threads = DaemonThreads(1)
    first = threads.submit(gate, 1)
    assert gate.entered.wait(20)
    second, third = threads.submit(int), threads.submit(int)
    assert third.cancel()
    threads.shutdown(wait=False, cancel_futures=True)
    gate.open.set()
    assert first.result() == 1
    assert second.cancelled()


def test_a_cancelled_call_is_passed_over() -> None:
    gate = Gate()
    threads = DaemonThreads(1)
    first = threads.submit(gate, 1)
    assert gate.entered.wait(20)
    second, third = threads.submit(int), threads.submit(int)
    assert second.cancel()
    gate.open.set()
    assert (first.result(), third.result()) == (1, 0)
    threads.shutdown()


def test_calls_at_once_give_their_results_in_order() -> None:
    assert run_at_once([partial(int, number) for number in range(50)]) == list(range(50))
    assert run_at_once([]) == []


def test_of_calls_at_once_the_first_failure_in_order_is_raised() -> None:
    def fail(name: str) -> int:
        raise RuntimeError(name)

    with pytest.raises(RuntimeError, match="one"):
        run_at_once([partial(int, 0), partial(fail, "one"), partial(fail, "two")])
