"""Pickles."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import DatasetError
from pellucid.io.datasets._files import FileDataset

if TYPE_CHECKING:
    import os

    from pellucid.io._definition import Version

__all__ = ["PickleDataset"]


class PickleDataset(FileDataset[Any, Any]):
    """A pickle. Load only what you trust: loading a pickle runs what is in it.

    Args:
        filepath: as for every dataset of files, with ``version``, ``credentials``, ``fs_args`` and ``metadata``.
        backend: the module whose ``load`` and ``dump`` are used: ``pickle``, ``joblib``, ``cloudpickle`` or another.
        load_args: for its ``load``.
        save_args: for its ``dump``.
        version: as above.
        credentials: as above.
        fs_args: as above.
        metadata: as above.

    Raises:
        DatasetError: the backend is not installed, or has no ``load`` and ``dump``.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        backend: str = "pickle",
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._backend = backend
        _module(backend)
        super().__init__(
            filepath=filepath,
            load_args=load_args,
            save_args=save_args,
            version=version,
            credentials=credentials,
            fs_args=fs_args,
            metadata=metadata,
        )

    def _read(self, path: str) -> Any:
        with self._opened_to_read(path, "rb") as file:
            return _module(self._backend).load(file, **self._load_args)

    def _write(self, path: str, data: Any) -> None:
        with self._opened_to_write(path, "wb") as file:
            _module(self._backend).dump(data, file, **self._save_args)

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "backend": self._backend}


def _module(name: str) -> Any:
    try:
        found = importlib.import_module(name)
    except ImportError as error:
        hint = did_you_mean(name, ("pickle", "joblib", "cloudpickle", "dill", "compress_pickle"))
        raise DatasetError(f"The backend '{name}' of a PickleDataset cannot be imported: {error}.{hint}") from error
    if not (hasattr(found, "load") and hasattr(found, "dump")):
        raise DatasetError(f"The backend '{name}' of a PickleDataset has no load and dump.")
    return found
