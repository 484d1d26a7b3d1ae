"""Writing to something that nobody reads."""

from __future__ import annotations

import os
import pty
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pellucid.observability.logs._outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIPE_BYTES = 65536


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def read_all(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts)


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_what_is_read_is_written_at_once_without_a_thread(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    threads = threading.active_count()
    outlet.write(b"one\n")
    assert os.read(pipe[0], 100) == b"one\n"
    assert threading.active_count() == threads
    outlet.close(soon())
    assert outlet.dropped == 0


def test_the_descriptor_of_the_program_goes_on_to_wait_as_before(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    assert os.get_blocking(pipe[1])
    outlet.close(soon())


def test_nobody_reads_and_nobody_waits(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1], most_queued_bytes=10_000)
    line = b"x" * 999 + b"\n"
    began = time.monotonic()
    for _ in range(200):
        outlet.write(line)
    outlet.close(time.monotonic() + 0.2)
    assert time.monotonic() - began < 5
    written = 200 - outlet.dropped
    assert PIPE_BYTES // 1000 - 4 <= written <= PIPE_BYTES // 1000 + 1
    outlet.write(line)  # after the end
    assert outlet.dropped == 200 - written + 1


def test_who_reads_late_gets_everything_in_order(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    lines = [b"%06d %s\n" % (number, b"x" * 500) for number in range(300)]
    for line in lines:
        outlet.write(line)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(read_all(pipe[0])))
    reader.start()
    outlet.close(soon())
    os.close(pipe[1])
    reader.join(10)
    assert received[0] == b"".join(lines)
    assert outlet.dropped == 0


@pytest.mark.parametrize("is_full", [False, True])
def test_the_other_end_goes_away(pipe: tuple[int, int], is_full: bool) -> None:
    outlet = Outlet(pipe[1])
    while is_full and not outlet._queue:
        outlet.write(b"x" * 4096)
    os.close(pipe[0])
    outlet.write(b"one\n")
    outlet.close(soon())
    assert outlet.is_broken
    assert outlet.dropped >= 1


def test_a_socket_cannot_be_opened_anew_and_is_written_by_the_thread() -> None:
    here, there = socket.socketpair()
    with here, there:
        outlet = Outlet(here.fileno())
        outlet.write(b"one\n")
        outlet.write(b"two\n")
        outlet.close(soon())
        here.close()
        assert there.recv(100) == b"one\ntwo\n"
        assert outlet.dropped == 0


def test_a_socket_that_nobody_reads_holds_nobody_up() -> None:
    here, there = socket.socketpair()
    with here, there:
        outlet = Outlet(here.fileno(), most_queued_bytes=100_000)
        began = time.monotonic()
        for _ in range(2000):
            outlet.write(b"x" * 1000)
        outlet.close(time.monotonic() + 0.1)
        assert time.monotonic() - began < 8
        assert outlet.dropped > 0


def test_a_file_is_written_where_the_program_is_in_it(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"before\n")
        outlet = Outlet(file.fileno())
        outlet.write(b"ours\n")
        outlet.close(soon())
        file.write(b"after\n")
    assert (tmp_path / "file").read_bytes() == b"before\nours\nafter\n"


def test_a_terminal_gets_lines(pipe: tuple[int, int]) -> None:
    parent, child = pty.openpty()
    outlet = Outlet(child)
    outlet.write(b"one\n")
    assert os.read(parent, 100) == b"one\r\n"
    outlet.close(soon())
    os.close(parent)
    os.close(child)


@pytest.mark.processes
def test_a_fork_in_the_middle_of_waiting_lines_repeats_none(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    while not outlet._queue:
        outlet.write(b"parent\n" * 500)
    outlet._changed.acquire()  # as if another thread were in there
    child = os.fork()
    if child == 0:
        outlet.write(b"child\n")
        outlet.close(soon())
        os._exit(0)
    outlet._changed.release()
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(read_all(pipe[0])))
    reader.start()
    outlet.close(soon())
    assert os.waitpid(child, 0)[1] == 0
    os.close(pipe[1])
    reader.join(10)
    assert received[0].count(b"child\n") == 1
    assert len(received[0].replace(b"child\n", b"")) % (7 * 500) == 0


@pytest.mark.processes
def test_a_fork_may_end_without_having_written(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    outlet._changed.acquire()  # as if another thread were in there
    child = os.fork()
    if child == 0:
        outlet.close(soon())
        os._exit(0)
    outlet._changed.release()
    assert os.waitpid(child, 0)[1] == 0
    outlet.close(soon())


def test_without_a_thread_to_write_what_waits_nobody_waits(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    outlet = Outlet(pipe[1])
    while not outlet._queue:
        outlet.write(b"x" * 4096)
    began = time.monotonic()
    outlet.close(soon(60))
    assert time.monotonic() - began < 30
    assert outlet.dropped == 1
