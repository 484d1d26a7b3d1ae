"""A dataset that is known by its configuration and not made yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pellucid.exceptions import DatasetError
from pellucid.io._dataset import AbstractDataset
from pellucid.io._definition import TYPE_KEY, VERSIONED_FLAG_KEY, parse_dataset_definition


@dataclass(slots=True, repr=False)
class LazyDataset:
    """Makes a dataset from its configuration when it is needed.

    Attributes:
        name: the dataset's name.
        config: its entry in the catalog, with credentials filled in.
        load_version: the version to be loaded, if it is versioned; the latest if None.
        save_version: the version to be saved, if it is versioned; a new one if None.
    """

    name: str
    config: dict[str, Any]
    load_version: str | None = None
    save_version: str | None = None

    @property
    def is_versioned(self) -> bool:
        """True if the configuration asks for versions."""
        return bool(self.config.get(VERSIONED_FLAG_KEY))

    @property
    def type_name(self) -> str:
        """The dataset's type as the configuration has it; nothing is imported."""
        kind = self.config[TYPE_KEY]
        return full_type_name(kind) if isinstance(kind, type) else str(kind)

    def dataset_type(self) -> type:
        """Import and return the dataset's class.

        Raises:
            DatasetError: it cannot be.
        """
        try:
            return parse_dataset_definition(self.config, self.load_version, self.save_version)[0]
        except Exception as error:
            raise DatasetError(f"Dataset '{self.name}': {error}") from error

    def materialize(self) -> AbstractDataset[Any, Any]:
        """Make the dataset.

        Raises:
            DatasetError: its type is unknown, or does not take its arguments; names the dataset.
        """
        return AbstractDataset.from_config(self.name, self.config, self.load_version, self.save_version)

    def __repr__(self) -> str:
        return self.type_name

    def __reduce__(self) -> tuple[Any, ...]:
        # A catalog of thousands goes to each worker process: by arguments that takes half the time.
        return LazyDataset, (self.name, self.config, self.load_version, self.save_version)


def full_type_name(kind: type) -> str:
    """Return the dotted name of a class, its module included."""
    return f"{kind.__module__}.{kind.__qualname__}"
