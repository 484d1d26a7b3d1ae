"""What a dead process left open is ended in its stead."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.observability.spool._frames import HEAD_BYTES, HEADER_KEY, FrameKind, FrameReader, counted_in, encode
from pellucid.observability.spool._layout import CLOSED_SUFFIX
from pellucid.observability.spool._liveness import sign_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    Seal: TypeAlias = Callable[[int, bytes, int], bytes]

_APPEND_FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


@dataclass
class Findings:
    """What is in a segment.

    Attributes:
        frames: how many can be read.
        ends: how many ENDs there are, by stream.
        open: the STARTs without END.
        last_ns: the latest time of a frame, or of a sign of life after the last one.
        is_finished: whether nothing is left to be said: its writer rolled it over or closed it, or it was sealed.
        damaged_bytes: in its middle.
        torn_bytes: of a last frame that was never finished.
        whole_bytes: where the last whole frame ends.
    """

    frames: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    open: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    last_ns: int = 0
    is_finished: bool = False
    damaged_bytes: int = 0
    torn_bytes: int = 0
    whole_bytes: int = 0


def is_ended(path: Path) -> bool:
    """Tell, by its last frame alone, whether a segment is certainly one that nothing is left to be said in.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) <= HEAD_BYTES:
            return False
        file.seek(-HEAD_BYTES, os.SEEK_END)
        frame = next(iter(FrameReader(file)), None)
    return frame is not None and frame.kind in (FrameKind.ROLLED, FrameKind.CLOSED) and frame.key == HEADER_KEY


def examine(path: Path) -> Findings:
    """Read a whole segment.

    Raises:
        OSError: the file cannot be read.
    """
    found = Findings(is_finished=path.name.endswith(CLOSED_SUFFIX))
    ended: set[tuple[int, bytes]] = set()
    with path.open("rb") as file:
        reader = FrameReader(file)
        for kind, stream, key, time_ns, payload in reader:
            found.frames += 1
            found.last_ns = max(found.last_ns, time_ns)
            if kind is FrameKind.START:
                # A signal may have ended it in the moment before it was written.
                if (stream, key) not in ended:
                    found.open[stream, key] = payload
            elif kind is FrameKind.END:
                what, count = counted_in(stream, payload)
                found.ends[what] += count
                found.open.pop((stream, key), None)
                ended.add((stream, key))
            elif kind is not FrameKind.HEADER:
                found.is_finished = True
        found.last_ns = max(found.last_ns, sign_of(os.fstat(file.fileno())))
    found.damaged_bytes = reader.damaged_bytes
    found.torn_bytes = reader.torn_bytes
    found.whole_bytes = reader.whole_bytes
    return found


def finish(path: Path, found: Findings, seal: Seal, ended_ns: int | None) -> None:
    """Say in a segment what its dead writer did not: what ended, and that there is no more. May be repeated.

    Args:
        path: of the segment.
        found: what is in it; it is not finished.
        seal: makes the payload of an END of the stream, the payload of its START, and the time that it ended.
        ended_ns: when its writer was last heard of; None if that went on in another, which has all that is open.

    Raises:
        OSError: of the disk; then it is as if nothing had been done.
    """
    parts = []
    if ended_ns is not None:
        parts = [
            encode(FrameKind.END, stream, key, ended_ns, _sealed(seal, stream, payload, ended_ns))
            for (stream, key), payload in found.open.items()
        ]
    kind = FrameKind.ROLLED if ended_ns is None else FrameKind.CLOSED
    parts.append(encode(kind, 0, HEADER_KEY, found.last_ns if ended_ns is None else ended_ns, b""))
    _append(path, b"".join(parts), found)


def _sealed(seal: Seal, stream: int, payload: bytes, time_ns: int) -> bytes:
    try:
        return seal(stream, payload, time_ns)
    except Exception:
        # Better what is known of it than nothing, and than never to get on with the others.
        return payload


def _append(path: Path, data: bytes, found: Findings) -> None:
    descriptor = os.open(path, _APPEND_FLAGS)
    try:
        if found.torn_bytes:
            os.ftruncate(descriptor, found.whole_bytes)
        size = os.fstat(descriptor).st_size
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
