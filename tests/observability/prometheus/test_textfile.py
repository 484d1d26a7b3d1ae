from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from tests.support.scrape import demo_page

from pellucid.observability.export.prometheus import TextfileError, _textfile, write_textfile

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_written_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "demo.prom"
    for page in (demo_page()("")[0], b"", b"jobs_total 1\n"):
        before = os.umask(0o077)
        try:
            write_textfile(path, page)
        finally:
            os.umask(before)
        assert path.read_bytes() == page
        assert path.stat().st_mode & 0o777 == 0o644
        assert list(tmp_path.iterdir()) == [path]


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(max_size=20), max_size=3), st.floats())
def test_whatever_prometheus_client_writes_is_taken(labels: dict[str, str], value: float) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("demo", 'Help with "quotes"\nand lines', list(labels), registry=registry)
    (gauge.labels(**labels) if labels else gauge).set(value)
    for line in generate_latest(registry).split(b"\n"):
        assert not line or line.startswith(b"#") or _textfile._SAMPLE.fullmatch(line)


@pytest.mark.parametrize(
    "line",
    [
        b"# EOF",
        b"jobs_total 1 1700000000000",
        b'jobs_total{a="b"} 1 1700000000000',
        b'jobs_total{a="b"} 1 # {trace_id="x"} 1',
        b"no sample at all",
        b'jobs_total{a="b} 1',
    ],
)
def test_what_node_exporter_would_refuse_is_not_written(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "demo.prom"
    write_textfile(path, b"jobs_total 1\n")
    with pytest.raises(TextfileError, match="line 2 is not of the text format"):
        write_textfile(path, b"other_total 1\n" + line + b"\n")
    assert path.read_bytes() == b"jobs_total 1\n"


def test_a_page_that_was_cut_off_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TextfileError, match="last line"):
        write_textfile(tmp_path / "demo.prom", b"jobs_total 1")


def test_a_folder_that_is_missing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(TextfileError, match=r"missing/demo\.prom'.*metrics\.textfile") as caught:
        write_textfile(tmp_path / "missing" / "demo.prom", b"")
    assert isinstance(caught.value, OSError)


def test_what_the_system_refuses_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "demo.prom"
    path.mkdir()
    with pytest.raises(TextfileError, match="directory"):
        write_textfile(path, b"jobs_total 1\n")
    assert list(tmp_path.iterdir()) == [path]


KILLED = """
    import os, signal, sys
    from pellucid.observability.export.prometheus import write_textfile
    def die(fd): os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = die
    write_textfile(sys.argv[1], b"jobs_total 1\\n")
"""


@pytest.mark.processes
def test_what_a_killed_process_left_is_swept_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "demo.prom"
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(path)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert left.suffix != ".prom"
    write_textfile(path, b"jobs_total 2\n")
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_in_use_and_those_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "demo.prom"
    other = tmp_path / ".other.prom.1.ff.tmp"
    other.touch()
    in_use = tmp_path / ".demo.prom.1.ff.tmp"
    with _textfile._locked_new(in_use):
        write_textfile(path, b"jobs_total 1\n")
        assert set(tmp_path.iterdir()) == {path, other, in_use}
    assert set(tmp_path.iterdir()) == {path, other}


@pytest.mark.parametrize("age_seconds", [10, 7200])
def test_where_files_cannot_be_locked_old_ones_are_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age_seconds: int
) -> None:
    import fcntl

    def refuse(fd: int, operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path, left = tmp_path / "demo.prom", tmp_path / ".demo.prom.1.ff.tmp"
    left.touch()
    moment = left.stat().st_mtime - age_seconds
    os.utime(left, (moment, moment))
    write_textfile(path, b"jobs_total 1\n")
    assert left.exists() == (age_seconds == 10)
    assert path.read_bytes() == b"jobs_total 1\n"


def test_a_system_without_locks_is_served_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    write_textfile(tmp_path / "demo.prom", b"jobs_total 1\n")
    assert (tmp_path / "demo.prom").read_bytes() == b"jobs_total 1\n"


@pytest.mark.parametrize("times", [1, 100])
def test_a_temporary_file_swept_before_it_was_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    fsync = os.fsync
    swept: list[Path] = []

    def sweep(fd: int) -> None:
        fsync(fd)
        if len(swept) < times:
            [found] = tmp_path.glob(".*.tmp")
            swept.append(found)
            found.unlink()

    monkeypatch.setattr(os, "fsync", sweep)
    path = tmp_path / "demo.prom"
    if times == 1:
        write_textfile(path, b"jobs_total 1\n")
        assert path.read_bytes() == b"jobs_total 1\n"
    else:
        with pytest.raises(TextfileError, match="again and again"):
            write_textfile(path, b"jobs_total 1\n")
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_goes_away_meanwhile_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, fsync = tmp_path / "folder", os.fsync
    folder.mkdir()

    def remove(fd: int) -> None:
        fsync(fd)
        folder.rename(tmp_path / "elsewhere")

    monkeypatch.setattr(os, "fsync", remove)
    with pytest.raises(TextfileError, match="No such file"):
        write_textfile(folder / "demo.prom", b"jobs_total 1\n")


def test_writers_at_the_same_moment_leave_one_whole_page(tmp_path: Path) -> None:
    path = tmp_path / "demo.prom"
    pages = [b"".join(b"jobs_total_%d %d\n" % (row, number) for row in range(300)) for number in range(8)]
    errors: list[BaseException] = []

    def write(page: bytes) -> None:
        try:
            for _ in range(10):
                write_textfile(path, page)
                assert path.read_bytes() in pages
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(page,)) for page in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert list(tmp_path.iterdir()) == [path]
