from __future__ import annotations

import functools
import multiprocessing
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import pytest
from tests.support import pool as support

from pellucid.exceptions import RemoteError, RunnerError, WorkerLostError, WorkerStartError
from pellucid.runner._pool import Done, Failed, WorkerPool, _worker
from pellucid.runner._pool._errors import LIMIT_BYTES, RemoteTraceback
from pellucid.runner._pool._wire import encode_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.processes

each_method = pytest.mark.parametrize("method", support.METHODS)


def failure(function: Callable[[int], object], method: str = "fork", index: int = 0) -> BaseException:
    outcome = support.one(function, method, index)
    assert isinstance(outcome, Failed)
    assert outcome.index == index
    return outcome.error


@each_method
def test_an_exception_arrives_as_itself_with_its_traceback_as_cause(method: str) -> None:
    error = failure(support.raise_value_error, method, 7)
    assert type(error) is ValueError
    assert error.args == ("task 7",)
    assert isinstance(error.__cause__, RemoteTraceback)
    text = str(error.__cause__)
    assert "in raise_value_error" in text
    assert "LookupError: where it began" in text
    assert "_child.py" not in text


@each_method
def test_what_pickle_breaks_arrives_under_its_name_class_and_message(method: str) -> None:
    error = failure(support.raise_two_arguments, method)
    assert isinstance(error, support.TwoArguments)
    assert isinstance(error, RemoteError)
    assert str(error) == "a hole in the bucket"
    assert (error.what, error.where) == ("a hole", "the bucket")
    assert type(error).__qualname__ == "TwoArguments"
    assert type(error).__module__ == "tests.support.pool"
    assert "in raise_two_arguments" in str(error.__cause__)


@each_method
def test_an_exception_of_a_local_class_arrives_as_its_nearest_base(method: str) -> None:
    error = failure(support.raise_local, method)
    assert isinstance(error, support.TwoArguments)
    assert type(error).__name__ == "LocalError"
    assert type(error).__qualname__ == "raise_local.<locals>.LocalError"
    assert str(error) == "a leak in the roof"


@each_method
def test_a_result_that_cannot_be_pickled_is_named(method: str) -> None:
    error = failure(support.lambda_result, method)
    assert type(error) is RunnerError
    assert "type 'builtins.function' cannot be pickled" in str(error)
    assert "lambda" in str(error)


def test_an_exception_that_only_its_worker_can_unpickle_is_stood_for() -> None:
    error = failure(support.raise_at_home)
    assert isinstance(error, support.AtHomeError)
    assert isinstance(error, RemoteError)
    assert str(error) == "far away"


def test_a_result_that_cannot_be_unpickled_is_a_failure_of_its_task_alone() -> None:
    with WorkerPool(support.doing(support.unloadable_in_parent), workers=1, start_method="fork") as pool:
        for outcome in support.outcomes(pool, 2):
            assert isinstance(outcome, Failed)
            assert type(outcome.error) is RunnerError
            assert "cannot be unpickled here: not in this process" in str(outcome.error)


@pytest.mark.parametrize(
    ("function", "kind"), [(support.exit_softly, SystemExit), (support.interrupt, KeyboardInterrupt)]
)
def test_exceptions_that_end_processes_end_no_worker(
    function: Callable[[int], object], kind: type[BaseException]
) -> None:
    assert type(failure(function)) is kind


def test_a_message_of_megabytes_is_bounded() -> None:
    error = failure(support.raise_long)
    assert isinstance(error, ValueError)
    assert LIMIT_BYTES <= len(str(error)) < LIMIT_BYTES + 100
    assert "4,000,000 characters left out" in str(error)


def test_a_worker_goes_on_after_a_failure() -> None:
    with WorkerPool(support.doing(support.raise_value_error), workers=1, start_method="fork") as pool:
        support.outcomes(pool, 3)
        assert len(pool.pids) == 1


# --------------------------------------------------------------------------- starting


def start_error(pool: WorkerPool) -> WorkerStartError:
    with pool, pytest.raises(WorkerStartError) as caught:
        support.outcomes(pool, 1)
    return caught.value


@each_method
def test_a_setup_that_raises_is_the_cause_of_a_start_error(method: str) -> None:
    error = start_error(WorkerPool(support.refusing, workers=2, start_method=method))
    assert str(error) == "A worker process could not be set up: ValueError: this setup refuses"
    assert type(error.__cause__) is ValueError
    assert "in refusing" in str(error.__cause__.__cause__)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_bootstrap_that_raises_is_the_cause_of_a_start_error(method: str) -> None:
    pool = WorkerPool(support.doing(support.nothing), workers=1, start_method=method, bootstrap=support.misconfigure)
    assert str(start_error(pool)) == "A worker process could not be set up: LookupError: no such project"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_setup_that_cannot_be_unpickled_is_told(method: str) -> None:
    error = start_error(WorkerPool(support.Unloadable(), workers=1, start_method=method))
    assert str(error) == "A worker process could not be set up: ValueError: cannot be loaded"


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_worker_that_is_gone_before_its_task_is_sent_has_said_why(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(index: int, waited: float) -> bytes:
        wait([each.sentinel for each in multiprocessing.active_children()], 30)
        return encode_task(index, waited)

    monkeypatch.setattr(_worker, "encode_task", late)
    error = start_error(WorkerPool(support.Unloadable(), workers=1, start_method=method))
    assert str(error) == "A worker process could not be set up: ValueError: cannot be loaded"


def test_a_setup_that_cannot_be_pickled_is_told_at_once() -> None:
    with pytest.raises(WorkerStartError, match=r"cannot be pickled.*lambda"):
        WorkerPool(lambda configured: support.nothing, workers=1, start_method="spawn")


@each_method
@pytest.mark.parametrize("code", [0, 3])
def test_a_worker_that_dies_while_it_starts_is_a_start_error(method: str, code: int) -> None:
    error = start_error(WorkerPool(functools.partial(support.dying, code), workers=1, start_method=method))
    assert isinstance(error.__cause__, WorkerLostError)
    assert error.__cause__.exit_code == code
    assert f"exited with code {code} before it ran a node" in str(error)


def test_after_a_failed_start_no_task_is_taken() -> None:
    with WorkerPool(support.refusing, workers=2, start_method="fork") as pool:
        pool.submit(0, "first")
        with pytest.raises(WorkerStartError):
            pool.wait()
        with pytest.raises(WorkerStartError, match="this setup refuses"):
            pool.submit(1, "second")
        with pytest.raises(WorkerStartError):
            pool.wait()


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_processes() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("os.fork", no_more_processes)
    with WorkerPool(support.doing(support.nothing), workers=1, start_method="fork") as pool:
        with pytest.raises(WorkerStartError, match=r"could not be started: .*Resource temporarily unavailable"):
            pool.submit(0, "first")
        assert pool.pids == {}
        with pytest.raises(WorkerStartError, match="could not be started"):
            pool.submit(0, "again")


def test_outcomes_come_before_the_news_of_a_failed_start(tmp_path: Path) -> None:
    setup = functools.partial(support.refusing_the_second, str(tmp_path / "mark"))
    with WorkerPool(setup, workers=2, start_method="fork") as pool:
        support.outcomes(pool, 1)
        pool.submit(0, "by the worker that is there")
        pool.submit(1, "by a new one")
        assert all(worker.pipe.poll(10) for worker in pool._workers)
        assert pool.wait() == [Done(0, 0)]
        with pytest.raises(WorkerStartError, match="refuses"):
            pool.wait()
