from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.support import pool as support

from pellucid.exceptions import RunnerError
from pellucid.runner._pool import Done, WorkerPool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.processes

each_method = pytest.mark.parametrize("method", support.METHODS)


@each_method
def test_two_hundred_tasks_over_four_workers_are_each_done_once(method: str) -> None:
    with WorkerPool(support.doing(support.tenfold), workers=4, start_method=method) as pool:
        found = support.outcomes(pool, 200)
        assert found == [Done(index, index * 10) for index in range(200)]
        assert len(pool.pids) <= 4


def test_workers_are_started_only_when_there_is_a_task_for_them() -> None:
    with WorkerPool(support.doing(support.own_pid), workers=4, start_method="fork") as pool:
        assert pool.pids == {}
        support.outcomes(pool, 1)
        pool.submit(0, "again")
        (outcome,) = pool.wait()
        assert isinstance(outcome, Done)
        assert pool.pids == {outcome.value: None}


def test_pids_name_the_task_that_each_worker_is_at() -> None:
    with WorkerPool(support.doing(time.sleep), workers=2, start_method="fork") as pool:
        pool.submit(60, "long")
        assert list(pool.pids.values()) == ["long"]
        assert pool.idle == 1


@pytest.mark.parametrize("method", ["", None])
def test_without_a_start_method_the_platform_decides(method: str | None) -> None:
    pool = WorkerPool(support.doing(support.nothing), workers=1, start_method=method)
    assert pool.start_method == multiprocessing.get_start_method(allow_none=True) or "fork"


def test_an_unknown_start_method_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"'spwan'.*valid are fork, spawn, forkserver.*Did you mean 'spawn'"):
        WorkerPool(support.doing(support.nothing), workers=1, start_method="spwan")


def test_a_pool_without_workers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        WorkerPool(support.doing(support.nothing), workers=0)


def test_a_task_too_many_is_refused() -> None:
    with WorkerPool(support.doing(time.sleep), workers=1, start_method="fork") as pool:
        pool.submit(60, "long")
        assert pool.idle == 0
        with pytest.raises(RunnerError, match="'other' cannot be submitted: all 1 workers are at work"):
            pool.submit(60, "other")


def test_a_closed_pool_takes_no_task_and_may_be_closed_again() -> None:
    with WorkerPool(support.doing(support.nothing), workers=1) as pool:
        pool.close()
        assert pool.idle == 0
        with pytest.raises(RunnerError, match="closed"):
            pool.submit(0, "late")


def test_waiting_without_a_task_returns_at_once() -> None:
    with WorkerPool(support.doing(support.nothing), workers=1) as pool:
        assert pool.wait() == []


def test_waiting_ends_with_its_timeout() -> None:
    with WorkerPool(support.doing(time.sleep), workers=1, start_method="fork") as pool:
        pool.submit(60, "long")
        start = time.monotonic()
        assert pool.wait(0.1) == []
        assert 0.09 < time.monotonic() - start < 1


@each_method
def test_bootstrap_comes_before_setup_is_unpickled(method: str) -> None:
    with WorkerPool(support.NeedsBootstrap(), workers=1, start_method=method, bootstrap=support.configure) as pool:
        expected = None if method == "fork" else "configured"
        assert support.outcomes(pool, 1) == [Done(0, expected)]


def test_a_large_setup_reaches_a_worker() -> None:
    big = functools.partial(_length, b"x" * 5_000_000)
    with WorkerPool(big, workers=1, start_method="spawn") as pool:
        assert support.outcomes(pool, 1) == [Done(0, 5_000_000)]


def _length(data: bytes, configured: object) -> Callable[[int], object]:
    return functools.partial(_constant, len(data))


def _constant(value: int, index: int) -> int:
    return value


def test_two_pools_in_two_threads_do_not_disturb_each_other() -> None:
    found: dict[str, object] = {}

    def use(name: str) -> None:
        for _ in range(5):
            with WorkerPool(support.doing(support.tenfold), workers=2, start_method="fork") as pool:
                found[name] = support.outcomes(pool, 20)

    threads = [threading.Thread(target=use, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found["a"] == found["b"] == [Done(index, index * 10) for index in range(20)]


@each_method
def test_a_task_can_use_a_pool_itself(method: str) -> None:
    assert support.one(support.tenfold_in_a_pool, method, 3) == Done(3, Done(3, 30))


@each_method
def test_twenty_pools_leave_no_descriptor_and_no_process(method: str) -> None:
    with WorkerPool(support.doing(support.nothing), workers=1, start_method=method) as pool:
        support.outcomes(pool, 1)  # what multiprocessing starts once and keeps
    before = support.descriptors(), support.children()
    for _ in range(20 if method == "fork" else 5):
        with WorkerPool(support.doing(support.nothing), workers=2, start_method=method) as pool:
            support.outcomes(pool, 2)
    assert (support.descriptors(), support.children()) == before


def test_a_fork_has_nothing_of_its_siblings() -> None:
    """Else a worker would not notice that its parent is gone, for as long as a sibling lives."""
    before = set(support.open_sockets(0))
    with WorkerPool(support.doing(support.open_sockets), workers=3, start_method="fork") as pool:
        for index in range(3):
            pool.submit(index, "look")
        found = [outcome for _ in range(3) for outcome in pool.wait(30)]
    for outcome in found:
        assert isinstance(outcome, Done)
        assert isinstance(outcome.value, list)
        assert len(set(outcome.value) - before) == 1  # its own pipe


@each_method
def test_idle_workers_end_as_processes_normally_do(method: str, tmp_path: Path) -> None:
    path = tmp_path / "farewell"
    setup = functools.partial(support.saying_goodbye, str(path))
    with WorkerPool(setup, workers=1, start_method=method) as pool:
        support.outcomes(pool, 1)
    assert path.read_text(encoding="utf-8") == "bye"


@each_method
def test_leaving_ends_workers_that_are_at_work(method: str) -> None:
    with WorkerPool(support.doing(support.sleep_long), workers=2, start_method=method) as pool:
        pool.submit(0, "one")
        pool.submit(1, "two")
        pool.wait(0.05)
        pids = list(pool.pids)
        start = time.monotonic()
    assert time.monotonic() - start < 1
    assert support.survivors(pids, 0) == []


def test_a_worker_that_cannot_end_normally_is_killed_after_the_grace() -> None:
    pool = WorkerPool(support.doing(support.lingering_thread), workers=1, start_method="fork")
    with pool:
        support.outcomes(pool, 1)
        pids = list(pool.pids)
        start = time.monotonic()
    assert 0.4 < time.monotonic() - start < 1.5
    assert support.survivors(pids, 0) == []


def test_a_fork_that_leaves_the_block_does_not_end_its_parents_workers() -> None:
    with WorkerPool(support.doing(support.tenfold), workers=1, start_method="fork") as pool:
        support.outcomes(pool, 1)
        pid = os.fork()
        if pid == 0:
            pool.close()
            os._exit(0)
        os.waitpid(pid, 0)
        assert support.outcomes(pool, 1) == [Done(0, 0)]
