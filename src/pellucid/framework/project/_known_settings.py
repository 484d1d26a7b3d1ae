"""The settings that are known: their defaults, and what each may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pellucid._util.rows import Row
from pellucid.exceptions import SettingsError, SettingsTypeError
from pellucid.utils import load_obj

_CATALOG_METHODS = (
    "__contains__",
    "__getitem__",
    "__setitem__",
    "__iter__",
    "get",
    "load",
    "save",
    "exists",
    "release",
    "confirm",
    "from_config",
)


class Setting(Row):
    """One setting.

    Args:
        default: makes the value where the project gives none; importing waits until then.
        allowed: what a value has to be, as a phrase.
        fits: tells whether a value is that.
    """

    default: Callable[[], Any]
    allowed: str
    fits: Callable[[Any], bool]


def check(name: str, value: Any, place: str) -> None:
    """Refuse a value that a setting cannot have.

    Args:
        name: of the setting; unknown ones may be anything.
        value: to be checked.
        place: where the value stands, as the user would name it.

    Raises:
        SettingsTypeError: HOOKS holds a class.
        SettingsError: any other setting does not fit.
    """
    setting = KNOWN.get(name)
    if setting is None:
        return
    if name == "HOOKS" and isinstance(value, Iterable):
        classes = [each.__qualname__ for each in value if isinstance(each, type)]
        if classes:
            raise SettingsTypeError(f"HOOKS in {place} holds a class; write {classes[0]}() with parentheses.")
    if not setting.fits(value):
        raise SettingsError(f"{name} in {place} has to be {setting.allowed}, not {_shown(value)}.")


def _shown(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__module__}.{value.__qualname__}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _subclass_of(path: str) -> Setting:
    def fits(value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, load_obj(path))

    return Setting(lambda: load_obj(path), f"a subclass of {path}", fits)


def _is_catalog_class(value: Any) -> bool:
    return isinstance(value, type) and all(callable(getattr(value, name, None)) for name in _CATALOG_METHODS)


def _is_series(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def _is_series_of_names(value: Any) -> bool:
    return _is_series(value) and all(isinstance(each, str) for each in value)


def _is_arguments(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, os.PathLike)) and bool(os.fspath(value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


_NAMES = "a list or tuple of names"
_ARGUMENTS = "a dictionary of keyword arguments"

KNOWN: Mapping[str, Setting] = {
    "CONF_SOURCE": Setting(lambda: "conf", "the path of a folder, archive or URL", _is_path),
    "HOOKS": Setting(tuple, "a list or tuple of hook instances", _is_series),
    "CONTEXT_CLASS": _subclass_of("pellucid.framework.context.KedroContext"),
    "SESSION_CLASS": Setting(
        lambda: load_obj("pellucid.framework.session.KedroSession"),
        "a subclass of pellucid.framework.session.AbstractSession",
        _subclass_of("pellucid.framework.session.AbstractSession").fits,
    ),
    "SESSION_STORE_CLASS": _subclass_of("pellucid.framework.session.store.BaseSessionStore"),
    "SESSION_STORE_ARGS": Setting(dict, _ARGUMENTS, _is_arguments),
    "DISABLE_HOOKS_FOR_PLUGINS": Setting(tuple, _NAMES, _is_series_of_names),
    "CONFIG_LOADER_CLASS": Setting(
        lambda: load_obj("pellucid.config.OmegaConfigLoader"),
        "a subclass of pellucid.config.AbstractConfigLoader",
        _subclass_of("pellucid.config.AbstractConfigLoader").fits,
    ),
    "CONFIG_LOADER_ARGS": Setting(lambda: {"base_env": "base", "default_run_env": "local"}, _ARGUMENTS, _is_arguments),
    "DATA_CATALOG_CLASS": Setting(
        lambda: load_obj("pellucid.io.DataCatalog"),
        f"a class with the methods of a catalog ({', '.join(_CATALOG_METHODS)})",
        _is_catalog_class,
    ),
    "DATASET_VALIDATION": Setting(lambda: True, "True or False", _is_bool),
    "RUNNER_MODULE_ALLOWLIST": Setting(tuple, _NAMES, _is_series_of_names),
}
