"""Remembers which requests of a large file have a final answer, until all of it has."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from pellucid._util.rows import Row

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_ENTRY = struct.Struct("<8sI?")


class Settled(Row):
    """What became of a request for a part of a file."""

    records: int
    is_refused: bool


class Ledger:
    """One file of entries for each file of which a part is settled: a mark of the request, and what became of it.

    Args:
        folder: where they are; made when there is something to remember.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def settled(self, name: str) -> dict[bytes, Settled]:
        """Return the requests of a file that have a final answer, by their marks."""
        try:
            data = (self._folder / name).read_bytes()
        except OSError:
            return {}
        # A process that was killed, or a full disk, may have left half an entry at the end.
        whole = len(data) - len(data) % _ENTRY.size
        return {mark: Settled(records, refused) for mark, records, refused in _ENTRY.iter_unpack(data[:whole])}

    def note(self, name: str, mark: bytes, settled: Settled) -> None:
        """Remember that a request has a final answer.

        Raises:
            OSError: it cannot be written; at worst the request is sent again.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            torn = os.fstat(descriptor).st_size % _ENTRY.size
            if torn:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - torn)
            os.write(descriptor, _ENTRY.pack(mark, *settled))
        finally:
            os.close(descriptor)

    def forget(self, name: str) -> None:
        """Drop what is remembered of a file."""
        (self._folder / name).unlink(missing_ok=True)

    def sweep(self, names: Collection[str]) -> None:
        """Drop what is remembered of files other than these."""
        if self._folder.is_dir():
            for each in self._folder.iterdir():
                if each.name not in names:
                    each.unlink(missing_ok=True)
