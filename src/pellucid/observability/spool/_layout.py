"""Where things are in a spool folder, and what they are called."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

ACTIVE = "active"
OUTBOX = "outbox"
QUARANTINE = "quarantine"
SUFFIX = ".seg"
CLOSED_SUFFIX = ".closed.seg"
"""Of a segment whose writer had no room to say in it that there is no more: a full disk renames files all the same."""
TORN_SUFFIX = ".torn.seg"
"""Of a segment whose writer was killed in the middle of a write, from before that is mended."""
UNFINISHED = ".new"
TEMPORARY = ".tmp"
REASON = ".txt"

SIGNAL_STREAMS = {"traces": 1, "metrics": 2, "logs": 3}
"""Which stream of a segment a signal's outbox is about."""

_NAME = re.compile(r"(?P<process>(?P<time>\d{20})-(?P<pid>\d+)-[0-9a-f]{12})-(?P<sequence>\d{8})(?:\..*)?")


class SegmentName(NamedTuple):
    """What the name of a segment says.

    Attributes:
        process: the same for all segments of one writer; sorts by its time.
        time_ns: when the writer was made.
        pid: of the process.
        sequence: counts the segments of one writer.
    """

    process: str
    time_ns: int
    pid: int
    sequence: int


def process_name(time_ns: int) -> str:
    """Return what begins the names of all segments of a writer."""
    return f"{max(0, time_ns):020d}-{os.getpid()}-{os.urandom(6).hex()}"


def segment_name(process: str, sequence: int) -> str:
    """Return the name of a segment's file."""
    return f"{process}-{sequence:08d}{SUFFIX}"


def parse(name: str) -> SegmentName:
    """Return what a name says; one that is no segment's sorts first, as a process of its own."""
    match = _NAME.fullmatch(name)
    if match is None:
        return SegmentName(name, 0, 0, 0)
    return SegmentName(match["process"], int(match["time"]), int(match["pid"]), int(match["sequence"]))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, for their owner alone.

    Raises:
        OSError: it cannot be made.
    """
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def files_in(folder: Path, suffix: str = SUFFIX) -> list[os.DirEntry[str]]:
    """Return the files of a folder, oldest first; none if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if entry.name.endswith(suffix)), key=lambda entry: entry.name)
    except FileNotFoundError:
        return []
