"""What dead processes left is collected once, delivered once, and bounded."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.spool import HEADER, collected, counts, ends, key, seal, taken

from pellucid.observability import spool
from pellucid.observability.spool import FrameKind, Limits, OutboxQueue, SegmentWriter, SpoolBusy, SpoolFolder
from pellucid.observability.spool._frames import encode

if TYPE_CHECKING:
    from pathlib import Path

_DAY_NS = 86_400_000_000_000


def _abandoned(root: Path, *frames: bytes, sequence: int = 0, process: int = 1) -> Path:
    """Make a segment such as a killed process leaves."""
    path = root / "active" / f"{process:020d}-999999-0123456789ab-{sequence:08d}.seg"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = encode(FrameKind.HEADER, 1, b"pellucid", 5, HEADER)
    path.write_bytes(b"".join([header, *frames]))
    return path


def _start(number: int, payload: bytes = b"s") -> bytes:
    return encode(FrameKind.START, 1, key(number), 6, payload)


def _end(number: int, stream: int = 1, payload: bytes = b"e") -> bytes:
    return encode(FrameKind.END, stream, key(number), 7, payload)


def test_the_exports_are_what_others_use() -> None:
    assert sorted(spool.__all__) == [
        "BUNDLE",
        "Frame",
        "FrameKind",
        "Kept",
        "Limits",
        "Losses",
        "OutboxQueue",
        "Pulse",
        "Segment",
        "SegmentWriter",
        "SpoolBusy",
        "SpoolFolder",
        "SpoolStatus",
        "counted_in",
    ]


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path / "none")
    assert taken(folder) == []
    assert list(folder.outbox("traces")) == []
    assert folder.enforce_bounds() == {}
    status = folder.status()
    assert (status.live_pids, status.total_bytes, dict(status.outbox)) == ((), 0, {})
    assert not folder.path.exists()


def test_what_was_left_open_is_sealed_with_the_time_of_the_last_frame(tmp_path: Path) -> None:
    _abandoned(tmp_path, _start(1), _start(2), _end(2))
    asked = []

    def note(stream: int, payload: bytes, time_ns: int) -> bytes:
        asked.append((stream, payload, time_ns))
        return b"lost"

    (segment,) = SpoolFolder(tmp_path).finished(note)
    assert asked == [(1, b"s", 7)]
    assert ends(segment.frames()) == [(1, key(2), b"e"), (1, key(1), b"lost")]
    # It was not removed, so it comes again; it is not sealed again.
    assert len(list(SpoolFolder(tmp_path).finished(note))) == 1
    assert len(asked) == 1


def test_an_end_before_its_start_ended_it(tmp_path: Path) -> None:
    _abandoned(tmp_path, _end(1), _start(1))
    assert taken(SpoolFolder(tmp_path)) == [(1, key(1), b"e")]


def test_a_sealing_that_was_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    path = _abandoned(tmp_path / "0", _start(1), _start(2))
    before = path.stat().st_size
    list(SpoolFolder(tmp_path / "0").finished(seal))
    sealed = path.read_bytes()
    for size in range(before, len(sealed)):
        root = tmp_path / str(size)
        _abandoned(root).write_bytes(sealed[:size])
        (segment,) = SpoolFolder(root).finished(seal)
        assert segment.damaged_bytes == 0
        assert counts(ends(segment.frames())) == {(1, key(1)): 1, (1, key(2)): 1}


def test_a_seal_that_fails_keeps_what_is_known(tmp_path: Path) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError

    _abandoned(tmp_path, _start(1))
    (segment,) = SpoolFolder(tmp_path).finished(fail)
    assert ends(segment.frames()) == [(1, key(1), b"s")]


def test_a_process_killed_between_two_segments_is_sealed_once(tmp_path: Path) -> None:
    """The old one is not yet said to be rolled over; even if it is not removed, it is never sealed."""
    old = _abandoned(tmp_path, _start(1), sequence=0)
    new = _abandoned(tmp_path, _start(1), sequence=1)
    found = []
    for segment in SpoolFolder(tmp_path).finished(seal):
        found += ends(segment.frames())
        if segment.path == new:
            segment.remove()
    assert found == [(1, key(1), b"sealed:s")]
    assert taken(SpoolFolder(tmp_path)) == []
    assert not old.exists()


def test_segments_come_by_process_and_in_order(tmp_path: Path) -> None:
    for process, sequence in [(2, 10), (1, 2), (2, 9), (1, 1)]:
        _abandoned(tmp_path, _end(process * 100 + sequence), process=process, sequence=sequence)
    assert [int.from_bytes(name, "big") for _, name, _ in taken(SpoolFolder(tmp_path))] == [101, 102, 209, 210]


def test_a_disk_that_cannot_seal_leaves_it_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _abandoned(tmp_path, _start(1), sequence=0)
    _abandoned(tmp_path, _start(1), sequence=1)
    _abandoned(tmp_path, encode(FrameKind.CLOSED, 0, b"", 8, b""), process=2)
    folder = SpoolFolder(tmp_path)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        # What needs nothing written is collected on a full disk, and so makes room.
        assert len(list(collected(folder))) == 1
    assert folder.skipped == 1
    assert taken(folder) == [(1, key(1), b"sealed:s")]
    assert folder.skipped == 0


def test_what_is_damaged_is_read_and_then_set_aside(tmp_path: Path) -> None:
    path = _abandoned(tmp_path, _end(1), b"garbage", _end(2))
    folder = SpoolFolder(tmp_path)
    (segment,) = collected(folder)
    assert segment.damaged_bytes == 7
    assert not path.exists()
    aside = tmp_path / "quarantine" / path.name
    assert counts(ends(spool.Segment(tmp_path, aside).frames())) == {(1, key(1)): 1, (1, key(2)): 1}
    assert "7 bytes" in aside.with_name(aside.name + ".txt").read_text()
    assert folder.status().quarantine.segments == 1


@pytest.mark.parametrize("begin", [b"\x00" * 90, encode(FrameKind.HEADER, 2, b"pellucid", 1, b"{}")])
def test_without_a_header_frames_are_kept_here(tmp_path: Path, begin: bytes) -> None:
    path = _abandoned(tmp_path)
    path.write_bytes(begin + _end(1))
    (segment,) = SpoolFolder(tmp_path).finished(seal)
    assert (segment.header["pid"], segment.header["history"], segment.header["traces"]) == (999999, True, False)
    assert ends(segment.frames()) == [(1, key(1), b"e")]


@pytest.mark.parametrize("payload", [b"[]", b"{", b"[" * 100_000])
def test_a_header_that_says_nothing(tmp_path: Path, payload: bytes) -> None:
    _abandoned(tmp_path).write_bytes(encode(FrameKind.HEADER, 1, b"pellucid", 1, payload))
    (segment,) = SpoolFolder(tmp_path).finished(seal)
    assert segment.header["history"] is True


def test_what_is_no_segment_at_all_is_out_of_the_way(tmp_path: Path) -> None:
    path = _abandoned(tmp_path)
    path.write_bytes(b"nothing of it")
    path.with_name("empty.seg").touch()
    path.with_name("folder.seg").mkdir()
    folder = SpoolFolder(tmp_path)
    assert taken(folder) == []
    assert folder.skipped == 1
    assert folder.status().finished.segments == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["folder.seg"]
    assert (tmp_path / "quarantine" / path.name).exists()


def test_an_outbox_shows_what_was_collected_to_the_end_oldest_first(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path)
    for number in (2, 1):
        _abandoned(tmp_path, _end(number), process=number)
    for segment in folder.finished(seal):
        segment.link_to(folder.outbox("traces"))
        segment.link_to("traces")
        assert list(folder.outbox("traces")) == []
    for segment in collected(folder):
        segment.link_to("traces")
        segment.link_to("logs")
    queue = folder.outbox("traces")
    items = list(queue)
    assert [ends(item.frames()) for item in items] == [[(1, key(1), b"e")], [(1, key(2), b"e")]]
    assert items[0].header["session_id"] == "s"
    assert items[0].damaged_bytes == 0
    assert queue.kept().segments == 2
    assert folder.status().total_bytes == queue.kept().size_bytes
    queue.remove(items[0])
    queue.quarantine(items[1], "refused:\n\ud800")
    assert (queue.kept().segments, folder.outbox("logs").kept().segments) == (0, 2)
    assert [path.name.count(".traces.seg") for path in (tmp_path / "quarantine").iterdir()] == [1, 1]
    folder.quarantine(next(iter(folder.outbox("logs"))), "no")
    assert folder.status().quarantine.segments == 2


def test_one_at_a_time_delivers(tmp_path: Path) -> None:
    _abandoned(tmp_path, _end(1))
    folder = SpoolFolder(tmp_path, Limits(total_bytes=10))
    for segment in collected(folder):
        segment.link_to("traces")
    first = folder.outbox("traces").items()
    next(first)
    begun = time.monotonic()
    with pytest.raises(SpoolBusy):
        next(OutboxQueue(tmp_path, "traces").items(0.05))
    assert time.monotonic() - begun >= 0.05
    # What is being delivered stays, whatever the bounds.
    assert folder.enforce_bounds() == {}
    assert list(first) == []
    assert folder.enforce_bounds() == {1: 1}
    assert folder.uncollected == {}


def test_without_links_there_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("os.link", refuse)
    _abandoned(tmp_path, _end(1))
    folder = SpoolFolder(tmp_path)
    for segment in collected(folder):
        segment.link_to("traces")
    assert [ends(item.frames()) for item in folder.outbox("traces")] == [[(1, key(1), b"e")]]


def test_the_oldest_goes_first_and_is_counted(tmp_path: Path) -> None:
    paths = [
        _abandoned(tmp_path, _start(1), _end(1), _start(2), _end(3, 3), _end(4, 3, b"x" * 1000), process=number)
        for number in range(1, 9)
    ]
    folder = SpoolFolder(tmp_path, Limits(total_bytes=5000))
    for segment in collected(folder):
        if segment.path in paths[:6]:
            segment.link_to("traces")
        if segment.path in paths[:4]:
            segment.link_to("logs")
    for path in paths[6:]:
        _abandoned(tmp_path, _start(1), _end(1), _start(2), _end(3, 2, b"x" * 1000), process=int(path.name[:20]))
    assert folder.status().total_bytes > 5000
    dropped = folder.enforce_bounds()
    assert folder.status().total_bytes <= 5000 - 5000 // 8
    # The four oldest were in both outboxes, and the fifth in one.
    gone = 6 - folder.outbox("traces").kept().segments
    assert dropped == {1: 2 * gone, 3: 2 * min(gone, 4)}
    assert folder.enforce_bounds() == {}


def test_what_nobody_collected_is_dropped_with_what_it_left_open(tmp_path: Path) -> None:
    _abandoned(tmp_path, _start(1), _end(1), _start(2), sequence=0)
    _abandoned(tmp_path, _start(2), _end(3, 2), sequence=1)
    folder = SpoolFolder(tmp_path, Limits(total_bytes=1))
    for segment in folder.finished(lambda *_: b""):
        segment.link_to("traces")
        break
    with (tmp_path / "active" / "none.seg").open("wb") as file:
        file.write(b"garbage")
    assert folder.enforce_bounds() == {1: 2, 2: 1}
    assert folder.uncollected == {1: 2, 2: 1}
    assert folder.status().total_bytes == 0


def test_what_is_alive_stays(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.end(1, key(1), b"e")
    folder = SpoolFolder(tmp_path, Limits(total_bytes=1, age_days=0))
    assert folder.enforce_bounds() == {}
    assert folder.status().live_pids == (os.getpid(),)
    writer.close()
    assert folder.enforce_bounds() == {1: 1}


def test_what_is_old_goes(tmp_path: Path) -> None:
    now = time.time_ns()
    old = _abandoned(tmp_path, _end(1), process=1)
    _abandoned(tmp_path, _end(1), process=2)
    os.utime(old, ns=(now, now - 8 * _DAY_NS))
    folder = SpoolFolder(tmp_path)
    assert folder.enforce_bounds() == {1: 1}
    assert len(taken(folder)) == 1


def test_what_was_set_aside_goes_before_all_else_uncounted(tmp_path: Path) -> None:
    folder = SpoolFolder(tmp_path, Limits(total_bytes=1000))
    _abandoned(tmp_path, _end(1), b"garbage" * 130, process=1)
    list(collected(folder))
    _abandoned(tmp_path, _end(1), process=2)
    assert folder.enforce_bounds() == {}
    assert list((tmp_path / "quarantine").iterdir()) == []
    assert len(taken(folder)) == 1


def test_what_was_never_begun_is_swept(tmp_path: Path) -> None:
    path = _abandoned(tmp_path)
    young = path.with_suffix(".new")
    old = path.with_name("other.new")
    copy = tmp_path / "outbox" / "traces" / "a.seg.tmp"
    copy.parent.mkdir(parents=True)
    for made in (young, old, copy):
        made.touch()
    for made in (old, copy):
        os.utime(made, (1, 1))
    list(SpoolFolder(tmp_path).finished(seal))
    assert (young.exists(), old.exists(), copy.exists()) == (True, False, False)


@pytest.mark.parametrize("fault", [errno.ENOLCK, errno.EIO])
def test_without_locks_the_process_id_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int) -> None:
    """And with a lock that fails otherwise nothing is touched."""
    alive = _abandoned(tmp_path, _start(1))
    alive = alive.rename(alive.with_name(alive.name.replace("-999999-", f"-{os.getppid()}-")))
    init = _abandoned(tmp_path, _start(1), process=2)
    init.rename(init.with_name(init.name.replace("-999999-", "-1-")))
    _abandoned(tmp_path, _end(2), process=3).rename(
        tmp_path / "active" / f"{3:020d}-{(1 << 22) + 5}-0123456789ab-00000000.seg"
    )

    def fail(descriptor: int, kind: int) -> None:
        raise OSError(fault, "no locks")

    folder = SpoolFolder(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.lockf", fail)
        if fault == errno.EIO:
            with pytest.raises(OSError, match="no locks"):
                taken(folder)
        else:
            writer = SegmentWriter(tmp_path, HEADER)
            writer.end(1, key(1), b"e")
            assert taken(folder) == [(1, key(2), b"e")]
            writer.close()
            assert writer.written == {1: 1}
    assert alive.exists()
