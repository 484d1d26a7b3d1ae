"""What tests of the spool share."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from pellucid.observability.spool import FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pellucid.observability.spool import Frame, Segment, SpoolFolder

HEADER = b'{"v":1,"pid":0,"session_id":"s","traces":true}'


def key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def seal(stream: int, payload: bytes, time_ns: int) -> bytes:
    """Make what is recognised as sealed."""
    return b"sealed:" + payload


def ends(frames: Iterable[Frame]) -> list[tuple[int, bytes, bytes]]:
    return [(frame.stream, frame.key, frame.payload) for frame in frames if frame.kind is FrameKind.END]


def collected(folder: SpoolFolder) -> Iterator[Segment]:
    """Iterate over what is finished; each is removed behind the caller."""
    for segment in folder.finished(seal, wait_seconds=10):
        yield segment
        segment.remove()


def taken(folder: SpoolFolder) -> list[tuple[int, bytes, bytes]]:
    """Remove what is finished, and return its ENDs."""
    return [end for segment in collected(folder) for end in ends(segment.frames())]


def counts(found: Iterable[tuple[int, bytes, bytes]]) -> Counter[tuple[int, bytes]]:
    return Counter((stream, name) for stream, name, _ in found)


def child(source: str, folder: Path, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """Start a process that runs a text of Python, with a writer ``w`` into a folder."""
    begin = f"""
        import os, sys, signal, time
        from pathlib import Path
        from pellucid.observability.spool import *
        def key(n): return n.to_bytes(8, "big")
        def seal(stream, payload, time_ns): return b"sealed:" + payload
        folder = Path({str(folder)!r})
        limits = Limits(segment_bytes=4096, roll_seconds=0.01)
        w = SegmentWriter(folder, {HEADER!r}, limits=limits)
    """
    text = textwrap.dedent(begin) + textwrap.dedent(source)
    return subprocess.Popen([sys.executable, "-c", text, *arguments], stdin=stdin, stdout=subprocess.PIPE, text=True)
