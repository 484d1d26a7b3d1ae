"""Versions of datasets: where they are, which is the latest, which comes next."""

from __future__ import annotations

import functools
import threading
from abc import ABC
from glob import escape, iglob
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import did_you_mean
from pellucid._util.timestamps import unique_timestamp
from pellucid.exceptions import DatasetError, VersionAlreadyExistsError, VersionNotFoundError
from pellucid.io._dataset import _DI, _DO, AbstractDataset, described
from pellucid.io._definition import Version, check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SETTLED = "_versions_settled"


class _VersionCache:
    """The versions that one dataset object has settled on, safe to use from several threads."""

    def __init__(self, load: str | None = None, save: str | None = None) -> None:
        self.load, self.save = load, save
        self.lock = threading.RLock()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.load, self.save)

    def clear(self) -> None:
        """Forget both."""
        with self.lock:
            self.load = self.save = None


class AbstractVersionedDataset(AbstractDataset[_DI, _DO], ABC):
    """Base of datasets that may be versioned: version V of ``folder/file.csv`` is ``folder/file.csv/V/file.csv``.

    Args:
        filepath: path of the data in its file system.
        version: which version to load and save; None if the dataset is not versioned.
        exists_function: tells whether a path exists; of the local file system by default.
        glob_function: lists the paths that match a pattern; of the local file system by default.
    """

    def __init__(
        self,
        filepath: PurePosixPath,
        version: Version | None,
        exists_function: Callable[[str], bool] | None = None,
        glob_function: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        self._filepath = filepath
        self._version = version
        self._exists_function = exists_function or _local_exists
        self._glob_function: Callable[[str], Iterable[str]] = glob_function or iglob

    @property
    def _version_cache(self) -> _VersionCache:
        found = self.__dict__.get(_SETTLED)
        # Made here, as not every subclass calls our constructor first; setdefault gives two threads the same one.
        cache: _VersionCache = found or self.__dict__.setdefault(_SETTLED, _VersionCache())
        return cache

    def _invalidate_cache(self) -> None:
        self._clear_version_cache()

    def _clear_version_cache(self) -> None:
        self._version_cache.clear()

    def _copy(self, **overwrite_params: Any) -> AbstractVersionedDataset[_DI, _DO]:
        copied = super()._copy(**overwrite_params)
        assert isinstance(copied, AbstractVersionedDataset)
        vars(copied).pop(_SETTLED, None)
        return copied

    def _release(self) -> None:
        super()._release()
        self._clear_version_cache()

    # ------------------------------------------------------------------ versions

    def resolve_load_version(self) -> str | None:
        """Return the version that is loaded: the one asked for, the one just saved, or the latest.

        Returns None if the dataset is not versioned.

        Raises:
            VersionNotFoundError: there is no version.
        """
        if not self._version:
            return None
        if self._version.load:
            return self._version.load
        cache = self._version_cache
        with cache.lock:
            if cache.load is None:
                cache.load = self._fetch_latest_load_version()
            return cache.load

    def _fetch_latest_load_version(self) -> str:
        for path in self._found_paths():
            if self._exists_function(path):
                return self._get_version_from_path(path)
        raise VersionNotFoundError(f"There is no version of {described(self)}.")

    def resolve_save_version(self) -> str | None:
        """Return the version that the next save makes; None if the dataset is not versioned."""
        if not self._version:
            return None
        if self._version.save:
            return self._version.save
        cache = self._version_cache
        with cache.lock:
            if cache.save is None:
                cache.save = unique_timestamp()
            return cache.save

    def list_versions(self, full_path: bool = True) -> list[str]:
        """Return the versions that exist, the latest first: as paths of the data, or by name.

        Returns nothing if the dataset is not versioned.
        """
        if not self._version:
            return []
        paths = self._found_paths()
        return paths if full_path else [self._get_version_from_path(path) for path in paths]

    def _found_paths(self) -> list[str]:
        return sorted(map(str, self._glob_function(self._glob_pattern())), reverse=True)

    def _glob_pattern(self) -> str:
        path = self._filepath
        return f"{escape(str(path))}/*/{escape(path.name)}"

    @staticmethod
    def _get_version_from_path(path: str) -> str:
        return PurePosixPath(path.replace("\\", "/")).parent.name

    # ------------------------------------------------------------------ paths

    def _get_versioned_path(self, version: str) -> PurePosixPath:
        return self._filepath / check_version(version) / self._filepath.name

    def _get_load_path(self) -> PurePosixPath:
        version = self.resolve_load_version()
        return self._filepath if version is None else self._get_versioned_path(version)

    def _get_save_path(self) -> PurePosixPath:
        version = self.resolve_save_version()
        if version is None:
            return self._filepath
        path = self._get_versioned_path(version)
        if self._exists_function(str(path)):
            raise VersionAlreadyExistsError(f"The version '{version}' of {described(self)} exists already: {path}")
        return path

    # ------------------------------------------------------------------ what a load and a save have around them

    @classmethod
    def _load_wrapper(cls, load_func: Callable[[Any], Any]) -> Callable[[Any], Any]:
        plain = super()._load_wrapper(load_func)

        @functools.wraps(plain)
        def load(self: AbstractVersionedDataset[Any, Any]) -> Any:
            try:
                return plain(self)
            except DatasetError as error:
                missing = self._version and self._version.load
                if not (missing and isinstance(error.__cause__, FileNotFoundError)):
                    raise
                raise self._no_such_version(missing) from error.__cause__

        return load

    def _no_such_version(self, version: str) -> VersionNotFoundError:
        try:
            there = self.list_versions(full_path=False)
        except Exception:
            there = []
        hint = did_you_mean(version, there) or (f" The latest is '{there[0]}'." if there else " There is none.")
        return VersionNotFoundError(f"There is no version '{version}' of {described(self)}.{hint}")

    @classmethod
    def _save_wrapper(cls, save_func: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        plain = super()._save_wrapper(save_func)

        @functools.wraps(plain)
        def save(self: AbstractVersionedDataset[Any, Any], data: Any) -> None:
            # A subclass that calls its parent's save goes through here twice, and saves one version.
            if not self._version or type(self).save is not save:
                plain(self, data)
                return
            self._clear_version_cache()
            saved = self.resolve_save_version()
            try:
                plain(self, data)
            except DatasetError as error:
                if isinstance(error.__cause__, (NotADirectoryError, FileExistsError)):
                    raise self._in_the_way() from error.__cause__
                raise
            self._settle(saved)

        return save

    def _in_the_way(self) -> DatasetError:
        path = self._filepath
        return DatasetError(
            f"The versions of {described(self)} belong into a folder {path}, but a file of that name is there, "
            f"probably saved before the dataset was versioned. Move it to {path}/<version>/{path.name}, or remove it."
        )

    def _settle(self, saved: str | None) -> None:
        """What this object saved is what it loads next, unless it was told to load another version."""
        assert self._version is not None
        if not self._version.load:
            self._version_cache.load = saved
        elif self._version.load != saved:
            import warnings

            warnings.warn(
                f"{described(self)} saved the version '{saved}', and will load the version '{self._version.load}', as "
                "it was told to. A dataset that one node saves and another loads should not have a load version.",
                UserWarning,
                stacklevel=3,
            )

    def exists(self) -> bool:
        """Tell whether there is data to load; of an unknown version there is none.

        Raises:
            DatasetError: it cannot be found out.
        """
        try:
            return super().exists()
        except VersionNotFoundError:
            return False


def _local_exists(path: str) -> bool:
    return Path(path).exists()
