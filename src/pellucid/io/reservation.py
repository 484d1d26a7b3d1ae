"""Keeps two runs on one machine from computing the same version of a dataset."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid._util.locks import FileLock
from pellucid.exceptions import VersionAlreadyExistsError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["VersionReservation"]

logger = logging.getLogger(__name__)

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EROFS, errno.EACCES, errno.EPERM})


class VersionReservation:
    """Holds the versions that a run is going to save, from before it computes them until it ends.

    Other runs are those of this machine that use the same directory. The kernel frees a reservation when its process
    ends; worker processes do not keep it.

    Args:
        directory: where the lock files are; made if it is not there.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = Path(directory)
        self._locks: dict[str, FileLock] = {}

    def reserve(self, paths: Mapping[str, str]) -> None:
        """Reserve versions, all of them or none. Where the directory cannot hold locks, a warning is all.

        Args:
            paths: by the name of each dataset the path or URL that it is going to save.

        Raises:
            VersionAlreadyExistsError: another run, or another dataset of this one, is going to save one of them.
        """
        taken: dict[str, FileLock] = {}
        _refuse_doubles(paths)
        try:
            for name, path in paths.items():
                if path not in self._locks:
                    taken[path] = self._lock(name, path)
        except OSError as error:
            _release(taken)
            if error.errno not in _NO_LOCKS:
                raise
            logger.warning("Versions are not reserved, as there can be no locks in %s: %s", self._directory, error)
            return
        except BaseException:
            _release(taken)
            raise
        self._locks.update(taken)

    def _lock(self, name: str, path: str) -> FileLock:
        import hashlib

        self._directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._directory / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}.lock")
        if not lock.acquire():
            holder = lock.holder()
            who = "another run" if holder is None else f"another run (process {holder})"
            raise VersionAlreadyExistsError(f"Dataset '{name}': {who} is going to save the same version: {path}")
        return lock

    def release(self) -> None:
        """Let others save these versions; without effect in a child process."""
        _release(self._locks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _refuse_doubles(paths: Mapping[str, str]) -> None:
    names: dict[str, str] = {}
    for name, path in paths.items():
        first = names.setdefault(path, name)
        if first != name:
            raise VersionAlreadyExistsError(
                f"The datasets '{first}' and '{name}' are going to save the same version: {path}"
            )


def _release(locks: dict[str, FileLock]) -> None:
    while locks:
        locks.popitem()[1].release(remove=True)
