"""The settings of the project, read from its ``settings`` module when one is first asked for."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Iterator
from typing import Any

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import ProjectError, SettingsError
from pellucid.framework.project import _state
from pellucid.framework.project._known_settings import KNOWN, check
from pellucid.framework.project._problems import describe
from pellucid.utils import get_close_matches

_logger = logging.getLogger(__name__)


class _ProjectSettings:
    """The settings of the current project as attributes; those that it does not give have their defaults.

    Names in capitals are settings; lower case finds them too. Values that are set here win over the module's, until
    the process is configured for a project anew.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"There is no setting '{name}'.{did_you_mean(name, self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.set(name, value)

    def __getitem__(self, name: str) -> Any:
        key = name.upper()
        project = _state.process.project
        with project.lock:
            if key in project.overrides:
                return project.overrides[key]
            given = _given(project)
            if key not in given and key in KNOWN:
                given[key] = KNOWN[key].default()
            return given[key]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.upper() in set(self)

    def __iter__(self) -> Iterator[str]:
        project = _state.process.project
        with project.lock:
            return iter(dict.fromkeys([*KNOWN, *_given(project), *project.overrides]))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a setting, or the default where there is none of this name."""
        try:
            return self[name]
        except KeyError:
            return default

    def set(self, name: str, value: Any) -> None:
        """Give a setting another value for this process.

        Raises:
            SettingsError: a known setting cannot have this value.
        """
        check(name.upper(), value, "the call of settings.set()")
        _state.process.project.overrides[name.upper()] = value

    def as_dict(self) -> dict[str, Any]:
        """Return all settings by name."""
        return {name: self[name] for name in self}

    def __repr__(self) -> str:
        return f"<settings of {_state.process.project.package_name or 'no project'}>"


def read_settings() -> None:
    """Read and check the project's settings, unless that was done already.

    Raises:
        ProjectError: the project's package cannot be imported.
        SettingsError: its settings cannot be imported, or one of them cannot have its value.
    """
    project = _state.process.project
    with project.lock:
        _given(project)


def _given(project: _state.Project) -> dict[str, Any]:
    """Return what the project's module gives, and the defaults that were used so far."""
    if project.settings is None:
        project.settings = _read(project.package_name) if project.package_name else {}
    return project.settings


def _read(package_name: str) -> dict[str, Any]:
    module_name = f"{package_name}.settings"
    if _is_missing(package_name, module_name):
        _logger.warning("The project '%s' has no settings.py; all settings have their defaults.", package_name)
        return {}
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"The settings module '{module_name}' cannot be imported: {describe(error)}") from error
    place = module.__file__ or module_name
    values = {name: value for name, value in vars(module).items() if name.isupper()}
    if isinstance(values.get("HOOKS"), Iterator):
        values["HOOKS"] = tuple(values["HOOKS"])
    for name, value in values.items():
        check(name, value, place)
        if name not in KNOWN and not isinstance(value, type):
            _warn_of_near_miss(name, place)
    return values


def _is_missing(package_name: str, module_name: str) -> bool:
    try:
        return importlib.util.find_spec(module_name) is None
    except (Exception, SystemExit) as error:
        raise ProjectError(f"The project's package '{package_name}' cannot be imported: {describe(error)}") from error


def _warn_of_near_miss(name: str, place: str) -> None:
    if meant := get_close_matches(name, KNOWN, 1, 0.85):
        _logger.warning("%s in %s is no setting that is known. Did you mean %s?", name, place, meant[0])
