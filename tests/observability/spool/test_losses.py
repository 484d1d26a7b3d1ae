"""What the other processes of a session could not keep is counted without a file on any disk."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.spool import HEADER, key

from pellucid.observability.spool import Losses, SegmentWriter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

ADD = "import pickle, sys; losses = pickle.load(sys.stdin.buffer); [losses.add(int(each)) for each in sys.argv[1:]]"


def elsewhere(pickled: bytes, *counts: int) -> None:
    """Lose something in another process, which is no fork."""
    subprocess.run([sys.executable, "-c", ADD, *map(str, counts)], input=pickled, check=True, timeout=60)


def test_what_other_processes_lose_is_counted(tmp_path: Path) -> None:
    losses = Losses()
    assert losses.is_possible
    (tmp_path / "spool").write_text("in the way")

    def note(stream: int, count: int) -> None:
        losses.add(count)

    writer = SegmentWriter(tmp_path / "spool", HEADER, on_drop=note)
    elsewhere(pickle.dumps(losses), 2, 3)
    child = os.fork()
    if child == 0:
        for number in range(4):
            writer.end(1, key(number), b"e")
        os._exit(0)
    os.waitpid(child, 0)
    # Its own are counted by the writer.
    writer.end(1, key(9), b"e")
    assert (losses.total, writer.dropped) == (9, {1: 1})
    writer.close()
    losses.close()
    losses.close()
    assert losses.total == 0


def test_what_has_come_to_have_its_number_is_not_written_to(tmp_path: Path) -> None:
    losses = Losses()
    pickled = pickle.dumps(losses)
    number = losses._descriptor
    losses.close()
    other = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    os.dup2(other, number)
    elsewhere(pickled, 3)
    assert (tmp_path / "other").stat().st_size == 0
    for each in {other, number}:
        os.close(each)


def test_where_there_are_no_files_in_memory_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    losses = Losses()
    assert not losses.is_possible
    elsewhere(pickle.dumps(losses), 3)
    assert losses.total == 0
    losses.close()
