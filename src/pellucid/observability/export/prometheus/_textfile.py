"""The page as a file in the folder of node-exporter's textfile collector."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.observability.export.prometheus._errors import TextfileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["write_textfile"]

_SAMPLE = re.compile(rb'[^\s{}"#]*(\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})? [^\s#]+')
_ABANDONED_SECONDS = 3600.0
"""After so long a temporary file counts as left behind, where files cannot be locked."""
_ATTEMPTS = 5


def write_textfile(path: str | os.PathLike[str], page: bytes) -> None:
    """Put a page where node-exporter reads it, whole or not at all.

    What an earlier process left behind when it was killed in the middle is removed.

    Args:
        path: of the file; its name ends in ``.prom``, or node-exporter does not read it. Its folder exists.
        page: in Prometheus's text format 0.0.4, without timestamps and exemplars: node-exporter refuses a file with
            either (https://github.com/prometheus/node_exporter#textfile-collector).

    Raises:
        TextfileError: the page or the folder is not fit; the file that was there is still there.
    """
    target = Path(path)
    _check(target, page)
    try:
        _sweep(target)
        _replace(target, page)
    except OSError as error:
        raise TextfileError(target, f"{error.strerror or error} (metrics.textfile in observability.yml)") from error


def _check(target: Path, page: bytes) -> None:
    if not target.parent.is_dir():
        raise TextfileError(target, "its folder does not exist; make it, or set another 'metrics.textfile'")
    if page and not page.endswith(b"\n"):
        raise TextfileError(target, "the page's last line has no end")
    for number, line in enumerate(page.split(b"\n"), 1):
        if line == b"# EOF" or not (not line or line.startswith(b"#") or _SAMPLE.fullmatch(line)):
            raise TextfileError(target, f"line {number} is not of the text format, or has a timestamp or an exemplar")


def _replace(target: Path, page: bytes) -> None:
    for _ in range(_ATTEMPTS):
        temporary = target.parent / f".{target.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp"
        try:
            with _locked_new(temporary) as fd:
                _write(fd, page)
                temporary.replace(target)
                return
        except FileNotFoundError:  # swept by another process, before it was locked
            if not target.parent.is_dir():
                raise
    raise TextfileError(target, "its temporary file was removed again and again")


@contextlib.contextmanager
def _locked_new(temporary: Path) -> Iterator[int]:
    """Make a file that is locked, so that nobody sweeps it, and that is gone afterwards unless it was renamed."""
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with contextlib.suppress(OSError):
            _lock(fd)
        yield fd
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
        os.close(fd)


def _write(fd: int, page: bytes) -> None:
    view = memoryview(page)
    while view:
        view = view[os.write(fd, view) :]
    if hasattr(os, "fchmod"):
        with contextlib.suppress(OSError):  # a file system without modes
            os.fchmod(fd, 0o644)
    os.fsync(fd)


def _sweep(target: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    prefix = f".{target.name}."
    for found in target.parent.iterdir():
        if found.name.startswith(prefix) and found.name.endswith(".tmp"):
            with contextlib.suppress(OSError):
                _sweep_one(found)


def _sweep_one(temporary: Path) -> None:
    fd = os.open(temporary, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if _lock(fd) or time.time() - os.fstat(fd).st_mtime > _ABANDONED_SECONDS:
            temporary.unlink()
    finally:
        os.close(fd)


def _lock(fd: int) -> bool:
    """Lock a file, for threads of one process as well; False where that is not possible.

    Raises:
        BlockingIOError: another one has locked it.
    """
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return False
    return True
