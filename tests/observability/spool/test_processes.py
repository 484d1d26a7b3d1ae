"""Processes that are killed, forked and collected by others at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.support.spool import HEADER, child, collected, counts, ends, key, taken

from pellucid.observability.spool import Limits, SegmentWriter, SpoolBusy, SpoolFolder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

_WRITE_FOR_EVER = """
    from pellucid.observability.spool import _journal, _pace
    # On a slow disk a frame is acknowledged before it is in the file.
    _journal.SLOW_SECONDS = _pace.SLOW_SECONDS = 1e9
    n = 0
    while True:
        w.start(1, key(n), b"p%d" % n)
        print("s", n, flush=True)
        if n % 3:
            w.end(1, key(n), b"e%d" % n)
            print("e", n, flush=True)
        n += 1
"""


def test_nothing_that_was_acknowledged_is_lost_when_a_process_is_killed(tmp_path: Path) -> None:
    """All that was started has one END: its own, or a sealed one."""
    rounds = [(number, 13 * number * number % 397 + 1) for number in range(30)]
    for number, lines in rounds:
        folder = SpoolFolder(tmp_path / str(number))
        with child(_WRITE_FOR_EVER, folder.path) as process:
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(lines)]
            found = taken(folder) if number % 2 else []
            process.kill()
            told += process.stdout.readlines()
        found += taken(folder)
        words = [line.split() for line in told if line.endswith("\n")]
        started = {(1, key(int(word[1]))) for word in words if word[0] == "s"}
        ended = {(1, key(int(word[1]))) for word in words if word[0] == "e"}
        seen = counts(found)
        assert set(seen.values()) == {1}
        assert started <= set(seen)
        assert not ended & {(1, name) for _, name, payload in found if payload.startswith(b"sealed:")}
        assert folder.status().finished.segments == 0


def test_a_collector_killed_anywhere_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    for number in range(8):
        with child(
            """
            base = int(sys.argv[1])
            for n in range(base, base + 60):
                w.start(1, key(n), b"p")
                if n % 2: w.end(1, key(n), b"e")
            os._exit(0)
            """,
            tmp_path,
            str(number * 1000),
        ) as process:
            process.wait()
    for number in range(10):
        with child(
            """
            print("go", flush=True)
            for s in SpoolFolder(folder).finished(seal, 10):
                s.link_to("traces")
                s.remove()
            """,
            tmp_path,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            threading.Event().wait(number * 0.0004)
            process.kill()
    for segment in collected(folder):
        segment.link_to("traces")
    found = [end for item in folder.outbox("traces") for end in ends(item.frames())]
    assert counts(found) == Counter({(1, key(m * 1000 + n)): 1 for m in range(8) for n in range(60)})


def test_collectors_at_the_same_time_take_each_segment_once(tmp_path: Path) -> None:
    source = """
        for n in range(300):
            w.end(1, key(n), b"x" * 100)
        w.close()
        print("written", flush=True)
        for s in SpoolFolder(folder).finished(seal, 30):
            for f in s.frames():
                if f.kind == FrameKind.END: print(s.name[-25:-13], int(f.key.hex(), 16))
            s.remove()
    """
    processes = [child(source, tmp_path) for _ in range(4)]
    seen: Counter[str] = Counter()
    for process in processes:
        with process:
            assert process.stdout is not None
            seen.update(line for line in process.stdout if line != "written\n")
    assert len(seen) == 4 * 300
    assert set(seen.values()) == {1}


def test_a_live_process_keeps_its_segment_and_gives_what_it_rolled(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    source = """
        w.start(1, key(1), b"open"); w.end(1, key(2), b"done"); w.roll()
        print("rolled", flush=True)
        signal.pause()
    """
    with child(source, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert taken(folder) == [(1, key(2), b"done")]
        assert folder.status().live_pids == (process.pid,)
        process.kill()
        process.wait()
    assert taken(folder) == [(1, key(1), b"sealed:open")]


def test_a_forked_child_has_a_segment_of_its_own(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"parent")
    pid = os.fork()
    if pid == 0:
        writer.end(1, key(2), b"child")
        os._exit(0 if writer.written == {1: 1} else 1)
    assert os.waitpid(pid, 0)[1] == 0
    folder = SpoolFolder(tmp_path)
    assert [segment.header["pid"] for segment in collected(folder)] == [pid]
    writer.end(1, key(1), b"parent too")
    writer.close()
    assert taken(folder) == [(1, key(1), b"parent too")]


def test_a_child_forked_while_a_thread_writes_does_not_wait_for_it(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER, limits=Limits(segment_bytes=2000))
    is_over = threading.Event()

    def write() -> None:
        number = 0
        while not is_over.is_set():
            writer.start(1, key(number), b"p")
            writer.end(1, key(number), b"e")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    pids = []
    for number in range(20):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            writer.end(2, key(number), b"child")
            # Nothing else of this process may run here: any lock may be held by the thread that is not there.
            os.kill(os.getpid(), signal.SIGKILL)
        pids.append(pid)
    statuses = [os.waitpid(pid, 0)[1] for pid in pids]
    is_over.set()
    thread.join()
    assert statuses == [signal.SIGKILL] * 20
    writer.close(60)
    assert writer.dropped == {}
    found = counts(taken(SpoolFolder(tmp_path)))
    assert set(found.values()) == {1}
    assert {name for name in found if name[0] == 2} == {(2, key(n)) for n in range(20)}
    assert sum(name[0] == 1 for name in found) == writer.written[1]


def test_a_child_forked_while_the_lock_is_held_writes_at_once(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(1), b"e")
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with writer._lock:
            is_held.set()
            is_over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(30)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        writer.end(1, key(2), b"e")
        os._exit(0 if writer.written == {1: 1} and writer.handovers == 0 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    is_over.set()
    thread.join()
    writer.close()


def test_a_closed_writer_stays_closed_in_a_child(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.close()
    pid = os.fork()
    if pid == 0:
        writer.end(1, key(2), b"e")
        os._exit(0 if writer.dropped == {1: 1} else 1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_signal_in_the_middle_of_a_write_may_write(tmp_path: Path) -> None:
    """Thousands of interruptions: nothing is lost, none twice, no damage, no deadlock."""
    writer = SegmentWriter(tmp_path, HEADER, limits=Limits(segment_bytes=3000, roll_seconds=0.001))
    told: list[bytes] = []

    def interrupt(number: int, frame: object) -> None:
        name = key(1_000_000 + len(told))
        told.append(name)
        writer.start(3, name, b"s")
        writer.end(3, name, b"e")
        if len(told) < 4000:  # else a slow machine would do nothing but this
            signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        for number in range(4000):
            writer.start(1, key(number), b"s")
            writer.end(1, key(number), b"e")
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close(60)
    assert writer.dropped == {}
    folder = SpoolFolder(tmp_path)
    found = []
    for segment in collected(folder):
        assert segment.damaged_bytes == 0
        found += ends(segment.frames())
    assert told
    expected = [(1, key(n)) for n in range(4000)] + [(3, name) for name in told]
    assert counts(found) == Counter(expected)
    assert sum(writer.written.values()) == len(expected)


def test_only_one_thread_of_a_process_collects(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(1), b"e")
    writer.close()
    folder = SpoolFolder(tmp_path)
    first = collected(folder)
    next(first)
    with pytest.raises(SpoolBusy):
        next(folder.finished(lambda *_: b""))
    assert folder.enforce_bounds() == {}
    assert list(first) == []
    assert list(folder.finished(lambda *_: b"")) == []


def test_two_processes_that_look_at_once_do_not_take_each_other_for_a_writer(tmp_path: Path) -> None:
    with child("w.start(1, key(1), b's'); os.kill(os.getpid(), signal.SIGKILL)", tmp_path) as writer:
        writer.wait()
    source = """
        close = os.close
        def stop(descriptor):
            print("looks", flush=True)
            sys.stdin.readline()
            close(descriptor)
        os.close = stop
        SpoolFolder(folder).status()
    """
    with child(source, tmp_path, stdin=subprocess.PIPE) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looks\n"
        assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"sealed:s")]
        looking.kill()
