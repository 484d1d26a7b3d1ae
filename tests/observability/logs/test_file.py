"""The rotating file: whole lines from several processes, on disks that are full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.support.logs import lines_of

from pellucid.observability.logs import Entry, FileSink

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from pellucid.observability.logs import Entry, FileSink
path, name, rotates, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "1", int(sys.argv[4])
sink = FileSink(path, 20_000, 1000, rotates=rotates)
print("ready", flush=True)
sys.stdin.readline()
number = 0
while number < count or count < 0:
    sink.write(Entry({"event": "line", "who": name, "number": number, "fill": "x" * (number % 300)}, 20, 0, None))
    number += 1
assert sink.dropped == 0
"""


def entry(text: str = "hello") -> Entry:
    return Entry({"event": text}, 20, 0, None)


def all_lines(path: Path) -> list[bytes]:
    return [line for each in path.parent.glob("*.jsonl*") for line in each.read_bytes().splitlines()]


def test_lines_are_appended_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x.jsonl"
    for text in ("one", "two"):
        sink = FileSink(path, 1000, 1, rotates=True)
        sink.write(entry(text))
        sink.close(0)
        sink.write(entry("after the end"))
        assert sink.dropped == 1
    assert [each["event"] for each in lines_of(path)] == ["one", "two"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_file_is_rotated_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    sink = FileSink(path, 200, 2, rotates=True)
    for number in range(100):
        sink.write(entry(f"{number:04d}"))
    sink.close(0)
    assert sorted(each.name for each in tmp_path.glob("x.jsonl*")) == [
        "x.jsonl",
        "x.jsonl.1",
        "x.jsonl.2",
    ]
    kept = [each["event"] for name in ("x.jsonl.2", "x.jsonl.1", "x.jsonl") for each in lines_of(tmp_path / name)]
    assert kept == [f"{number:04d}" for number in range(100 - len(kept), 100)]
    assert (tmp_path / "x.jsonl.1").stat().st_size < 300


def test_without_older_files_it_begins_anew(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x.jsonl", 100, 0, rotates=True)
    for _ in range(50):
        sink.write(entry())
    sink.close(0)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.jsonl", "x.lock"]
    assert (tmp_path / "x.jsonl").stat().st_size < 200


def test_a_worker_does_not_rotate_and_follows_who_does(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    worker = FileSink(path, 64, 3, rotates=False)
    for _ in range(10):
        worker.write(entry("before"))
    assert not (tmp_path / "x.jsonl.1").exists()
    path.rename(tmp_path / "moved")
    for _ in range(10):
        worker.write(entry("after"))
    worker.close(0)
    assert {each["event"] for each in lines_of(path)} == {"after"}


def test_a_deleted_file_is_made_again(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x.jsonl", 64, 3, rotates=True)
    sink.write(entry("one"))
    (tmp_path / "x.jsonl").unlink()
    sink.write(entry("two"))
    sink.write(entry("three"))
    sink.close(0)
    assert lines_of(tmp_path / "x.jsonl")[-1] == {"event": "three"}


def test_a_full_disk_costs_lines_and_one_notice() -> None:
    from pathlib import Path

    sink = FileSink(Path("/dev/full"), 10**9, 0, rotates=False)
    for _ in range(5):
        sink.write(entry())
    assert sink.dropped == 5
    assert "cannot be written to /dev/full" in sink.take_notice()
    assert sink.take_notice() == ""
    sink.close(0)


@pytest.mark.processes
def test_a_line_that_was_cut_by_a_full_disk_is_not_continued(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from pellucid.observability.logs import Entry, FileSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sink = FileSink(Path(sys.argv[1]), 10**9, 0, rotates=False)
entry = lambda: Entry({"event": "x" * 20}, 20, 0, None)
sink.write(entry())
resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
sink.write(entry())
sink.write(entry())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.write(entry())
print(sink.dropped)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x"], check=True, capture_output=True, timeout=60)
    assert done.stdout == b"2\n"
    lines = (tmp_path / "x").read_bytes().splitlines()
    assert [len(line) for line in lines] == [32, 17, 32]
    assert json.loads(lines[2])


def test_a_folder_that_cannot_be_made_is_tried_again_later_not_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = FileSink(tmp_path / "file" / "x.jsonl", 100, 1, rotates=True)
    sink.write(entry())
    (tmp_path / "file").unlink()
    sink.write(entry())
    assert sink.dropped == 2
    assert "cannot be written" in sink.take_notice()
    sink._open_at = 0.0
    sink.write(entry())
    assert len(lines_of(tmp_path / "file" / "x.jsonl")) == 1
    sink.close(0)


def test_a_file_that_cannot_be_rotated_does_not_grow_for_ever(tmp_path: Path) -> None:
    (tmp_path / "x.lock").mkdir()
    sink = FileSink(tmp_path / "x.jsonl", 100, 2, rotates=True)
    sink._highest = 1000
    for _ in range(20):
        sink.write(entry())
    assert sink.dropped == 0
    for _ in range(200):
        sink.write(entry())
    assert 1000 <= (tmp_path / "x.jsonl").stat().st_size < 1100
    assert sink.dropped > 100
    assert "cannot be rotated" in sink.take_notice()
    (tmp_path / "x.lock").rmdir()
    sink.write(entry("again"))
    sink.close(0)
    assert lines_of(tmp_path / "x.jsonl") == [{"event": "again"}]


def test_a_named_pipe_without_a_reader_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    sink = FileSink(tmp_path / "x", 100, 1, rotates=True)
    sink.write(entry())
    assert sink.dropped == 1


def test_while_another_run_rotates_lines_go_on(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    code = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path.with_suffix(".lock"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        sink = FileSink(path, 50, 2, rotates=True)
        for _ in range(10):
            sink.write(entry())
        assert not (tmp_path / "x.jsonl.1").exists()
        other.communicate()
    sink.write(entry())
    sink.close(0)
    assert len(lines_of(tmp_path / "x.jsonl.1")) == 10
    assert len(lines_of(path)) == 1


@pytest.mark.processes
def test_a_fork_writes_to_the_same_file(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "x", 10**6, 1, rotates=True)
    sink.write(entry("parent"))
    sink._lock.acquire()  # as if another thread were writing
    idle = os.fork()
    if idle == 0:
        sink.close(0)
        os._exit(0)
    assert os.waitpid(idle, 0)[1] == 0
    child = os.fork()
    if child == 0:
        sink.write(entry("child"))
        sink.close(0)
        os._exit(0)
    sink._lock.release()
    assert os.waitpid(child, 0)[1] == 0
    sink.write(entry("parent"))
    sink.close(0)
    assert [each["event"] for each in lines_of(tmp_path / "x")] == ["parent", "child", "parent"]


def started(path: Path, name: str, *, rotates: bool, count: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, name, str(int(rotates)), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.processes
def test_no_line_is_lost_or_mixed_while_several_processes_write_and_two_rotate(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    writers = [started(path, f"w{number}", rotates=number < 2, count=1000) for number in range(4)]
    for each in writers:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
        each.stdin.flush()
    for each in writers:
        each.communicate(timeout=100)
        assert each.returncode == 0
    found = Counter((each["who"], each["number"]) for each in map(json.loads, all_lines(path)))
    assert set(found.values()) == {1}
    assert len(found) == 4000
    assert (tmp_path / "x.jsonl.3").exists()


@pytest.mark.processes
def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    writer = started(path, "w", rotates=True, count=-1)
    assert writer.stdin is not None
    writer.stdin.write(b"go\n")
    writer.stdin.flush()
    stop = threading.Event()
    while not (tmp_path / "x.jsonl.3").exists():
        assert not stop.wait(0.005)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    numbers = sorted(json.loads(line)["number"] for line in all_lines(path))
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 100
