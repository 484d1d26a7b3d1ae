"""When a process was last heard of, and what is going on in those that live."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.support.spool import HEADER, child, ends, key

from pellucid.observability.spool import FrameKind, Pulse, SegmentWriter, SpoolFolder
from pellucid.observability.spool._frames import encode
from pellucid.observability.spool._liveness import give_sign, sign_of
from pellucid.observability.spool._sealing import examine
from pellucid.observability.spool._signs import LastSigns

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
NOW = 1_763_800_000 * SECOND


def left(root: Path, process: int, *times: int, session: bytes = b'"s"', last: bytes = b"", sequence: int = 0) -> Path:
    """Make a segment such as a killed process leaves: with one START at each time."""
    path = root / "active" / f"{process:020d}-999999-0123456789ab-{sequence:08d}.seg"
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [encode(FrameKind.HEADER, 1, b"pellucid", times[0], b'{"v":1,"session_id":' + session + b"}")]
    frames += [encode(FrameKind.START, 1, key(process * 100 + n), at, b"s") for n, at in enumerate(times)]
    path.write_bytes(b"".join(frames) + last)
    return path


def sealed(root: Path) -> dict[int, set[int]]:
    """Return the times at which what each process left open has ended."""
    found: dict[int, set[int]] = {}

    def note(stream: int, payload: bytes, time_ns: int) -> bytes:
        return str(time_ns).encode()

    for segment in SpoolFolder(root).finished(note):
        for _, name, text in ends(segment.frames()):
            found.setdefault(int.from_bytes(name, "big") // 100, set()).add(int(text))
        segment.remove()
    return found


def test_the_processes_of_a_session_that_was_killed_ended_together(tmp_path: Path) -> None:
    left(tmp_path, 1, 10, 20)
    left(tmp_path, 2, 30, 500)
    left(tmp_path, 3, 40)
    left(tmp_path, 4, 900, session=b'"another"')
    left(tmp_path, 5, 50, session=b"7")
    left(tmp_path, 6, 60, session=b'""')
    assert sealed(tmp_path) == {1: {500}, 2: {500}, 3: {500}, 4: {900}, 5: {50}, 6: {60}}


def test_a_lost_worker_did_not_live_as_long_as_the_others_that_ended_in_order(tmp_path: Path) -> None:
    left(tmp_path, 1, 20, last=encode(FrameKind.CLOSED, 0, b"pellucid", 800, b""))
    left(tmp_path, 2, 100)
    assert sealed(tmp_path) == {2: {100}}


@pytest.mark.processes
def test_a_worker_that_is_lost_while_its_session_lives_ended_at_its_own_last_sign(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER, now_ns=lambda: NOW)
    writer.start(1, key(100), b"s")
    left(tmp_path, 2, 70)
    assert sealed(tmp_path) == {2: {70}}
    writer.close()


def test_a_segment_that_is_gone_on_the_way_says_nothing(tmp_path: Path) -> None:
    first, second = left(tmp_path, 1, 10), left(tmp_path, 2, 20)
    signs = LastSigns(tmp_path, [first, second, first.with_name("gone.seg")])
    assert signs.of(first, examine(first)) == 20
    signs = LastSigns(tmp_path, [first, second])
    assert signs._session(second) == "s"
    second.unlink()
    assert signs.of(first, examine(first)) == 10


def test_a_sign_after_the_last_frame_is_when_it_ended(tmp_path: Path) -> None:
    path = left(tmp_path, 1, NOW)
    give_sign(path, NOW + 60 * SECOND)
    (ended,) = sealed(tmp_path)[1]
    assert NOW + 58 * SECOND < ended <= NOW + 60 * SECOND


def test_a_time_of_a_file_that_is_no_sign_says_nothing(tmp_path: Path) -> None:
    """The clock of the system may have jumped, or somebody copied the folder."""
    path = left(tmp_path, 1, NOW)
    os.utime(path, ns=(NOW + 900 * SECOND, NOW + 900 * SECOND))
    assert sealed(tmp_path) == {1: {NOW}}


def test_what_is_written_after_a_sign_takes_its_place(tmp_path: Path) -> None:
    path = left(tmp_path, 1, NOW)
    give_sign(path, NOW + 900 * SECOND)
    assert sign_of(path.stat())
    with path.open("ab") as file:
        file.write(encode(FrameKind.END, 1, key(7), NOW + SECOND, b"0"))
    assert not sign_of(path.stat())
    assert sealed(tmp_path)[1] == {NOW + SECOND}


@pytest.mark.processes
def test_a_pulse_is_that_of_the_living_processes_of_a_session(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(1, key(1), b"s")
    dead = left(tmp_path, 1, NOW)
    code = "w.start(1, key(2), b's'); print(os.getpid(), flush=True); sys.stdin.readline()"
    other = code.replace("w.start", 'w = SegmentWriter(folder, b\'{"session_id":"other"}\'); w.start')
    with (
        child(code, tmp_path, stdin=subprocess.PIPE) as ours,
        child(other, tmp_path, stdin=subprocess.PIPE) as theirs,
    ):
        for each in (ours, theirs):
            assert each.stdout is not None
            each.stdout.readline()
        pulse = Pulse(tmp_path, "s")
        for now_ns in (NOW, NOW + 5 * SECOND):
            pulse.beat(now_ns)
        pids = {path.name.split("-")[1] for path in (tmp_path / "active").iterdir() if sign_of(path.stat())}
        assert pids == {str(os.getpid()), str(ours.pid)}
        assert not sign_of(dead.stat())
        # Looking at them cost nobody the lock.
        assert SpoolFolder(tmp_path).status().live_pids == tuple(sorted((os.getpid(), ours.pid, theirs.pid)))
        ours.send_signal(signal.SIGKILL)
        theirs.send_signal(signal.SIGKILL)
    writer.close()


@pytest.mark.processes
def test_what_is_open_in_other_living_processes_is_told(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, HEADER)
    writer.start(2, key(1), b"mine")
    left(tmp_path, 1, NOW)
    source = """
        w.start(2, key(2), b"ended"); w.start(2, key(3), b"open"); w.start(1, key(4), b"of another stream")
        w.end(2, key(2), b"")
        w.roll()
        print("ready", flush=True)
        sys.stdin.readline()
    """
    folder = SpoolFolder(tmp_path)
    with child(source, tmp_path, stdin=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert folder.open_elsewhere(2) == [b"open"]
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert folder.open_elsewhere(2) == []
    writer.close()
