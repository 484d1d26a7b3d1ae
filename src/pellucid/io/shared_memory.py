"""The folder in shared memory that holds what nodes in several processes hand to each other."""

from __future__ import annotations

import logging
import os
import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid._util.locks import FileLock
from pellucid.io._shared_files import SharedFile

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["SharedMemoryArena"]

logger = logging.getLogger(__name__)

_SHARED_MEMORY = Path("/dev") / "shm"
_SPILL_LINK = "spill"
_ATTEMPTS = 3


class SharedMemoryArena:
    """A private folder in shared memory, for as long as its owner lives.

    Each value is one file in it, which any process of the same user can load by a handle that pickles as a path.
    Where shared memory is missing the folder is in the temporary directory, and where it is full the file is.

    The process that made it removes it: on ``close()``, when it is garbage, or at exit. If that process is killed, the
    next arena that anybody makes removes it.

    Args:
        directory: where the folder is made; shared memory if None.
        spill_directory: where what does not fit goes; the temporary directory if None.
    """

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, spill_directory: str | os.PathLike[str] | None = None
    ) -> None:
        base = Path(directory) if directory is not None else _shared_memory()
        spill_base = Path(spill_directory) if spill_directory is not None else _temporary()
        sweep(base)
        self._lock, self._folder = _make(base)
        self._spill = spill_base / f"{self._folder.name}.spill"
        self._finalizer = weakref.finalize(self, _remove, self._lock, self._folder, self._spill, os.getpid())
        # So that whoever sweeps this one day knows of the other folder, whatever its own temporary directory is.
        if hasattr(os, "symlink"):
            _try_symlink(self._spill.absolute(), self._folder / _SPILL_LINK)

    @property
    def folder(self) -> Path:
        """The folder in shared memory."""
        return self._folder

    @property
    def closed(self) -> bool:
        """Tell whether it was closed in this process."""
        return not self._finalizer.alive

    def MemoryDataset(self) -> SharedFile:  # noqa: N802  # the name by which SharedMemoryDataset.set_manager asks
        """Return a new place for one value, which can be pickled.

        Raises:
            ValueError: the arena is closed.
        """
        if self.closed:
            raise ValueError("The shared-memory arena is closed.")
        name = f"{os.getpid()}-{os.urandom(8).hex()}"
        return SharedFile(str(self._folder / name), str(self._spill / name))

    def close(self) -> None:
        """Remove everything; what was loaded stays valid. In a process other than the owner's, it removes nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _temporary() -> Path:
    import tempfile

    return Path(tempfile.gettempdir())


def _shared_memory() -> Path:
    usable = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
    return _SHARED_MEMORY if usable else _temporary()


def _prefix() -> str:
    user = os.getuid() if hasattr(os, "getuid") else 0
    return f"pellucid-{user}-"


def _make(base: Path) -> tuple[FileLock, Path]:
    """Lock first, then make the folder: a folder without a lock is nobody's."""
    while True:
        folder = base.resolve() / f"{_prefix()}{os.urandom(8).hex()}"
        lock = FileLock(f"{folder}.lock")
        # Not acquired if somebody swept the new lock file between its creation and its lock.
        if lock.acquire():
            try:
                folder.mkdir(mode=0o700)
            except BaseException:
                _clear(lock, folder, None)
                raise
            return lock, folder


def _try_symlink(target: Path, link: Path) -> None:
    try:
        link.symlink_to(target)
    except OSError as error:
        logger.debug("No link to %s: %s", target, error)


def _remove(lock: FileLock, folder: Path, spill: Path, owner: int) -> None:
    if os.getpid() == owner:
        _clear(lock, folder, spill)


def _clear(lock: FileLock, folder: Path, spill: Path | None) -> None:
    """Remove both folders, then the lock: whoever is killed in between leaves what the next one finds.

    The folder leads to the other one and so comes after it; without the lock nobody would look for either again.
    """
    is_spill_gone = spill is None or _is_removed(spill)
    lock.release(remove=_is_removed(folder) and is_spill_gone)


def _is_removed(folder: Path) -> bool:
    """Remove a folder, and tell whether it is gone; a worker that is just being killed may still write to it."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return True
    return False


def sweep(base: Path) -> int:
    """Remove the folders of this user whose owners are dead, and return how many; those of the living are locked."""
    removed = 0
    try:
        with os.scandir(base) as entries:
            found = [entry for entry in entries if _may_be_swept(entry)]
    except OSError:
        return 0
    for entry in found:
        lock = FileLock(entry.path)
        try:
            if not lock.acquire():
                continue
        except OSError as error:
            logger.debug("%s is left as it is: %s", entry.path, error)
            continue
        folder = Path(lock.path.removesuffix(".lock"))
        _clear(lock, folder, _spill_of(folder))
        removed += 1
    return removed


def _may_be_swept(entry: os.DirEntry[str]) -> bool:
    if not (entry.name.startswith(_prefix()) and entry.name.endswith(".lock")):
        return False
    try:
        return not hasattr(os, "getuid") or entry.stat(follow_symlinks=False).st_uid == os.getuid()
    except OSError:
        return False


def _spill_of(folder: Path) -> Path | None:
    try:
        spill = (folder / _SPILL_LINK).readlink()
    except OSError:
        return None
    return spill if spill.name == f"{folder.name}.spill" else None
