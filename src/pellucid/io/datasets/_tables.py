"""What datasets of tables share: the choice of the library that reads and writes them."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import DatasetError
from pellucid.io.datasets._files import FileDataset

if TYPE_CHECKING:
    import os

    from pellucid.io._definition import Version

AUTO, PANDAS, POLARS, ROWS = "auto", "pandas", "polars", "rows"


class TableDataset(FileDataset[Any, Any]):
    """Base of datasets of tables.

    Args:
        filepath: as for every dataset of files, with ``version``, ``credentials``, ``fs_args`` and ``metadata``.
        engine: the library; "auto" loads with the first that is installed, and saves with that of the data.
        load_args: for the function of the library that reads.
        save_args: for the one that writes.
        version: as above.
        credentials: as above.
        fs_args: as above.
        metadata: as above.

    Raises:
        DatasetError: there is no such engine.
    """

    ENGINES: ClassVar[tuple[str, ...]] = (AUTO, PANDAS, POLARS)

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        engine: str | None = None,
        load_args: dict[str, Any] | None = None,
        save_args: dict[str, Any] | None = None,
        version: Version | None = None,
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._engine = self.ENGINES[0] if engine is None else engine
        if self._engine not in self.ENGINES:
            hint = did_you_mean(self._engine, self.ENGINES)
            known = ", ".join(map(repr, self.ENGINES))
            raise DatasetError(f"There is no engine {self._engine!r} for this dataset; it is one of {known}.{hint}")
        super().__init__(
            filepath=filepath,
            load_args=load_args,
            save_args=save_args,
            version=version,
            credentials=credentials,
            fs_args=fs_args,
            metadata=metadata,
        )

    def _engine_to_load(self) -> str:
        if self._engine != AUTO:
            return self._engine
        for engine in self.ENGINES[1:]:
            if engine == ROWS or importlib.util.find_spec(engine) is not None:
                return engine
        raise DatasetError("Neither pandas nor polars is installed, and one of them is needed to load this dataset.")

    def _engine_to_save(self, data: Any) -> str:
        library = next((each for each in (PANDAS, POLARS) if _is_from(data, each)), ROWS)
        if library in self.ENGINES and self._engine in {AUTO, library}:
            return library
        kind = type(data)
        wanted = " or ".join(self.ENGINES[1:] if self._engine == AUTO else (self._engine,))
        raise DatasetError(
            f"{type(self).__module__}.{type(self).__qualname__} saves tables of {wanted}, "
            f"not a {kind.__module__}.{kind.__qualname__}."
        )

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "engine": self._engine}


def _is_from(data: Any, library: str) -> bool:
    return any(base.__module__.partition(".")[0] == library for base in type(data).__mro__)


def library(name: str) -> Any:
    """Return a module that need not be installed.

    Raises:
        DatasetError: it is not.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise DatasetError(
            f"This dataset needs the package '{error.name}', which is not installed{_extra(error.name)}."
        ) from error


def _extra(package: str | None) -> str:
    return f"; 'pip install pellucid[{package}]' does that" if package in {"pandas", "polars"} else ""
