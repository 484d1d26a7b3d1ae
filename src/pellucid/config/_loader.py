"""The loader of a project's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.config._abstract import AbstractConfigLoader
from pellucid.config._environment import Environment, read_environment, resolve_environment, resolve_runtime_params
from pellucid.config._merging import (
    MERGING_IMPLEMENTATIONS,
    MergeStrategies,
    clone,
    destructive_merge,
    is_hidden_key,
    soft_merge,
)
from pellucid.config._parsing import parse
from pellucid.config._resolvers import LoaderResolvers
from pellucid.config._sources import check_protocol, open_source, without_secrets
from pellucid.exceptions import BadConfigException, MissingConfigException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, KeysView
    from pathlib import Path

    from pellucid.config._sources import Source


def _default_patterns() -> dict[str, list[str]]:
    names = ("catalog", "parameters", "credentials", "logging")
    patterns = {name: [f"{name}*", f"{name}*/**", f"**/{name}*"] for name in names}
    return {**patterns, "globals": ["globals.yml"]}


class OmegaConfigLoader(AbstractConfigLoader):
    """Configuration from YAML and JSON files, with OmegaConf's interpolations.

    A file is read once in the life of a loader, and what is under a key is worked out once; each access returns a copy
    of its own. Resolvers belong to the loader: nothing is registered with OmegaConf.

    Args:
        conf_source: a folder, a zip or tar archive (read in place), or a URL that fsspec knows.
        env: the environment that goes over ``base_env``; ``default_run_env`` where it is None.
        runtime_params: merged into the parameters, at every depth; ``${runtime_params:...}`` elsewhere.
        config_patterns: globs of the files of a key, relative to an environment; beside the default ones.
        base_env: the folder of the base environment; the source itself where it is None.
        default_run_env: see ``env``.
        custom_resolvers: functions for ``${name:argument, ...}``, by name. They win over built-in ones.
        merge_strategy: "soft" or "destructive" (the default) for a key of ``config_patterns``.
        ignore_hidden: leave out files and folders whose names start with a dot.
        restrict_runtime_params_type_selection: refuse a catalog in which a runtime parameter chooses a dataset's type.
        allow_http: read from ``http`` and ``https``, too.

    Raises:
        BadConfigException: a merge strategy, a resolver or the protocol of the source cannot be used.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        *,
        config_patterns: dict[str, list[str]] | None = None,
        base_env: str | None = None,
        default_run_env: str | None = None,
        custom_resolvers: dict[str, Callable[..., Any]] | None = None,
        merge_strategy: dict[str, str] | None = None,
        ignore_hidden: bool = True,
        restrict_runtime_params_type_selection: bool = False,
        allow_http: bool = False,
    ) -> None:
        super().__init__(str(conf_source), env, runtime_params)
        self.base_env = base_env or ""
        self.default_run_env = default_run_env or ""
        self.config_patterns = {**_default_patterns(), **(config_patterns or {})}
        self.merge_strategy = merge_strategy or {}
        self.ignore_hidden = ignore_hidden
        self.restrict_runtime_params_type_selection = restrict_runtime_params_type_selection
        self._custom_resolvers = dict(custom_resolvers or {})
        self._parsed: dict[str, dict[Any, Any]] = {}
        self._listed: dict[str, list[str]] = {}
        self._resolved: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._opened: tuple[str, Source] | None = None
        for name, resolver in self._custom_resolvers.items():
            if not callable(resolver):
                raise BadConfigException(f"The custom resolver '{name}' is no function, but {resolver!r}.")
        for key in self.merge_strategy:
            self._strategy(key)
        check_protocol(str(conf_source), allow_http=allow_http)

    def __getitem__(self, key: str) -> Any:
        """Return what is configured under ``key``, merged and resolved, as a copy.

        Raises:
            KeyError: the loader has no such key.
            MissingConfigException: an environment is not there, or no file belongs to the key.
            BadConfigException: a file cannot be used.
        """
        if key in self.data:
            return self.data[key]
        if key not in self.config_patterns:
            from pellucid._util.suggest import did_you_mean

            raise KeyError(f"The config loader has no key '{key}'.{did_you_mean(str(key), self.config_patterns)}")
        return clone(self._load(key))

    def __setitem__(self, key: str, value: Any) -> None:
        """Use ``value`` for ``key`` from now on, instead of what files say."""
        if key == "globals":
            self._resolved.clear()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        """Use what files say for ``key`` again."""
        if key == "globals":
            self._resolved.clear()
        super().__delitem__(key)

    def __contains__(self, key: object) -> bool:
        return key in self.data or key in self.config_patterns

    def __iter__(self) -> Iterator[str]:
        return iter({**self.config_patterns, **self.data})

    def __len__(self) -> int:
        return len({**self.config_patterns, **self.data})

    def keys(self) -> KeysView[str]:
        """Return the keys that the loader has patterns for, and those that were set."""
        return {**self.config_patterns, **self.data}.keys()

    def __repr__(self) -> str:
        source = without_secrets(str(self.conf_source))
        return (
            f"{type(self).__name__}(conf_source={source!r}, env={self.env!r}, base_env={self.base_env!r}, "
            f"default_run_env={self.default_run_env!r}, runtime_params={sorted(map(str, self.runtime_params))}, "
            f"config_patterns={self.config_patterns!r}, merge_strategy={self.merge_strategy!r}, "
            f"custom_resolvers={sorted(self._custom_resolvers)})"
        )

    def load_and_merge_dir_config(
        self,
        conf_path: str,
        patterns: Iterable[str],
        key: str,
        processed_files: set[Any],
        read_environment_variables: bool | None = False,
    ) -> dict[str, Any]:
        """Return what the files of one environment say, resolved.

        Args:
            conf_path: the folder of the environment; relative to the source, or as the source names it.
            patterns: globs of the files.
            key: whose rules count: parameters take runtime parameters and keep keys that start with ``_``.
            processed_files: gets the names of the files that were read.
            read_environment_variables: ``oc.env`` may be used.

        Raises:
            MissingConfigException: there is no such folder.
            BadConfigException: a file cannot be used.
        """
        root = self._source.label("").rstrip("/")
        folder = conf_path.removeprefix(root).strip("/") if conf_path.startswith(root) else conf_path
        environment = self._read(folder, list(patterns), key)
        processed_files.update(environment.names)
        return self._resolve(key, environment, environment_variables=bool(read_environment_variables))

    @property
    def _source(self) -> Source:
        location = str(self.conf_source)
        if self._opened is None or self._opened[0] != location:
            self._opened = location, open_source(location, self.base_env)
            self._parsed, self._listed = {}, {}
        return self._opened[1]

    def _strategy(self, key: str) -> str:
        """Return the name of the method that merges environments for ``key``."""
        from pellucid._util.suggest import did_you_mean

        if key not in self.config_patterns:
            hint = did_you_mean(key, self.config_patterns)
            raise BadConfigException(f"merge_strategy names '{key}', which is no key of config_patterns.{hint}")
        name = self.merge_strategy.get(key, "destructive")
        try:
            return MERGING_IMPLEMENTATIONS[MergeStrategies[str(name).upper()]]
        except KeyError:
            known = [each.name.lower() for each in MergeStrategies]
            hint = did_you_mean(str(name), known)
            raise BadConfigException(
                f"The merge strategy of '{key}' is '{name}'; there are {' and '.join(known)}.{hint}"
            ) from None

    def _load(self, key: str) -> dict[str, Any]:
        """Return what is under ``key``, from memory if what it depends on is still the same."""
        state = (
            self.conf_source, self.env, self.base_env, self.default_run_env, self.ignore_hidden,
            self.config_patterns[key], self.config_patterns.get("globals"), self.merge_strategy, self.runtime_params,
        )  # fmt: skip
        remembered = self._resolved.get(key)
        if remembered is not None and remembered[0] == state:
            return remembered[1]
        value = self._load_anew(key)
        self._resolved[key] = (tuple(map(clone, state)), value)
        return value

    def _load_anew(self, key: str) -> dict[str, Any]:
        patterns = self.config_patterns[key]
        folders = self._environment_folders()
        environments = [self._read(folder, patterns, key) for folder in folders]
        if not any(environment.names for environment in environments) and key != "globals":
            places = " or ".join(self._source.label(folder) for folder in folders)
            raise MissingConfigException(
                f"No YAML or JSON file for '{key}' is in {places}; looked for {', '.join(map(repr, patterns))}."
            )
        merge = getattr(self, self._strategy(key))
        merged, *above = [
            self._resolve(key, environment, environment_variables=key == "credentials") for environment in environments
        ]
        for each in above:
            merged = merge(merged, each)
        if key == "parameters" and self.runtime_params:
            resolvers = self._resolvers(key, environment_variables=False)
            return soft_merge(merged, resolve_runtime_params(merged, self.runtime_params, resolvers))
        if key == "parameters":
            return merged
        return {name: value for name, value in merged.items() if not is_hidden_key(name)}

    def _environment_folders(self) -> list[str]:
        env = self.env or self.default_run_env
        return [self.base_env] if not env or env == self.base_env else [self.base_env, env]

    def _read(self, folder: str, patterns: list[str], key: str) -> Environment:
        if not self._source.has_folder(folder):
            from pellucid._util.suggest import did_you_mean

            there = self._source.folders()
            near = did_you_mean(folder, there) or (f" There are {', '.join(map(repr, there))}." if there else "")
            raise MissingConfigException(
                f"There is no environment '{folder}': no folder {self._source.label(folder)}.{near}"
            )
        if folder not in self._listed:
            self._listed[folder] = self._source.files(folder)
        return read_environment(
            folder, self._listed[folder], patterns, self._parse, nested=key == "parameters",
            ignore_hidden=self.ignore_hidden, label=self._source.label,
        )  # fmt: skip

    def _parse(self, path: str) -> dict[Any, Any]:
        if path not in self._parsed:
            name = self._source.label(path)
            try:
                content = self._source.read(path)
            except Exception as error:  # each file system has exceptions of its own
                raise BadConfigException(
                    f"{name} cannot be read: {getattr(error, 'strerror', None) or error}"
                ) from error
            self._parsed[path] = parse(content, name)
        return self._parsed[path]

    def _resolve(self, key: str, environment: Environment, *, environment_variables: bool) -> dict[str, Any]:
        return resolve_environment(
            key,
            environment,
            self._resolvers(key, environment_variables=environment_variables),
            runtime_params=self.runtime_params if key == "parameters" else {},
        )

    def _resolvers(self, key: str, *, environment_variables: bool) -> LoaderResolvers:
        return LoaderResolvers(
            self.runtime_params,
            self._custom_resolvers,
            None if key == "globals" else self._globals,
            environment=environment_variables,
            marks_runtime=key == "catalog" and self.restrict_runtime_params_type_selection,
        )

    def _globals(self) -> dict[Any, Any]:
        values: dict[Any, Any] = self.data["globals"] if "globals" in self.data else self._load("globals")
        return values

    @staticmethod
    def _soft_merge(config: dict[str, Any], env_config: dict[str, Any]) -> dict[str, Any]:
        return soft_merge(config, env_config)

    @staticmethod
    def _destructive_merge(config: dict[str, Any], env_config: dict[str, Any]) -> dict[str, Any]:
        return destructive_merge(config, env_config)
