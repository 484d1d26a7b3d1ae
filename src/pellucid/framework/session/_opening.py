"""What all sessions do when they are made, and when they load a context."""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._util.telling import tell
from pellucid.config import OmegaConfigLoader
from pellucid.exceptions import SettingsError
from pellucid.framework.hooks.manager import (
    _create_hook_manager,
    _register_hooks,
    _register_hooks_entry_points,
)
from pellucid.framework.project import settings
from pellucid.framework.project.configuration import bootstrapped_path, current_setup
from pellucid.framework.session._making import made_of_settings
from pellucid.utils import find_project

if TYPE_CHECKING:
    from pellucid.config import AbstractConfigLoader
    from pellucid.framework.context import KedroContext
    from pellucid.framework.hooks.manager import HookManager
    from pellucid.framework.session.abstract_session import AbstractSession

_VARIABLES = ("PELLUCID_ENV", "KEDRO_ENV")
_KEYS = ("catalog", "parameters", "credentials")


def project_root(project_path: Path | str | None) -> Path:
    """Return the given root, else that of this process's project, else the project around the working directory."""
    if project_path is not None:
        return Path(project_path).expanduser().resolve()
    return (bootstrapped_path() or find_project(Path.cwd()) or Path.cwd()).resolve()


def chosen_env(env: str | None) -> str | None:
    """Return the given environment, else that of PELLUCID_ENV or KEDRO_ENV, else None."""
    return env or next((value for name in _VARIABLES if (value := os.environ.get(name))), None)


def conf_source_of(conf_source: Path | str | None, project_path: Path) -> str:
    """Return where the configuration is: as given, else as the settings say, relative to the project."""
    return str(conf_source) if conf_source else str(project_path / settings.CONF_SOURCE)


def hooks_of_project() -> HookManager:
    """Return a registry with the hooks of the settings and of installed plugins.

    Raises:
        TypeError: the settings have a class where an instance is needed.
        HookError: a plugin cannot be loaded.
    """
    hooks = _create_hook_manager()
    hooks.process_setup = current_setup()
    _register_hooks(hooks, settings.HOOKS)
    _register_hooks_entry_points(hooks, settings.DISABLE_HOOKS_FOR_PLUGINS)
    return hooks


class ConfigSource:
    """Makes the configuration loaders of a session.

    With OmegaConfigLoader itself, files are parsed once, whatever the runtime parameters. A subclass of it, another
    loader, and resolvers of the project may depend on what they are made with: there each run has its own.

    Args:
        conf_source: where the configuration is.
        env: the environment.
    """

    def __init__(self, conf_source: str, env: str | None) -> None:
        self._conf_source = conf_source
        self._env = env
        self._lock = threading.Lock()
        self._first: AbstractConfigLoader | None = None

    def loader(self, runtime_params: dict[str, Any] | None) -> AbstractConfigLoader:
        """Return a loader for a run; what is set on one is not seen by others.

        Raises:
            SettingsError: there can be no loader with CONFIG_LOADER_ARGS.
        """
        arguments = dict(settings.CONFIG_LOADER_ARGS)
        if settings.CONFIG_LOADER_CLASS is not OmegaConfigLoader or arguments.get("custom_resolvers"):
            return self._new(arguments, runtime_params)
        with self._lock:
            if self._first is None:
                self._first = self._parsed(arguments)
            # A copy shares what was parsed; what was worked out with other parameters, it works out anew.
            loader = copy.copy(self._first)
        loader.runtime_params = dict(runtime_params or {})
        return loader

    def _parsed(self, arguments: dict[str, Any]) -> AbstractConfigLoader:
        loader = self._new(arguments, None)
        for key in _KEYS:
            # Whoever needs this key is told what is wrong.
            with suppress(Exception):
                loader[key]
        return loader

    def _new(self, arguments: dict[str, Any], runtime_params: dict[str, Any] | None) -> AbstractConfigLoader:
        kind = settings.CONFIG_LOADER_CLASS
        if issubclass(kind, OmegaConfigLoader):
            _check_patterns(arguments.get("config_patterns"))
        loader: AbstractConfigLoader = made_of_settings(
            kind,
            "CONFIG_LOADER_ARGS",
            arguments,
            conf_source=self._conf_source,
            env=self._env,
            runtime_params=runtime_params,
        )
        return loader


def _check_patterns(patterns: Any) -> None:
    """Refuse patterns that the loader would fail with when a key is first asked for."""
    place = "config_patterns of CONFIG_LOADER_ARGS"
    if patterns is not None and not isinstance(patterns, Mapping):
        raise SettingsError(f"{place} has to be a dictionary from keys to lists of patterns, not {patterns!r}.")
    for key, globs in (patterns or {}).items():
        if isinstance(globs, str) or not isinstance(globs, Iterable) or not all(isinstance(e, str) for e in globs):
            raise SettingsError(f"{place} has to have a list of patterns for '{key}', not {globs!r}.")


def build_context(
    session: AbstractSession,
    hooks: HookManager,
    run_id: str,
    *,
    config: ConfigSource,
    runtime_params: dict[str, Any] | None,
    **arguments: Any,
) -> KedroContext:
    """Make a context, and call the hooks around that.

    Args:
        session: whose context it is.
        hooks: of the session.
        run_id: of the run; the session's id if it is for none.
        config: gives the loader.
        runtime_params: of the run.
        arguments: the others of CONTEXT_CLASS.

    Raises:
        SettingsError: CONTEXT_CLASS or CONFIG_LOADER_CLASS cannot be called so.
    """
    try:
        hooks.hook.before_context_created(session=session, run_id=run_id)
        loader = config.loader(runtime_params)
        context: KedroContext = made_of_settings(
            settings.CONTEXT_CLASS,
            "CONTEXT_CLASS",
            {},
            config_loader=loader,
            hook_manager=hooks,
            runtime_params=runtime_params,
            **arguments,
        )
        hooks.hook.after_context_created(context=context)
    except BaseException as error:
        tell(hooks.hook.on_context_error, error, "on_context_error", error=error, session=session, run_id=run_id)
        raise
    return context
