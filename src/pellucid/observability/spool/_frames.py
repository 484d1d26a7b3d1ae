"""Frames: how bytes are kept in a segment, and how they are read back from a damaged one."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARK = b"\xffPSF"
"""Begins every frame; its first byte occurs in no UTF-8 text, so that a reader finds the next frame after damage."""

FORMAT_VERSION = 1
HEADER_KEY = b"pellucid"

MAX_PAYLOAD_BYTES = 4 * 1024 * 1024

BUNDLE = 0x80
"""A frame of a stream with this bit is a bundle of things of the stream without it; the first byte of its payload says
how many they are."""

# The checksum covers all that follows it: length of the payload, kind, stream, key, time, payload.
_PREFIX = struct.Struct("<4sI")
_BODY = struct.Struct("<IBB8sQ")
_HEAD = struct.Struct("<4sIIBB8sQ")
HEAD_BYTES = _HEAD.size
_pack_prefix, _pack_body, _unpack_head = _PREFIX.pack, _BODY.pack, _HEAD.unpack_from

_PREFIX_BYTES = _PREFIX.size
_new = tuple.__new__

_CHUNK_BYTES = 256 * 1024
_MOST_WASTED_BYTES = 256 * 1024 * 1024


class FrameKind(IntEnum):
    """What a frame says."""

    HEADER = 1
    START = 2
    END = 3
    ROLLED = 4
    CLOSED = 5


_KINDS = {int(kind): kind for kind in FrameKind}


class Frame(NamedTuple):
    """One record of a segment.

    Attributes:
        kind: what it says.
        stream: the kind of payload; of a header the version of the format.
        key: eight bytes that a START and its END have in common.
        time_ns: when it was written, in nanoseconds since the epoch.
        payload: at most 4 MiB.
    """

    kind: FrameKind
    stream: int
    key: bytes
    time_ns: int
    payload: bytes


def encode(kind: int, stream: int, key: bytes, time_ns: int, payload: bytes) -> bytes:
    """Return the bytes of a frame.

    Raises:
        ValueError: the payload is too large.
        struct.error: the stream or time does not fit.
    """
    length = len(payload)
    if length > MAX_PAYLOAD_BYTES:
        raise ValueError(f"A payload of {length} bytes is too large for a frame.")
    body = _pack_body(length, kind, stream, key, time_ns) + payload
    return _pack_prefix(MARK, crc32(body)) + body


def encode_all(
    records: Iterable[tuple[int, int, bytes, bytes]], time_ns: int
) -> tuple[list[tuple[int, int, bytes, bytes]], bytes]:
    """Return frames with their kind, stream and key, and all of them as bytes.

    Args:
        records: each a kind, stream, key and payload.
        time_ns: of all of them.

    Raises:
        ValueError: a payload is too large.
        struct.error: a stream or the time does not fit.
    """
    entries, parts = [], []
    for kind, stream, key, payload in records:
        length = len(payload)
        if length > MAX_PAYLOAD_BYTES:
            raise ValueError(f"A payload of {length} bytes is too large for a frame.")
        body = _pack_body(length, kind, stream, key, time_ns)
        frame = _pack_prefix(MARK, crc32(payload, crc32(body))) + body + payload
        entries.append((kind, stream, key, frame))
        parts.append(frame)
    return entries, b"".join(parts)


def counted(stream: int, frame: bytes) -> tuple[int, int]:
    """Return which stream the things in a frame are of, and how many they are.

    Args:
        stream: of the frame.
        frame: all its bytes.
    """
    if stream < BUNDLE or stream >= 2 * BUNDLE or len(frame) <= HEAD_BYTES:
        return stream, 1
    return stream ^ BUNDLE, frame[HEAD_BYTES]


def counted_in(stream: int, payload: bytes) -> tuple[int, int]:
    """Return the same of a payload."""
    return counted(stream, bytes(HEAD_BYTES) + payload[:1])


def header_frame(header: bytes, time_ns: int) -> bytes:
    """Return what a segment of this process begins with.

    Args:
        header: JSON; its ``pid`` is made this process's.
        time_ns: in nanoseconds since the epoch.
    """
    with contextlib.suppress(ValueError, TypeError):
        header = json.dumps({**json.loads(header), "pid": os.getpid()}, separators=(",", ":")).encode()
    return encode(FrameKind.HEADER, FORMAT_VERSION, HEADER_KEY, time_ns, header)


class FrameReader:
    """Reads the frames of a segment, whatever has become of it; reads on after damage, at the next whole frame.

    Args:
        file: read from where it stands to its end, in pieces; never more than one frame is held in memory.

    Attributes:
        damaged_bytes: what was skipped; final once all was read.
        torn_bytes: the beginning of a last frame that was never finished; final once all was read.
        whole_bytes: where the last whole frame ended.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.damaged_bytes = 0
        self.torn_bytes = 0
        self.whole_bytes = 0
        self._file = file
        self._data = b""
        self._at = 0
        self._base = 0
        self._wasted = 0
        self._torn_at = -1

    def __iter__(self) -> Iterator[Frame]:
        while self._wasted < _MOST_WASTED_BYTES and self._has(1):
            yield from self._whole_ones()
            if not self._has(1):
                break
            found = self._whole()
            if found is None:
                self._skip()
            elif (kind := _KINDS.get(found[0])) is not None:
                # Another kind may be one of a later version: it is whole, and means nothing here.
                yield Frame(kind, *found[1:])
        self._judge_rest()

    def _whole_ones(self) -> Iterator[Frame]:
        """Yield the frames that are whole and in memory, up to the first one that is not: nearly all there are."""
        data, base, at = self._data, self._base, self._at
        size = len(data)
        view = memoryview(data)
        while at + HEAD_BYTES <= size:
            mark, checksum, length, number, stream, key, time_ns = _unpack_head(data, at)
            end = at + HEAD_BYTES + length
            if (
                mark != MARK
                or end > size
                or length > MAX_PAYLOAD_BYTES
                or crc32(view[at + _PREFIX_BYTES : end]) != checksum
            ):
                return
            if base + at != self.whole_bytes:
                self.damaged_bytes += base + at - self.whole_bytes
            kind = _KINDS.get(number)
            payload = data[at + HEAD_BYTES : end]
            self._at = at = end
            self.whole_bytes = base + end
            if kind is not None:
                yield _new(Frame, (kind, stream, key, time_ns, payload))

    def _has(self, count: int) -> bool:
        """Tell whether so many bytes are left, and have them in memory."""
        missing = self._at + count - len(self._data)
        if missing <= 0:
            return True
        parts = [self._data[self._at :]]
        self._base += self._at
        self._at = 0
        while missing > 0 and (part := self._file.read(max(missing, _CHUNK_BYTES))):
            parts.append(part)
            missing -= len(part)
        self._data = b"".join(parts)
        return missing <= 0

    def _whole(self) -> tuple[int, int, bytes, int, bytes] | None:
        """Return what the frame that begins here holds, and go behind it; None if there is none."""
        if not self._has(HEAD_BYTES):
            if MARK.startswith(self._data[self._at : self._at + len(MARK)]):
                self._note_torn()
            return None
        mark, checksum, length, kind, stream, key, time_ns = _HEAD.unpack_from(self._data, self._at)
        if mark != MARK or length > MAX_PAYLOAD_BYTES:
            return None
        if not self._has(HEAD_BYTES + length):
            self._note_torn()
            return None
        end = self._at + HEAD_BYTES + length
        payload = self._data[self._at + HEAD_BYTES : end]
        if crc32(payload, crc32(self._data[self._at + _PREFIX.size : self._at + HEAD_BYTES])) != checksum:
            self._wasted += length
            return None
        self.damaged_bytes += self._base + self._at - self.whole_bytes
        self._at = end
        self.whole_bytes = self._base + end
        return kind, stream, key, time_ns, payload

    def _note_torn(self) -> None:
        """Note where a frame begins that goes beyond the end of the file."""
        if self._base + self._at == self.whole_bytes:
            self._torn_at = self.whole_bytes

    def _skip(self) -> None:
        """Go to the next place where a frame may begin, or to the end."""
        self._at += 1
        while (found := self._data.find(MARK, self._at)) < 0:
            # The mark may lie across two pieces.
            self._at = max(self._at, len(self._data) - len(MARK) + 1)
            if not self._has(len(self._data) - self._at + 1):
                found = len(self._data)
                break
        self._at = found

    def _judge_rest(self) -> None:
        """Say what the bytes behind the last whole frame are."""
        rest = self._file.seek(0, os.SEEK_END) - self.whole_bytes
        if self._torn_at == self.whole_bytes:
            self.torn_bytes = rest
        else:
            self.damaged_bytes += rest
