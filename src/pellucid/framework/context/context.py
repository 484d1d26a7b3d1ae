"""The configuration of a project and what is made of it: parameters and catalogs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import KedroContextError, MissingConfigException
from pellucid.framework.context._parameters import parameter_datasets
from pellucid.framework.context._paths import _convert_paths_to_absolute_posix
from pellucid.framework.context.catalog_mixins import CatalogCommandsMixin
from pellucid.framework.project import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.config import AbstractConfigLoader
    from pellucid.typing import HookRelay

__all__ = ["KedroContext", "KedroContextError", "_convert_paths_to_absolute_posix", "compose_classes"]

_logger = logging.getLogger(__name__)


class KedroContext:
    """Gives parameters and catalogs, as the configuration of a project and an environment has them.

    Args:
        project_path: the root of the project.
        config_loader: reads the configuration.
        env: the environment; None is the loader's default.
        package_name: the project's Python package.
        hook_manager: told of every catalog that is made.
        runtime_params: parameters of this run, which the loader has put over those of the files.
        pipelines_to_validate: kept for subclasses, as are the next two.
        validated_params_cache: kept for subclasses.
        cached_validation_scope: kept for subclasses.
    """

    def __init__(
        self,
        project_path: str | Path,
        config_loader: AbstractConfigLoader,
        env: str | None,
        package_name: str,
        hook_manager: HookRelay,
        runtime_params: dict[str, Any] | None = None,
        pipelines_to_validate: list[str] | None = None,
        validated_params_cache: dict[str, Any] | None = None,
        cached_validation_scope: list[str] | None = None,
    ) -> None:
        self.project_path = Path(project_path).expanduser().resolve()
        self.config_loader = config_loader
        self.env = env
        self._package_name = package_name
        self._hook_manager = hook_manager
        self._runtime_params = runtime_params
        self._pipelines_to_validate = pipelines_to_validate
        self._validated_params_cache = validated_params_cache
        self._cached_validation_scope = cached_validation_scope
        self._params: dict[str, Any] | None = None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; empty where the project has none.

        Raises:
            ConfigError: they cannot be read.
        """
        if self._params is None:
            self._params = self._configured("parameters")
        return self._params

    @property
    def catalog(self) -> Any:
        """A new catalog; its class has the methods of ``CatalogCommandsMixin``, too.

        Raises:
            ConfigError: its configuration cannot be read.
            DatasetError: an entry is wrong.
        """
        return self._get_catalog(compose_classes(settings.DATA_CATALOG_CLASS, CatalogCommandsMixin))

    def _get_catalog(
        self,
        catalog_class: type[Any] | None = None,
        save_version: str | None = None,
        load_versions: dict[str, str] | None = None,
    ) -> Any:
        """Make a catalog with the parameters in it, and tell the hooks.

        Args:
            catalog_class: the default is DATA_CATALOG_CLASS of the settings.
            save_version: what versioned datasets save.
            load_versions: what they load, by name; the default is the latest.

        Raises:
            ConfigError: the configuration cannot be read.
            DatasetError: an entry is wrong.
        """
        kind = catalog_class if catalog_class is not None else settings.DATA_CATALOG_CLASS
        conf_catalog = _convert_paths_to_absolute_posix(self.project_path, self.config_loader["catalog"])
        conf_creds = self._get_config_credentials()
        options: dict[str, Any] = {} if settings.DATASET_VALIDATION else {"validation_enabled": False}
        catalog = kind.from_config(
            catalog=conf_catalog,
            credentials=conf_creds,
            load_versions=load_versions,
            save_version=save_version,
            **options,
        )
        parameters = self._get_parameters()
        for name, value in parameters.items():
            catalog[name] = value
        self._hook_manager.hook.after_catalog_created(
            catalog=catalog,
            conf_catalog=conf_catalog,
            conf_creds=conf_creds,
            parameters=parameters,
            save_version=save_version,
            load_versions=load_versions,
        )
        return catalog

    def _get_parameters(self) -> dict[str, Any]:
        """Return the data of the parameter datasets by name."""
        return parameter_datasets(self.params)

    def _get_config_credentials(self) -> dict[str, Any]:
        """Return the credentials; empty where the project has none."""
        credentials = self._configured("credentials")
        self._hook_manager.hook.after_credentials_loaded(credentials=credentials)
        return credentials

    def _configured(self, key: str) -> dict[str, Any]:
        try:
            found: Mapping[str, Any] | None = self.config_loader[key]
        except MissingConfigException as error:
            _logger.debug("The project has no %s: %s", key, error)
            return {}
        except KeyError:
            _logger.debug("The configuration loader does not know the key '%s'.", key)
            return {}
        return dict(found or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(project_path={str(self.project_path)!r}, env={self.env!r})"


def compose_classes(base: type[Any], *mixins: type[Any]) -> type[Any]:
    """Return a class that has the methods of the base and, where this lacks them, of the mixins.

    The base itself is returned if it has all of them already.
    """
    missing = [mixin for mixin in mixins if not issubclass(base, mixin)]
    if not missing:
        return base
    name = f"{base.__name__}With{''.join(mixin.__name__ for mixin in missing)}"
    kind: Any = type(base)
    composed: type[Any] = kind(name, (base, *missing), {"__module__": __name__})
    return composed
