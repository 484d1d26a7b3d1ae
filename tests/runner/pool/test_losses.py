from __future__ import annotations

import logging
import os
import signal
import time

import pytest
from tests.support import pool as support

from pellucid.runner._pool import Done, Lost, WorkerPool, _child
from pellucid.runner._pool._worker import Worker

pytestmark = pytest.mark.processes

each_method = pytest.mark.parametrize("method", support.METHODS)


def loss(pool: WorkerPool) -> Lost:
    (outcome,) = pool.wait(30)
    assert isinstance(outcome, Lost)
    return outcome


@each_method
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_killed_at_its_task_is_reported_with_task_pid_and_signal(method: str, number: signal.Signals) -> None:
    with WorkerPool(support.doing(support.sleep_long), workers=1, start_method=method) as pool:
        pool.submit(5, "train model")
        while not pool._workers[0].ready:
            pool.wait(0.01)
        (pid,) = pool.pids
        os.kill(pid, number)
        outcome = loss(pool)
    assert outcome.index == 5
    assert (outcome.error.node, outcome.error.pid, outcome.error.exit_code) == ("train model", pid, -number)
    assert number.name in str(outcome.error)


@each_method
@pytest.mark.parametrize("code", [0, 3])
def test_a_task_that_ends_its_process_is_lost_whatever_the_code(method: str, code: int) -> None:
    outcome = support.one(support.exit_hard, method, code)
    assert isinstance(outcome, Lost)
    assert outcome.error.exit_code == code
    assert f"exited with code {code} while it ran the node 'the task'" in str(outcome.error)


@each_method
def test_the_others_go_on_after_a_loss_and_the_worker_is_replaced(method: str) -> None:
    with WorkerPool(support.doing(support.die_if_odd), workers=2, start_method=method) as pool:
        found = support.outcomes(pool, 6)
    assert [each for each in found if isinstance(each, Done)] == [Done(0, 0), Done(2, 2), Done(4, 4)]
    assert [each.index for each in found if isinstance(each, Lost)] == [1, 3, 5]


@each_method
def test_a_worker_that_dies_between_tasks_is_replaced_and_logged(method: str, caplog: pytest.LogCaptureFixture) -> None:
    with WorkerPool(support.doing(support.tenfold), workers=1, start_method=method) as pool:
        support.outcomes(pool, 1)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        assert support.survivors([pid]) == []
        with caplog.at_level(logging.WARNING):
            assert support.outcomes(pool, 1) == [Done(0, 0)]
        assert pid not in pool.pids
    assert f"worker process {pid} was killed by SIGKILL" in caplog.text


def test_a_worker_that_dies_as_it_is_given_a_task_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with WorkerPool(support.doing(support.tenfold), workers=1, start_method="fork") as pool:
        support.outcomes(pool, 1)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        assert support.survivors([pid]) == []
        monkeypatch.setattr(Worker, "is_alive", lambda _self: True)  # it was, a moment ago
        assert support.outcomes(pool, 1) == [Done(0, 0)]
        assert pid not in pool.pids


def test_a_worker_that_closed_its_pipe_is_lost_and_killed() -> None:
    with WorkerPool(support.doing(support.close_everything_and_wait), workers=1, start_method="fork") as pool:
        pool.submit(0, "close")
        pids = list(pool.pids)
        outcome = loss(pool)
        assert support.survivors(pids, 0) == []
    assert outcome.error.exit_code is None
    assert "stopped answering" in str(outcome.error)


@each_method
def test_a_loss_is_noticed_though_a_fork_of_the_worker_lives_on(method: str) -> None:
    start = time.monotonic()
    outcome = support.one(support.fork_and_die, method)
    assert isinstance(outcome, Lost)
    assert outcome.error.signal == signal.SIGKILL
    assert time.monotonic() - start < 2.5


@each_method
def test_descendants_of_a_lost_worker_are_killed(method: str) -> None:
    with WorkerPool(support.doing(support.start_descendant), workers=1, start_method=method) as pool:
        (outcome,) = support.outcomes(pool, 1)
        assert isinstance(outcome, Done)
        grandchild = outcome.value
        assert isinstance(grandchild, int)
        assert support.is_running(grandchild)
        (pid,) = pool.pids
        os.kill(pid, signal.SIGKILL)
        support.survivors([pid])
        support.outcomes(pool, 1)
        assert support.survivors([grandchild]) == []
        (left,) = pool.pids
    assert support.survivors([left], 0) == []


def test_without_process_descriptors_a_loss_is_noticed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    for method in support.METHODS:
        outcome = support.one(support.exit_hard, method, 3)
        assert isinstance(outcome, Lost)
        assert outcome.error.exit_code == 3


def test_what_keeps_a_pipe_open_unseen_keeps_no_loss_from_being_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may fork without telling the interpreter."""
    monkeypatch.setattr(_child, "keep_from_forks", lambda *_: None)
    outcome = support.one(support.fork_and_die, "fork")
    assert isinstance(outcome, Lost)


def test_descendants_of_a_worker_that_ended_normally_are_killed() -> None:
    with WorkerPool(support.doing(support.start_descendant), workers=1, start_method="fork") as pool:
        (outcome,) = support.outcomes(pool, 1)
        assert isinstance(outcome, Done)
        assert isinstance(outcome.value, int)
    assert support.survivors([outcome.value]) == []


def test_handlers_of_the_parent_are_not_those_of_its_forks() -> None:
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        outcome = support.one(support.signal_answers, "fork")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert outcome == Done(0, [repr(signal.SIG_DFL)] * 2)


@each_method
def test_no_signal_is_held_back_in_a_worker(method: str) -> None:
    assert support.one(support.blocked_signals, method) == Done(0, [])
