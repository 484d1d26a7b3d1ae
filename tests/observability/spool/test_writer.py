"""The writer never fails: what cannot be kept is counted, and it goes on when it can."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.support.spool import HEADER, child, collected, counts, ends, key, taken

from pellucid.observability.spool import BUNDLE, FrameKind, Limits, SegmentWriter, SpoolFolder
from pellucid.observability.spool import _journal as journal_module
from pellucid.observability.spool._sealing import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Disk:
    """Stands before ``os.write``, for what has the size of a frame or more."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.fault: int | None = None
        self.room: int | None = None
        self.wait: Callable[[], object] = lambda: None
        self._write = os.write
        patch.setattr("os.write", self._faulty)

    def _faulty(self, descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            return self._write(descriptor, data)
        self.wait()
        if self.fault is not None:
            raise OSError(self.fault, os.strerror(self.fault))
        if self.room is not None:
            if not self.room:
                raise OSError(errno.ENOSPC, "full")
            data = data[: self.room]
            self.room -= len(data)
        return self._write(descriptor, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    with monkeypatch.context() as patch:
        yield Disk(patch)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try a disk again at the next frame."""
    monkeypatch.setattr(journal_module, "_FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(journal_module, "_LOOK_SECONDS", 0.0)


def test_nothing_is_made_before_the_first_frame(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "spool", HEADER)
    assert not writer.roll()
    writer.sync()
    writer.close()
    writer.close()
    assert not (tmp_path / "spool").exists()


def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "a" / "spool", HEADER)
    writer.end(1, key(1), b"e")
    writer.sync()
    (path,) = (tmp_path / "a" / "spool" / "active").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    writer.close()


def test_what_is_open_moves_on_with_each_segment(tmp_path: Path) -> None:
    rolled = []
    writer = SegmentWriter(tmp_path, HEADER, limits=Limits(segment_bytes=1000), on_roll=lambda: rolled.append(1))
    writer.start(1, key(0), b"long")
    for number in range(1, 40):
        writer.end(2, key(number), b"x" * 100)
    writer.end(1, key(0), b"end")
    writer.close()
    segments = [list(segment.frames()) for segment in collected(SpoolFolder(tmp_path))]
    assert len(segments) == len(rolled) + 1
    assert len(segments) > 4
    for frames in segments:
        assert [frame.kind for frame in frames[:2]] == [FrameKind.HEADER, FrameKind.START]
    assert [frames[-1].kind for frames in segments] == [FrameKind.ROLLED] * len(rolled) + [FrameKind.CLOSED]
    found = counts(end for frames in segments for end in ends(frames))
    assert found == Counter([(1, key(0)), *((2, key(n)) for n in range(1, 40))])


def test_much_that_is_open_does_not_make_a_segment_of_each_frame(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER, limits=Limits(segment_bytes=1000))
    for number in range(200):
        writer.start(1, key(number), b"x" * 50)
    for number in range(200):
        writer.end(1, key(number), b"e")
    writer.close()
    assert len(list((tmp_path / "active").iterdir())) < 20
    assert len(taken(SpoolFolder(tmp_path))) == 200


def test_a_segment_rolls_with_time_only_if_something_ended(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER, limits=Limits(roll_seconds=0.0))
    for number in range(3):
        writer.start(1, key(number), b"s")
    assert len(list((tmp_path / "active").iterdir())) == 1
    assert not writer.roll()
    writer.end(1, key(0), b"e")
    writer.start(1, key(4), b"s")
    assert len(list((tmp_path / "active").iterdir())) == 2
    writer.close()


def test_what_is_open_at_the_end_is_sealed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"s")
    writer.close()
    assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"sealed:s")]


def test_a_header_that_is_no_json_is_kept_as_it_is(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, b"none")
    writer.end(1, key(1), b"e")
    writer.close()
    for segment in collected(SpoolFolder(tmp_path)):
        assert next(segment.frames()).payload == b"none"
        assert segment.header["history"] is True


def test_what_is_no_frame_is_counted(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(1), bytes(5_000_000))
    writer.start(1, key(1), bytes(5_000_000))
    writer.end(1000, key(1), b"")
    writer.close()
    writer.end(1, key(2), b"late")
    assert writer.dropped == {1: 2, 1000: 1}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
def test_a_disk_that_fails_is_counted_told_once_and_gone_on_with(tmp_path: Path, disk: Disk, fault: int) -> None:
    told: list[BaseException | None] = []
    writer = SegmentWriter(tmp_path, HEADER, on_fault=lambda _, error: told.append(error))
    writer.start(1, key(1), b"before")
    writer.end(2, key(2), b"before")
    disk.fault = fault
    for number in range(10, 20):
        writer.start(1, key(number), b"in between")
    for number in range(10, 15):
        writer.end(1, key(number), b"in between")
    assert writer.is_degraded
    disk.fault = None
    writer.end(1, key(1), b"after")
    writer.close()
    assert (writer.written, writer.dropped) == ({1: 1, 2: 1}, {1: 5})
    assert [error.errno for error in told if isinstance(error, OSError)] == [fault]
    found = taken(SpoolFolder(tmp_path))
    assert {(1, key(1), b"after"), (2, key(2), b"before")} <= set(found)
    # What was started meanwhile, and is open, was written when it could be.
    assert {end for end in found if end[2] == b"sealed:in between"} == {
        (1, key(number), b"sealed:in between") for number in range(15, 20)
    }


@pytest.mark.parametrize("has_room_again", [True, False])
@pytest.mark.parametrize("is_closed", [True, False])
def test_what_lost_its_end_is_counted_and_not_sealed(
    tmp_path: Path, disk: Disk, *, has_room_again: bool, is_closed: bool
) -> None:
    """Neither if there is no room until the process ends, nor if that is killed in the end, as workers are."""
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"run")
    writer.start(1, key(2), b"node")
    writer.end(1, key(3), b"load")
    disk.fault = errno.ENOSPC
    for number in (2, 1):
        writer.end(1, key(number), b"e")
    disk.fault = None if has_room_again else errno.ENOSPC
    if is_closed:
        writer.close()
    else:
        writer._journal.forget()
    disk.fault = None
    assert taken(SpoolFolder(tmp_path)) == [(1, key(3), b"load")]
    assert (writer.written, writer.dropped) == ({1: 1}, {1: 2})


@pytest.mark.usefixtures("at_once")
def test_a_bundle_that_lost_a_later_start_and_its_end_is_counted_and_not_sealed(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(BUNDLE | 1, key(1), b"\x01node")
    writer.start(BUNDLE | 1, key(2), b"\x01other")
    disk.fault = errno.ENOSPC
    writer.start(BUNDLE | 1, key(1), b"\x02node and load")
    writer.end(BUNDLE | 1, key(1), b"\x02whole")
    disk.fault = None
    writer.start(1, key(3), b"next")
    assert writer._journal._file is not None
    writer._journal._file.release()
    assert writer.dropped == {1: 2}
    assert taken(SpoolFolder(tmp_path)) == [(BUNDLE | 1, key(2), b"sealed:\x01other"), (1, key(3), b"sealed:next")]


def test_a_file_is_not_let_go_of_while_a_bundle_goes_on_in_it(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(BUNDLE | 1, key(1), b"\x01node")
    writer.start(1, key(2), b"other")
    disk.fault = errno.ENOSPC
    writer.start(BUNDLE | 1, key(1), b"\x02node and load")
    writer.end(1, key(2), b"e")
    assert writer._journal._file is not None
    writer._journal._file.release()
    disk.fault = None
    assert (BUNDLE | 1, key(1), b"sealed:\x01node") in taken(SpoolFolder(tmp_path))


@pytest.mark.usefixtures("at_once")
def test_what_is_open_beside_what_lost_its_end_goes_on(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"run")
    writer.start(1, key(2), b"node")
    disk.fault = errno.ENOSPC
    writer.end(1, key(2), b"e")
    disk.fault = None
    writer.start(1, key(4), b"next")
    assert [len(examine(path).open) for path in sorted((tmp_path / "active").iterdir())] == [2, 2]
    assert writer._journal._file is not None
    writer._journal._file.release()
    assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"sealed:run"), (1, key(4), b"sealed:next")]
    assert writer.dropped == {1: 1}


def test_what_ends_with_more_than_fits_is_counted_and_not_sealed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"run")
    writer.start(1, key(2), b"node")
    writer.end(1, key(2), bytes(5_000_000))
    writer.close()
    assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"sealed:run")]


@pytest.mark.usefixtures("at_once")
def test_a_disk_that_is_full_at_any_byte_leaves_no_damage(tmp_path: Path, disk: Disk) -> None:
    for room in range(0, 400, 7):
        folder = SpoolFolder(tmp_path / str(room))
        disk.room = room
        writer = SegmentWriter(folder.path, HEADER)
        for number in range(6):
            writer.start(1, key(number), b"s" * 10)
            writer.end(1, key(number), b"e" * 10)
        disk.room = None
        writer.end(1, key(100), b"after")
        writer.close()
        assert writer.written[1] + writer.dropped.get(1, 0) == 7
        found = []
        for segment in collected(folder):
            assert segment.damaged_bytes == 0
            found += [end for end in ends(segment.frames()) if not end[2].startswith(b"sealed")]
        assert len(found) == writer.written[1]


def test_a_disk_that_failed_is_left_alone_for_a_while(tmp_path: Path, disk: Disk) -> None:
    tries: list[int] = []
    disk.fault, disk.wait = errno.ENOSPC, lambda: tries.append(1)
    writer = SegmentWriter(tmp_path, HEADER)
    begun = time.monotonic()
    for number in range(1000):
        writer.end(1, key(number), b"e")
    assert len(tries) <= 2 + (time.monotonic() - begun) / 0.1
    assert writer.dropped == {1: 1000}
    writer.close()


def test_what_was_started_on_a_full_disk_is_written_at_the_close(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    disk.fault = errno.ENOSPC
    writer.start(1, key(1), b"s")
    disk.fault = None
    writer.close()
    assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"sealed:s")]


@pytest.mark.usefixtures("at_once")
def test_a_roll_that_fails_keeps_the_segment(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"s")
    writer.end(1, key(2), b"e")
    disk.fault = errno.ENOSPC
    assert not writer.roll()
    assert taken(SpoolFolder(tmp_path)) == []
    disk.fault = None
    writer.end(1, key(1), b"e")
    writer.close()
    assert counts(taken(SpoolFolder(tmp_path))) == Counter([(1, key(1)), (1, key(2))])


@pytest.mark.usefixtures("at_once")
def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    writer = SegmentWriter(tmp_path / "spool", HEADER)
    writer.end(1, key(1), b"e")
    assert writer.is_degraded
    (tmp_path / "spool").unlink()
    writer.end(1, key(2), b"e")
    writer.close()
    assert (writer.written, writer.dropped) == ({1: 1}, {1: 1})
    assert taken(SpoolFolder(tmp_path / "spool")) == [(1, key(2), b"e")]


@pytest.mark.usefixtures("at_once")
def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    told: list[str] = []
    writer = SegmentWriter(tmp_path / "spool", HEADER, on_fault=lambda text, _: told.append(text))
    writer.start(1, key(1), b"open")
    writer.end(1, key(2), b"gone")
    shutil.rmtree(tmp_path / "spool")
    writer.end(1, key(3), b"e")
    assert len(told) == 1
    shutil.rmtree(tmp_path / "spool")
    writer.close()
    assert (writer.written, writer.dropped) == ({1: 0}, {1: 2})


@pytest.mark.usefixtures("at_once")
def test_the_limit_of_all_files_holds_while_nobody_collects(tmp_path: Path) -> None:
    told: list[str] = []
    limits = Limits(segment_bytes=20_000, total_bytes=100_000)
    writers = [
        SegmentWriter(tmp_path, HEADER, limits=limits, on_fault=lambda text, _: told.append(text)) for _ in range(2)
    ]
    for number in range(1000):
        for writer in writers:
            writer.end(1, key(number), b"x" * 200)
    folder = SpoolFolder(tmp_path, limits)
    assert 90_000 < folder.status().total_bytes <= 100_000 + 1000
    assert told == ["The spool is full"] * 2
    for writer in writers:
        assert writer.written[1] + writer.dropped[1] == 1000
    # What is kept is whole, and once it was collected there is room again.
    before = sum(writer.written[1] for writer in writers)
    for writer in writers:
        writer.roll()
    assert len(taken(folder)) == before
    writers[0].end(1, key(2000), b"e")
    assert not writers[0].is_degraded
    for writer in writers:
        writer.close()
    assert len(taken(folder)) == 1


def test_what_began_before_the_limit_was_reached_ends_beyond_it(tmp_path: Path) -> None:
    limits = Limits(segment_bytes=200_000, total_bytes=100_000)
    writer = SegmentWriter(tmp_path, HEADER, limits=limits)
    writer.keep([(2, 1, key(1), b"run"), (2, 2, key(1), b"event")])
    for number in range(2, 1000):
        writer.keep([(2, 1, key(number), b"s" * 100), (2, 2, key(number), b"e")])
        writer.keep([(3, 1, key(number), b"x" * 200), (3, 2, key(number), b"y" * 100)])
    assert writer.is_degraded
    writer.keep([(3, 1, key(1), b"run ended"), (3, 2, key(1), b"event ended")])
    writer.close()
    found = taken(SpoolFolder(tmp_path, limits))
    assert {(1, key(1), b"run ended"), (2, key(1), b"event ended")} <= set(found)
    assert not any(payload.startswith(b"sealed") for *_, payload in found)
    assert len(found) == sum(writer.written.values()) < 2 * 999
    assert writer.written[1] + writer.dropped[1] == 999


@pytest.mark.processes
def test_a_limit_on_the_size_of_files_makes_smaller_ones(tmp_path: Path) -> None:
    source = """
        import resource
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        w = SegmentWriter(folder, b'{"v":1}')
        w.start(1, key(5000), b"open")
        for n in range(100):
            w.end(1, key(n), b"x" * 100)
        w.close(60)
        print(w.written, w.dropped, w.is_degraded)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    """
    with child(source, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.read() == "{1: 100} {} False\n"
    assert counts(taken(SpoolFolder(tmp_path))) == Counter((1, key(n)) for n in [*range(100), 5000])


def test_while_the_disk_is_slow_a_thread_writes_in_order(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(0), b"e")
    gate = threading.Event()
    is_first = [True]

    def wait() -> None:
        if is_first.pop() if is_first else False:
            threading.Event().wait(0.2)
        elif threading.current_thread() is not threading.main_thread():
            gate.wait(30)

    disk.wait = wait
    for number in range(1, 100):
        writer.end(1, key(number), b"e")
    assert writer.handovers == 1
    assert writer.slow_writes >= 1
    assert sum(writer.written.values()) < 99
    gate.set()
    while writer._is_handed_over:
        writer.end(1, key(0), b"calming")
        writer.sync()
    last = len(writer.written) and writer.written[1]
    writer.end(1, key(1), b"direct")
    assert writer.written[1] > last
    writer.close()
    assert writer.dropped == {}
    found = [int.from_bytes(name, "big") for _, name, payload in taken(SpoolFolder(tmp_path)) if payload == b"e"]
    assert found == list(range(100))


def test_a_disk_that_is_stuck_holds_up_nobody_for_long(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(0), b"e")
    gate, is_in = threading.Event(), threading.Event()

    def wait() -> None:
        is_in.set()
        gate.wait(60)

    disk.wait = wait
    stuck = threading.Thread(target=writer.end, args=(1, key(1), b"stuck"), daemon=True)
    stuck.start()
    is_in.wait(30)
    begun = time.monotonic()
    for number in range(2, 50):
        writer.end(1, key(number), b"e")
    assert not writer.roll()
    writer.sync()
    writer.close(0.2)
    assert time.monotonic() - begun < 20
    assert writer.written == {1: 1}
    assert writer.dropped == {1: 48}
    gate.set()
    stuck.join(30)


def test_a_close_gives_a_thread_that_is_stuck_up(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(0), b"e")
    gate, is_in = threading.Event(), threading.Event()

    def wait() -> None:
        if threading.current_thread() is not threading.main_thread():
            is_in.set()
            gate.wait(60)

    disk.wait = wait
    with writer._lock:
        writer._hand_over()
    for number in range(1, 20):
        writer.end(1, key(number), b"e")
    is_in.wait(30)
    writer.close(0.2)
    assert (writer.written, writer.dropped) == ({1: 1}, {1: 19})
    thread = writer._thread
    assert thread is not None
    gate.set()
    thread.join(30)
    assert not thread.is_alive()
    assert (writer.written, writer.dropped) == ({1: 1}, {1: 19})


def test_a_close_that_waits_drops_what_is_too_late(tmp_path: Path, disk: Disk) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    with writer._lock:
        writer._hand_over()
        for number in range(10):
            writer.end(1, key(number), b"e")
        writer._give_up_at = 0.0
    writer.close()
    assert sum(writer.written.values()) + sum(writer.dropped.values()) == 10


def test_what_waits_for_the_disk_has_a_bound(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.observability.spool._writer._MOST_WAITING", 5)
    writer = SegmentWriter(tmp_path, HEADER)
    gate, is_in = threading.Event(), threading.Event()

    def wait() -> None:
        is_in.set()
        gate.wait(60)

    disk.wait = wait
    with writer._lock:
        writer._hand_over()
    writer.end(1, key(0), b"e")
    is_in.wait(30)
    begun = time.monotonic()
    for number in range(1, 100):
        writer.end(1, key(number), b"e")
    assert time.monotonic() - begun < 5
    gate.set()
    writer.close(30)
    assert (writer.written, writer.dropped) == ({1: 6}, {1: 94})


def test_a_burst_while_a_thread_writes_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who brings more than can wait writes it himself."""
    monkeypatch.setattr("pellucid.observability.spool._writer._MOST_WAITING", 50)
    writer = SegmentWriter(tmp_path, HEADER)
    for number in range(5000):
        if number % 1000 == 0:
            with writer._lock:
                writer._hand_over()
        writer.end(1, key(number), b"e")
    writer.close(30)
    assert (writer.written, writer.dropped) == ({1: 5000}, {})
    found = taken(SpoolFolder(tmp_path))
    assert [int.from_bytes(name, "big") for _, name, _ in found] == list(range(5000))


def test_without_a_thread_the_caller_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError

    monkeypatch.setattr(threading.Thread, "start", refuse)
    writer = SegmentWriter(tmp_path, HEADER)
    with writer._lock:
        writer._hand_over()
    writer.end(1, key(1), b"e")
    writer.close()
    assert writer.written == {1: 1}


@pytest.mark.processes
def test_a_signal_in_the_middle_of_a_change_may_write_and_close(tmp_path: Path, disk: Disk) -> None:
    """While a segment is made, what a signal brings waits for whoever was interrupted."""
    writer = SegmentWriter(tmp_path, HEADER)

    def interrupt(number: int, frame: object) -> None:
        writer.end(3, key(3), b"in between")
        assert not writer.roll()
        writer.sync()
        writer.close()
        writer.end(3, key(4), b"late")

    def wait() -> None:
        disk.wait = lambda: None
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    disk.wait = wait
    try:
        writer.start(1, key(1), b"s")
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (writer.written, writer.dropped) == ({3: 1}, {3: 1})
    assert counts(taken(SpoolFolder(tmp_path))) == Counter([(1, key(1)), (3, key(3))])


@pytest.mark.processes
def test_a_signal_between_a_part_of_a_frame_and_its_rest(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part is damage; both frames are whole."""
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(0), b"e")
    real = disk._write
    parts = [True]

    def part(descriptor: int, data: bytes) -> int:
        if not parts:
            return real(descriptor, data)
        parts.clear()
        count = real(descriptor, data[:20])
        writer.end(3, key(3), b"in between")
        return count

    monkeypatch.setattr(disk, "_write", part)
    writer.end(1, key(1), b"interrupted")
    writer.close()
    (segment,) = SpoolFolder(tmp_path).finished(lambda *_: b"")
    assert segment.damaged_bytes == 20
    assert counts(ends(segment.frames())) == Counter([(1, key(0)), (1, key(1)), (3, key(3))])


class Cut(BaseException):
    """What a signal's handler raises."""


@pytest.mark.parametrize("is_written", [True, False])
@pytest.mark.parametrize("after", ["end", "start", "roll", "close"])
def test_a_write_that_a_signal_cuts_off_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str, *, is_written: bool
) -> None:
    """Whether the exception came before the write or behind it; nothing is lost, none twice, and nothing stays open."""
    writer = SegmentWriter(tmp_path / "spool", HEADER, limits=Limits(roll_seconds=3600))
    writer.start(1, key(1), b"s")
    write = os.write

    def cut(descriptor: int, data: bytes) -> int:
        if is_written:
            write(descriptor, data)
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr("os.write", cut)
        with pytest.raises(Cut):
            writer.keep([(3, 1, key(1), b"e"), (3, 2, key(1), b"m"), (2, 1, key(2), b"next")])
    if after == "end":
        writer.end(1, key(3), b"other")
    elif after == "start":
        writer.start(1, key(3), b"other")
        writer.end(1, key(3), b"other")
    elif after == "roll":
        assert writer.roll()
    writer.end(1, key(2), b"next ended")
    writer.close()
    assert writer.written == {1: 2 if after in ("roll", "close") else 3, 2: 1}
    assert not writer.dropped
    found = Counter(taken(SpoolFolder(tmp_path / "spool")))
    assert set(found.values()) == {1}
    assert {b"e", b"m", b"next ended"} <= {payload for *_, payload in found}
    assert not any(b"sealed" in payload for *_, payload in found)


def test_what_is_kept_together_is_one_write(tmp_path: Path, disk: Disk) -> None:
    sizes: list[int] = []
    disk.wait = lambda: sizes.append(1)
    writer = SegmentWriter(tmp_path / "spool", HEADER)
    writer.start(1, key(1), b"s")
    before = len(sizes)
    writer.keep([(2, 1, key(2), b"inner"), (3, 1, key(2), b"inner ended"), (3, 1, key(1), b"ended")])
    assert len(sizes) == before + 1
    writer.keep([(3, 1, key(3), b"x" * 5_000_000), (3, 1, key(4), b"small")])
    writer.close()
    assert (writer.written, writer.dropped) == ({1: 3}, {1: 1})


def test_what_is_told_may_fail(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    (tmp_path / "file").write_text("")
    writer = SegmentWriter(tmp_path / "file", HEADER, on_fault=fail, on_roll=fail)
    writer.end(1, key(1), b"e")
    writer.close()
    writer = SegmentWriter(tmp_path, HEADER, on_fault=fail, on_roll=fail)
    writer.end(1, key(1), b"e")
    assert writer.roll()
    writer.close()
    silent = SegmentWriter(tmp_path / "file", HEADER)
    silent.end(1, key(1), b"e")
    silent.close()
