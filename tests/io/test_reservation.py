"""Two runs that would save the same version: the second is told before it computes."""

from __future__ import annotations

import errno
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from tests.support.io import child, line

from pellucid._util.locks import FileLock
from pellucid.exceptions import VersionAlreadyExistsError
from pellucid.io.reservation import VersionReservation

if TYPE_CHECKING:
    from pathlib import Path

RESERVE = """
import os, signal, sys
from pathlib import Path
from pellucid.exceptions import VersionAlreadyExistsError
from pellucid.io.reservation import VersionReservation
reservation = VersionReservation(Path(sys.argv[1]))
try:
    reservation.reserve({"model": "/data/model/v1/model", sys.argv[2]: sys.argv[2]})
except VersionAlreadyExistsError as error:
    sys.exit(print(error, flush=True))
orphan = os.fork()
if orphan == 0:
    os.close(0)
    os.close(1)
    signal.pause()
print("reserved", orphan, flush=True)
sys.stdin.read()
"""
PATH = "/data/model/v1/model"


def test_the_second_reservation_of_a_version_is_refused(tmp_path: Path) -> None:
    with VersionReservation(tmp_path / "locks") as first:
        first.reserve({"model": PATH, "other": "s3://bucket/v1/x"})
        second = VersionReservation(tmp_path / "locks")
        with pytest.raises(
            VersionAlreadyExistsError,
            match=rf"Dataset 'mine': another run \(process {os.getpid()}\) is going to save the same version: {PATH}",
        ):
            second.reserve({"free": "/data/free", "mine": PATH})
        third = VersionReservation(tmp_path / "locks")
        third.reserve({"free": "/data/free"})
        third.release()
    second.reserve({"mine": PATH})
    second.release()
    second.release()
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_reservation_may_be_extended(tmp_path: Path) -> None:
    with VersionReservation(tmp_path) as reservation:
        reservation.reserve({})
        reservation.reserve({"a": "/a"})
        reservation.reserve({"a": "/a", "b": "/b"})
        assert len(list(tmp_path.iterdir())) == 2


def test_two_datasets_that_save_one_version_are_named(tmp_path: Path) -> None:
    reservation = VersionReservation(tmp_path)
    with pytest.raises(VersionAlreadyExistsError, match="The datasets 'a' and 'b' are going to save the same version"):
        reservation.reserve({"a": PATH, "b": PATH})


def test_of_the_threads_of_one_process_one_gets_a_version(tmp_path: Path) -> None:
    start, done, won = threading.Barrier(8), threading.Barrier(8), []

    def run() -> None:
        reservation = VersionReservation(tmp_path)
        start.wait()
        try:
            reservation.reserve({"model": PATH})
            won.append(reservation)
        except VersionAlreadyExistsError:
            pass
        done.wait()
        reservation.release()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


@pytest.mark.processes
def test_two_processes_exclude_each_other_until_one_dies(tmp_path: Path) -> None:
    """A child that the first one forked lives on, and does not keep the reservation."""
    with child(RESERVE, tmp_path, "/first") as first:
        orphan = int(line(first).removeprefix("reserved "))
        with child(RESERVE, tmp_path, "/second") as second:
            assert f"Dataset 'model': another run (process {first.pid}) is going to save" in line(second)
        first.send_signal(signal.SIGKILL)
        first.wait()
        try:
            with VersionReservation(tmp_path) as reservation:
                reservation.reserve({"model": PATH, "/first": "/first", "/second": "/second"})
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_a_holder_that_is_not_known_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileLock, "acquire", lambda self: False)
    with pytest.raises(VersionAlreadyExistsError, match="another run is going to"):
        VersionReservation(tmp_path).reserve({"model": PATH})


def test_where_there_can_be_no_locks_a_warning_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: FileLock) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    VersionReservation(tmp_path).reserve({"model": PATH})
    assert "Versions are not reserved" in caplog.text


def test_another_fault_is_raised(tmp_path: Path) -> None:
    (tmp_path / "locks").touch()
    with pytest.raises(FileExistsError):
        VersionReservation(tmp_path / "locks").reserve({"model": PATH})
