"""How much disk a spool takes up."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from pellucid.observability.spool._layout import ACTIVE, OUTBOX, QUARANTINE

if TYPE_CHECKING:
    from pathlib import Path


def used_bytes(folder: Path) -> int:
    """Return the bytes of all files of a spool; one that has several names counts once.

    Raises:
        OSError: a folder cannot be read.
    """
    sizes: dict[tuple[int, int], int] = {}
    for part in (ACTIVE, OUTBOX, QUARANTINE):
        _add(folder / part, sizes)
    return sum(sizes.values())


def _add(folder: Path, sizes: dict[tuple[int, int], int]) -> None:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _add(folder / entry.name, sizes)
                continue
            # Not the entry's own look, which on Windows knows no inode.
            with contextlib.suppress(FileNotFoundError):
                status = os.lstat(entry.path)
                sizes[status.st_dev, status.st_ino] = status.st_size
