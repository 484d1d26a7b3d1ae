"""What all datasets of files share: where the file is, its versions, and saves that leave no half-written file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid.exceptions import VersionNotFoundError
from pellucid.io._dataset import _DI, _DO
from pellucid.io._paths import get_filepath_str, get_protocol_and_path
from pellucid.io._redaction import redact_path
from pellucid.io._versioned import AbstractVersionedDataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pellucid.io._definition import Version


class FileDataset(AbstractVersionedDataset[_DI, _DO]):
    """Base of datasets of one file: a subclass reads it from, and writes it to, a local path.

    A local file is written beside its place and then moved there; fsspec is not imported for it. Any other is fetched
    to, or sent from, a temporary file.

    Args:
        filepath: a local path, or a URL that fsspec knows.
        load_args: how it is read.
        save_args: how it is written.
        version: which version to load and save; None if it is not versioned.
        credentials: for the file system.
        fs_args: for the file system, but for ``open_args_load`` and ``open_args_save``: those are for ``open``.
        metadata: for others' use.
    """

    DEFAULT_LOAD_ARGS: ClassVar[dict[str, Any]] = {}
    DEFAULT_SAVE_ARGS: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        fs_args = dict(fs_args or {})
        self._open_args_load: dict[str, Any] = fs_args.pop("open_args_load", None) or {}
        self._open_args_save: dict[str, Any] = fs_args.pop("open_args_save", None) or {}
        self._protocol, path = get_protocol_and_path(filepath, version)
        self._storage_options = {**(credentials or {}), **fs_args}
        self._fs_made: Any = None
        self._load_args = {**self.DEFAULT_LOAD_ARGS, **(load_args or {})}
        self._save_args = {**self.DEFAULT_SAVE_ARGS, **(save_args or {})}
        self.metadata = metadata
        exists: Callable[[str], bool] | None = None
        glob: Callable[[str], list[str]] | None = None
        if self._protocol == "file":
            path = str(Path(path).expanduser()) if path.startswith("~") else path
            path = path.replace("\\", "/") if sys.platform == "win32" else path
        else:
            exists, glob = self._remote_exists, self._remote_glob
        super().__init__(PurePosixPath(path), version, exists, glob)

    @property
    def _fs(self) -> Any:
        """The fsspec file system, made when it is first asked for."""
        if self._fs_made is None:
            import fsspec

            self._fs_made = fsspec.filesystem(self._protocol, **self._storage_options)
        return self._fs_made

    def _remote_exists(self, path: str) -> bool:
        return bool(self._fs.exists(get_filepath_str(PurePosixPath(path), self._protocol)))

    def _remote_glob(self, pattern: str) -> list[str]:
        return list(self._fs.glob(pattern))

    def load(self) -> _DO:
        """Return the data of the file."""
        path = get_filepath_str(self._get_load_path(), self._protocol)
        if self._protocol == "file":
            return self._read(path)
        import tempfile

        with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
            local = str(Path(folder, PurePosixPath(path).name))
            self._fs.get_file(path, local)
            return self._read(local)

    def save(self, data: _DI) -> None:
        """Write the file; if that fails or is killed, what was there is still there."""
        path = get_filepath_str(self._get_save_path(), self._protocol)
        if self._protocol == "file":
            append = "a" in self._open_args_save.get("mode", "")
            with _replacing(path, append=append, of_version=bool(self._version)) as unfinished:
                self._write(unfinished, data)
            return
        import tempfile

        with tempfile.TemporaryDirectory(prefix="pellucid-") as folder:
            local = str(Path(folder, PurePosixPath(path).name))
            self._write(local, data)
            self._fs.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            self._fs.put_file(local, path)
        self._fs.invalidate_cache(path)

    def _read(self, path: str) -> _DO:
        """Return the data of a local file."""
        raise NotImplementedError

    def _write(self, path: str, data: _DI) -> None:
        """Write data to a local file."""
        raise NotImplementedError

    def _opened_to_read(self, path: str, mode: str = "r", **defaults: Any) -> Any:
        return _opened(path, mode, {**defaults, **self._open_args_load})

    def _opened_to_write(self, path: str, mode: str = "w", **defaults: Any) -> Any:
        return _opened(path, mode, {**defaults, **self._open_args_save})

    def _exists(self) -> bool:
        try:
            path = self._get_load_path()
        except VersionNotFoundError:
            return False
        return self._exists_function(str(path))

    def _release(self) -> None:
        super()._release()
        if self._fs_made is not None:
            self._fs_made.invalidate_cache(str(self._filepath))

    def _describe(self) -> dict[str, Any]:
        path = str(self._filepath)
        return {
            "filepath": path if self._protocol == "file" else redact_path(self._protocol, path),
            "protocol": self._protocol,
            "load_args": self._load_args or None,
            "save_args": self._save_args or None,
            "version": self._version,
        }


def _opened(path: str, mode: str, arguments: dict[str, Any]) -> Any:
    mode = arguments.pop("mode", mode)
    if "b" not in mode:
        arguments.setdefault("encoding", "utf-8")
    return Path(path).open(mode, **arguments)


@contextlib.contextmanager
def _replacing(path: str, *, append: bool, of_version: bool) -> Iterator[str]:
    """Give a path to write to, and move what was written to ``path`` if all went well.

    If not, nothing is left of it: the folder of a version neither, nor that of the versions, if they were made here.
    """
    target = Path(os.path.realpath(path))
    folders = [target.parent, target.parent.parent] if of_version else []
    made = [folder for folder in folders if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if append:
            yield str(target)
            return
        with _moved_to(target) as unfinished:
            yield unfinished
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


@contextlib.contextmanager
def _moved_to(target: Path) -> Iterator[str]:
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: the dataset was versioned when it was saved before.")
    # The end of the name stays: libraries tell the compression by it.
    unfinished = target.with_name(f".{os.urandom(6).hex()}.{target.name}")
    try:
        yield str(unfinished)
        if target.exists():
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
