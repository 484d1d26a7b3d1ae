"""The catalog: datasets by name, made from their configuration when they are first needed."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid._util.steps import is_told, node_teller
from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import DatasetError, DatasetNotFoundError
from pellucid.io._catalog_config import write_config
from pellucid.io._collection import DatasetCollection, at_version
from pellucid.io._dataset import described, secrets_of
from pellucid.io._definition import Version
from pellucid.io._lazy import LazyDataset, full_type_name
from pellucid.io._protocols import CatalogProtocol
from pellucid.io._redaction import bounded, credentials_in, hide_values, show_error
from pellucid.io._resolver import DEFAULT_RUNTIME_PATTERN, CatalogConfigResolver, Patterns
from pellucid.io._save_paths import versioned_save_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

    from pellucid.io._validation import ValidatorSpec

# The public name: what a user's logging configuration refers to.
logger = logging.getLogger("pellucid.io.data_catalog")


class DataCatalog(DatasetCollection, CatalogProtocol["DataCatalog", Any]):
    """Datasets by name: given as objects, described by configuration, or matched by a pattern.

    A dataset is made from its configuration when it is first asked for, once, also if several threads ask at the
    same time. Everything but adding datasets while others read is safe to do from several threads.

    Args:
        datasets: datasets, or data to be kept in memory, by name; they win over configuration of the same name.
        config_resolver: knows the configuration of all other datasets.
        load_versions: for versioned datasets, the version to be loaded; the latest if it is not said.
        save_version: what all versioned datasets save as; a new one is drawn when it is needed if None.
        validation_enabled: whether validators that datasets declare are called.

    Raises:
        DatasetError: an entry has no type.
        DatasetNotFoundError: ``load_versions`` names a dataset that is not there.
        VersionAlreadyExistsError: given datasets would save different versions.
    """

    default_runtime_patterns: ClassVar[Patterns] = DEFAULT_RUNTIME_PATTERN

    def __init__(
        self,
        datasets: dict[str, Any] | None = None,
        config_resolver: CatalogConfigResolver | None = None,
        load_versions: Mapping[str, str | None] | None = None,
        save_version: str | None = None,
        validation_enabled: bool = True,
    ) -> None:
        resolver = config_resolver or CatalogConfigResolver(default_runtime_patterns=self.default_runtime_patterns)
        super().__init__(resolver, load_versions, save_version)
        self.validation_enabled = validation_enabled
        for name, dataset in (datasets or {}).items():
            self[name] = dataset
        self._add_configured()
        self._check_load_versions()

    @classmethod
    def from_config(
        cls,
        catalog: dict[str, dict[str, Any]] | None,
        credentials: dict[str, dict[str, Any]] | None = None,
        load_versions: Mapping[str, str | None] | None = None,
        save_version: str | None = None,
        validation_enabled: bool = True,
    ) -> Self:
        """Make a catalog from its configuration; no dataset is made yet.

        Args:
            catalog: entries and patterns: ``type``, arguments, and what ``credentials`` to use.
            credentials: what the entries' ``credentials`` refer to.
            load_versions: see the class.
            save_version: see the class.
            validation_enabled: see the class.

        Raises:
            DatasetError: an entry or pattern is wrong.
            CredentialsNotFoundError: credentials are missing.
            DatasetNotFoundError: ``load_versions`` names a dataset that is not there.
        """
        resolver = CatalogConfigResolver(catalog, credentials, cls.default_runtime_patterns)
        return cls(
            config_resolver=resolver,
            load_versions=load_versions,
            save_version=save_version,
            validation_enabled=validation_enabled,
        )

    def _add_configured(self) -> None:
        for name, config in self._config_resolver.config.items():
            if name in self._datasets:
                logger.warning("The dataset '%s' was given as an object; its configuration is not used.", name)
                continue
            self._lazy_datasets[name] = self._described(name, config)
            self._order[name] = None

    def _check_load_versions(self) -> None:
        unknown = [name for name in self._load_versions if name not in self]
        if unknown:
            noun = "the dataset" if len(unknown) == 1 else "the datasets"
            raise DatasetNotFoundError(
                f"Versions to load are given for {noun} {', '.join(map(repr, unknown))}, "
                f"which the catalog does not have.{did_you_mean(unknown[0], self._order)}"
            )

    def __repr__(self) -> str:
        known = {**self._lazy_datasets, **self._datasets}
        return "\n".join(f"'{name}': {described(known.get(name))}" for name in self)

    # ------------------------------------------------------------------ data

    def load(self, ds_name: str, version: str | None = None) -> Any:
        """Load the data of a dataset.

        Args:
            ds_name: its name.
            version: the version to be loaded, other than the catalog says.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetError: it cannot be loaded; the message begins with the name.
            DataValidationError: its validator refuses the data.
        """
        dataset = self[ds_name]
        if version is not None:
            dataset = at_version(ds_name, dataset, Version(version, None))
        if logger.isEnabledFor(logging.INFO) and not is_told(node_teller):
            logger.info("Loading '%s' (%s)", ds_name, type(dataset).__name__)
        try:
            data = dataset.load()
        except DatasetError as error:
            self._put_name(error, ds_name, dataset)
            raise
        except Exception as error:
            raise DatasetError(self._failed(ds_name, "load", dataset, error)) from error
        return self._validation.apply(ds_name, data, "load") if self.validation_enabled else data

    def save(self, ds_name: str, data: Any) -> None:
        """Save the data of a dataset.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetError: it cannot be saved; the message begins with the name.
            DataValidationError: its validator refuses the data.
        """
        dataset = self[ds_name]
        if logger.isEnabledFor(logging.INFO) and not is_told(node_teller):
            logger.info("Saving '%s' (%s)", ds_name, type(dataset).__name__)
        if self.validation_enabled:
            data = self._validation.apply(ds_name, data, "save")
        try:
            dataset.save(data)
        except DatasetError as error:
            self._put_name(error, ds_name, dataset)
            raise
        except Exception as error:
            raise DatasetError(self._failed(ds_name, "save", dataset, error)) from error

    def is_by_reference(self, ds_name: str, *data: Any) -> bool:
        """Tell whether to load a dataset, or to save this data, is to hand on a reference and nothing else.

        So it is with data that is kept in memory without copying it, as long as nothing is validated, and nothing
        logged, which would call somebody's handlers. Nothing is made or loaded to find it out.

        Args:
            ds_name: its name.
            data: what is to be saved; left out for a load.
        """
        if ds_name in self._validation.specs or (logger.isEnabledFor(logging.INFO) and not is_told(node_teller)):
            return False
        dataset = self._datasets.get(ds_name)
        # Of its type: somebody's own dataset may hand on whatever is asked of it to another one.
        tell = getattr(type(dataset), "_is_by_reference", None)
        return tell is not None and bool(tell(dataset, *data))

    def exists(self, ds_name: str) -> bool:
        """Tell whether a dataset's data is there; false for a dataset that is unknown, or that cannot tell."""
        dataset = self.get(ds_name)
        exists = getattr(dataset, "exists", None)
        return bool(exists()) if callable(exists) else False

    def release(self, ds_name: str) -> None:
        """Let go of what a dataset holds in memory.

        Raises:
            DatasetNotFoundError: there is no such dataset.
        """
        release = getattr(self[ds_name], "release", None)
        if callable(release):
            release()

    def confirm(self, ds_name: str) -> None:
        """Confirm a dataset: tell it that what it loaded has been dealt with.

        Raises:
            DatasetNotFoundError: there is no such dataset.
            DatasetError: it cannot be confirmed.
        """
        dataset = self[ds_name]
        confirm = getattr(dataset, "confirm", None)
        if not callable(confirm):
            raise DatasetError(f"The dataset '{ds_name}' ({full_type_name(type(dataset))}) cannot be confirmed.")
        logger.info("Confirming '%s'", ds_name)
        confirm()

    # ------------------------------------------------------------------ what is there

    @property
    def config_resolver(self) -> CatalogConfigResolver:
        """What knows the datasets' configuration and the patterns."""
        return self._config_resolver

    @property
    def validator_specs(self) -> dict[str, ValidatorSpec]:
        """The declared validators, by dataset."""
        return dict(self._validation.specs)

    @property
    def validators(self) -> dict[str, str | dict[str, Any]]:
        """The declared validators as the configuration has them, by dataset."""
        return {name: spec.to_config() for name, spec in self._validation.specs.items()}

    @property
    def _logger(self) -> logging.Logger:
        return logger

    def _type_of(self, ds_name: str) -> type | None:
        dataset = self._datasets.get(ds_name)
        if dataset is not None:
            return type(dataset)
        lazy = self._lazy_datasets.get(ds_name)
        if lazy is None and self._config_resolver.matches(ds_name):
            lazy = LazyDataset(ds_name, self._config_resolver.resolve_pattern(ds_name))
        return None if lazy is None else lazy.dataset_type()

    def get_type(self, ds_name: str) -> str | None:
        """Return the full name of a dataset's type, or None if there is no such dataset; it is not made.

        Raises:
            DatasetError: its type cannot be imported.
        """
        kind = self._type_of(ds_name)
        return None if kind is None else full_type_name(kind)

    def filter(
        self,
        name_regex: re.Pattern[str] | str | None = None,
        type_regex: re.Pattern[str] | str | None = None,
        by_type: type | list[type] | None = None,
    ) -> list[str]:
        """Return the names of the datasets for which all that is asked holds; no dataset is made.

        Args:
            name_regex: is found in the name.
            type_regex: is found in the full name of the type.
            by_type: the type, or the types, that the dataset is of; not of a type derived from it.

        Raises:
            DatasetError: types are asked for, and one cannot be imported.
        """
        names = self.keys()
        if name_regex is not None:
            in_name = re.compile(name_regex).search
            names = [name for name in names if in_name(name)]
        if type_regex is not None:
            in_type = re.compile(type_regex).search
            names = [name for name in names if in_type(self.get_type(name) or "")]
        if by_type is not None:
            wanted = {by_type} if isinstance(by_type, type) else set(by_type)
            names = [name for name in names if self._type_of(name) in wanted]
        return names

    def versioned_save_paths(self, names: Iterable[str]) -> dict[str, str]:
        """Return where datasets will save a version: by name, a path or URL; others are left out.

        Args:
            names: of datasets; those that the catalog does not have are left out, too.

        Raises:
            VersionAlreadyExistsError: a version is there already; names the dataset.
        """
        paths: dict[str, str] = {}
        for name in names:
            dataset = self.get(name)
            try:
                path = None if dataset is None else versioned_save_path(dataset)
            except DatasetError as error:
                self._put_name(error, name, dataset)
                raise
            if path is not None:
                paths[name] = path
        return paths

    def to_config(
        self,
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], dict[str, str | None], str | None]:
        """Return what ``from_config`` makes this catalog from: entries, credentials, load versions, save version.

        Datasets in memory and patterns are left out. Credentials are called ``<dataset>_credentials``.
        """
        known = [(name, self._made_from.get(name) or self._lazy_datasets.get(name) or self[name]) for name in self]
        entries, credentials = write_config(known, self._validation.specs)
        return entries, credentials, {name: self._load_versions.get(name) for name in entries}, self._save_version

    # ------------------------------------------------------------------ errors

    def _secrets_of(self, name: str, dataset: Any) -> list[Any]:
        lazy = self._made_from.get(name)
        return secrets_of(dataset) + ([] if lazy is None else credentials_in(lazy.config))

    def _put_name(self, error: DatasetError, name: str, dataset: Any) -> None:
        """Let an error's message begin with the dataset's name; one that builds its message itself stays as it is."""
        if len(error.args) != 1 or str(error) != error.args[0]:
            return
        text = error.args[0]
        if not text.startswith(("Cannot load ", "Cannot save ")):
            # The dataset's own words, and nobody has looked through them yet.
            hide_values(error, self._secrets_of(name, dataset))
            text = bounded(error.args[0])
        if not text.startswith(f"{name}: "):
            error.args = (f"{name}: {text}",)

    def _failed(self, name: str, operation: str, dataset: Any, error: Exception) -> str:
        secrets = self._secrets_of(name, dataset)
        hide_values(error, secrets)
        return f"{name}: cannot {operation} {full_type_name(type(dataset))}: {show_error(error, secrets)}"
