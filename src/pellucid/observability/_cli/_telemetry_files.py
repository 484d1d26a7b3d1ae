"""Checks of the folders of telemetry."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING

from pellucid.observability._cli._telemetry_check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pellucid.observability.options import Options

_OTHERS = 0o077


def check_files(project_path: Path, options: Options) -> Iterator[Check]:
    """Check the folders that telemetry writes to."""
    spool = project_path / options.spool.path
    places = {"history": project_path / options.history.path.parent, "spool": spool}
    for name, folder in places.items():
        yield _check_folder(name, folder)
    yield _check_room(spool, options.spool.total_bytes)
    if options.metrics.textfile is not None:
        file = project_path / options.metrics.textfile
        if file.parent.is_dir() and os.access(file.parent, os.W_OK | os.X_OK):
            yield Check("OK", "textfile", f"{file.parent} is writable")
        else:
            yield Check(
                "FAIL", "textfile", f"{file.parent} is no folder that can be written to.", "Make it, or allow it."
            )


def _check_folder(name: str, folder: Path) -> Check:
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        found = nearest.stat()
    except OSError as error:
        return Check("FAIL", name, f"{folder} cannot be looked at: {error.strerror or error}")
    if not stat.S_ISDIR(found.st_mode) or not os.access(nearest, os.W_OK | os.X_OK):
        return Check(
            "FAIL", name, f"{nearest} is no folder that can be written to.", "Until it is, runs leave nothing."
        )
    if nearest != folder:
        return Check("OK", name, f"{folder} is made by the first run")
    mode = stat.S_IMODE(found.st_mode)
    # Windows has neither users by number nor such modes.
    is_others = sys.platform != "win32" and found.st_uid != os.getuid()
    if is_others or (sys.platform != "win32" and name == "spool" and mode & _OTHERS):
        text = f"{folder} has mode {mode:04o} and belongs to the user {found.st_uid}."
        return Check("WARN", name, text, "It should be this user's, and nobody else's: chmod 700.")
    return Check("OK", name, f"{folder} is writable, mode {mode:04o}")


def _check_room(folder: Path, wanted_bytes: int) -> Check:
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        return Check("FAIL", "free space", f"it cannot be told: {error.strerror or error}")
    text = f"{free // 2**20:,} MiB free, at most {wanted_bytes // 2**20:,} MiB are used"
    if free >= wanted_bytes:
        return Check("OK", "free space", text)
    return Check("WARN", "free space", f"{text}.", "Free some, or lower spool.total_bytes.")
