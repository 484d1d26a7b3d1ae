"""Signals to a process that runs a pipeline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.runner import Record

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.processes


def _start(kind: str, folder: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.runner_child", kind, str(folder), *more],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn", "forkserver"])
def test_a_signal_ends_the_run_at_once(kind: str, number: signal.Signals, tmp_path: Path) -> None:
    """Within two seconds, whatever the nodes do, with their failure told once each."""
    running = ["n1"] if kind == "sequential" else ["n1", "n2"]
    process = _start(kind, tmp_path)
    try:
        _wait_until(lambda: all((tmp_path / f"started{name[1:]}").exists() for name in running), process)
        process.send_signal(number)
        sent = time.monotonic()
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - sent < 2
    finally:
        process.kill()
        process.communicate()
    error = "KeyboardInterrupt" if number == signal.SIGINT else "RunTerminated"
    if number == signal.SIGTERM:
        assert process.returncode == 143
    else:
        assert process.returncode == -signal.SIGINT
        assert error in errors.decode()
    record = Record(tmp_path / "hooks.log")
    told = error if kind == "sequential" else "RunnerError"
    assert sorted(entry[1:3] for entry in record.named("on_node_error")) == [(name, told) for name in running]
    assert sorted(entry[1:3] for entry in record.named("after_node_settled")) == [(name, told) for name in running]
    for entry in record.named("after_worker_started"):
        _assert_gone(entry[2])


@pytest.mark.parametrize("kind", ["thread", "fork"])
def test_a_signal_that_wakes_nobody_is_heard_soon(kind: str, tmp_path: Path) -> None:
    process = _start(kind, tmp_path, "elsewhere")
    try:
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors.decode()


def _assert_gone(pid: int) -> None:
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail(f"worker {pid} is still there")
