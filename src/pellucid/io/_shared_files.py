"""How one value is kept in a file that any process can map: header, pickle, and its buffers beside it."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import pickle
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import DatasetError
from pellucid.io._redaction import show_error

if TYPE_CHECKING:
    import io
    from collections.abc import Sequence

_MAGIC = b"PELLUCID"
_HEAD = struct.Struct("<8sQ")
_SEGMENT = struct.Struct("<QQ")
_ALIGNMENT = 64
"""Bytes; what Arrow recommends, and a cache line."""
_MAPPED_FROM = 64 * 1024
"""Bytes; below that, reading is faster than mapping."""
_BUFFER = 8 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class SharedFile:
    """A place for one value; it can be pickled, and is the same place in every process.

    Args:
        path: where the value goes.
        spill: where it goes if there is no room.
    """

    def __init__(self, path: str, spill: str) -> None:
        self._path, self._spill = path, spill

    def save(self, data: Any) -> None:
        """Keep a value, in place of what is there; who is loading that is not disturbed.

        Raises:
            DatasetError: it cannot be pickled, or there is no room.
        """
        buffers: list[pickle.PickleBuffer] = []
        try:
            stream = pickle.dumps(data, protocol=5, buffer_callback=buffers.append)
            parts: list[Any] = [stream, *(each.raw() for each in buffers)]
        except Exception as error:
            kind = f"{type(data).__module__}.{type(data).__qualname__}"
            raise DatasetError(
                f"Data of the type {kind} cannot be pickled, and so cannot be handed to another process: "
                f"{show_error(error)}"
            ) from error
        try:
            _write(self._path, parts)
        except OSError as error:
            if error.errno not in _FULL:
                raise _not_kept(self._path, parts, error) from error
        else:
            _unlink(self._spill)
            return
        try:
            Path(self._spill).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._spill, parts)
        except OSError as error:
            raise _not_kept(self._spill, parts, error) from error
        _unlink(self._path)

    def load(self) -> Any:
        """Return the value; its arrays share memory with the file until they are written to.

        Raises:
            DatasetError: there is none.
        """
        for path in (self._path, self._spill):
            try:
                with Path(path).open("rb", buffering=0) as file:
                    return _read(file)
            except FileNotFoundError:
                continue
        raise DatasetError("There is no data in shared memory: none was saved, or it was released.")

    def exists(self) -> bool:
        """Tell whether there is a value."""
        return Path(self._path).exists() or Path(self._spill).exists()

    def release(self) -> None:
        """Remove the value; what was loaded from it stays as it is."""
        _unlink(self._path)
        _unlink(self._spill)


def _not_kept(path: str, parts: Sequence[Any], error: OSError) -> DatasetError:
    size = sum(map(len, parts))
    return DatasetError(f"No {size:,} bytes can be kept in {Path(path).parent}: {error.strerror or error}.")


def _unlink(path: str | Path) -> None:
    # It may be gone already; or, on Windows, still be mapped: then it goes with the folder.
    with contextlib.suppress(OSError):
        Path(path).unlink()


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _write(path: str, parts: Sequence[Any]) -> None:
    """Write a file beside ``path`` and rename it: nobody ever sees, or maps, half of it."""
    position = _HEAD.size + len(parts) * _SEGMENT.size
    header = bytearray(_HEAD.pack(_MAGIC, len(parts)))
    for part in parts:
        position = _aligned(position)
        header += _SEGMENT.pack(position, len(part))
        position += len(part)
    unfinished = Path(f"{path}.{os.urandom(6).hex()}.part")
    try:
        # Of a given size, the buffer is made without asking the system what kind of file this is.
        with unfinished.open("xb", buffering=_BUFFER) as file:
            written = file.write(header)
            for part in parts:
                written += file.write(bytes(_aligned(written) - written))
                written += file.write(part)
        unfinished.replace(path)
    except BaseException:
        _unlink(unfinished)
        raise


def _read(file: io.FileIO) -> Any:
    size = os.fstat(file.fileno()).st_size
    content: Any
    if size < _MAPPED_FROM:
        content = bytearray(size)
        file.readinto(content)
    else:
        # Private: pages that are written to are copied for this process alone.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    view = memoryview(content)
    magic, count = _HEAD.unpack_from(view)
    if magic != _MAGIC:
        raise DatasetError("A file in shared memory was not written by pellucid.")
    segments = [_SEGMENT.unpack_from(view, _HEAD.size + index * _SEGMENT.size) for index in range(count)]
    stream, *buffers = (view[start : start + length] for start, length in segments)
    return pickle.loads(stream, buffers=buffers)
