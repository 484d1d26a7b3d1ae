"""Locks on files: between processes, between threads, and after a process has died."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tests.support.io import child, line

from pellucid._util.locks import FileLock

HOLD = """
import sys
from pellucid._util.locks import FileLock
lock = FileLock(sys.argv[1])
print(lock.acquire(), flush=True)
sys.stdin.read()
"""
FORK_AND_HOLD = """
import os, signal, sys
from pellucid._util.locks import FileLock
lock = FileLock(sys.argv[1])
assert lock.acquire()
pid = os.fork()
if pid == 0:
    os.close(1)
    signal.pause()
print(pid, flush=True)
sys.stdin.read()
"""


def test_a_lock_excludes_a_second_one_of_the_same_process(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "a"), FileLock(tmp_path / "a")
    assert first.acquire()
    assert not second.acquire()
    assert not first.acquire()
    assert second.holder() == os.getpid()
    first.release()
    assert second.acquire()
    assert (first.held, second.held) == (False, True)
    second.release()
    second.release()


def test_threads_that_want_one_lock_get_it_one_at_a_time(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "a", [0], [0]
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        done = 0
        while done < 20:
            mine = FileLock(lock)
            if mine.acquire():
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
                mine.release(remove=done % 2 == 0)
                done += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


@pytest.mark.processes
def test_another_process_is_excluded_and_named(tmp_path: Path) -> None:
    with child(HOLD, tmp_path / "a") as holder:
        assert line(holder) == "True"
        lock = FileLock(tmp_path / "a")
        assert not lock.acquire()
        assert lock.holder() == holder.pid
        with child(HOLD, tmp_path / "a") as other:
            assert line(other) == "False"


@pytest.mark.processes
def test_a_killed_process_frees_its_lock(tmp_path: Path) -> None:
    with child(HOLD, tmp_path / "a") as holder:
        assert line(holder) == "True"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with FileLock(tmp_path / "a") as lock:
            assert lock.held


@pytest.mark.processes
def test_a_forked_child_does_not_keep_the_lock_of_its_dead_parent(tmp_path: Path) -> None:
    with child(FORK_AND_HOLD, tmp_path / "a") as holder:
        orphan = int(line(holder))
        try:
            assert not FileLock(tmp_path / "a").acquire()
            holder.send_signal(signal.SIGKILL)
            holder.wait()
            os.kill(orphan, 0)
            with FileLock(tmp_path / "a") as lock:
                assert lock.held
        finally:
            os.kill(orphan, signal.SIGKILL)


@pytest.mark.processes
def test_a_forked_child_neither_holds_nor_frees_the_lock(tmp_path: Path) -> None:
    source = """
import os, sys
from pellucid._util.locks import FileLock
lock, other = FileLock(sys.argv[1]), FileLock(sys.argv[1])
assert lock.acquire()
if os.fork() == 0:
    assert not lock.held
    assert not other.acquire()
    assert other.holder() == os.getppid()
    lock.release(remove=True)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
assert lock.held and os.path.exists(sys.argv[1])
code = "import sys; from pellucid._util.locks import FileLock; sys.exit(FileLock(sys.argv[1]).acquire())"
assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code, sys.argv[1]]) == 0
"""
    assert subprocess.run([sys.executable, "-c", source, tmp_path / "a"], check=False).returncode == 0


def test_a_lock_in_a_with_statement_that_is_taken_raises(tmp_path: Path) -> None:
    with FileLock(tmp_path / "a"), pytest.raises(BlockingIOError), FileLock(tmp_path / "a"):
        pass


def test_a_removed_file_is_gone_and_can_be_locked_anew(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "a")
    assert lock.acquire()
    lock.release(remove=True)
    assert not (tmp_path / "a").exists()
    assert lock.holder() is None
    assert lock.acquire()
    (tmp_path / "a").unlink()
    lock.release(remove=True)


def test_a_file_that_is_removed_while_it_is_being_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The previous holder unlinks between our open and our lock."""
    opened = os.open
    calls = []

    def open_and_lose(path: str, flags: int, mode: int = 0o777) -> int:
        descriptor = opened(path, flags, mode)
        calls.append(path)
        if len(calls) == 1:
            Path(path).unlink()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_lose)
    lock = FileLock(tmp_path / "a")
    assert lock.acquire()
    assert (tmp_path / "a").read_text() == f"{os.getpid()}\n"
    assert len(calls) == 2
    lock.release()


def test_a_file_without_a_number_names_no_holder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("nobody")
    assert FileLock(tmp_path / "a").holder() is None


def test_a_file_system_without_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    lock = FileLock(tmp_path / "a")
    with pytest.raises(OSError, match="No locks"):
        lock.acquire()
    with FileLock(tmp_path / "a", in_process=True) as within:
        assert within.held
        assert not FileLock(tmp_path / "a", in_process=True).acquire()
    monkeypatch.undo()
    assert lock.acquire()
    lock.release()


def test_a_disk_that_is_full_costs_only_the_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    with FileLock(tmp_path / "a") as lock:
        assert lock.held
        assert not FileLock(tmp_path / "a").acquire()
    assert lock.holder() is None


def test_a_lock_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def fail(descriptor: int, how: int) -> None:
        raise OSError(errno.EIO, "the disk")

    monkeypatch.setattr(fcntl, "lockf", fail)
    with pytest.raises(OSError, match="the disk"):
        FileLock(tmp_path / "a", in_process=True).acquire()
    monkeypatch.undo()
    with FileLock(tmp_path / "a") as lock:
        assert lock.held


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    (tmp_path / "a").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(tmp_path / "a").acquire()
    assert (tmp_path / "precious").read_text() == "data"
