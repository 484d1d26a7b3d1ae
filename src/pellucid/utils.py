"""Importing by name, and locating a project."""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "CLOUD_PROTOCOLS",
    "HTTP_PROTOCOLS",
    "KEDRO_API_VERSION",
    "PROTOCOL_DELIMITER",
    "KedroExperimentalWarning",
    "experimental",
    "find_config_file",
    "find_kedro_project",
    "find_project",
    "get_close_matches",
    "is_kedro_project",
    "is_project",
    "load_obj",
]

KEDRO_API_VERSION = "1.7.0"
"""The version of Kedro whose public API is followed."""

CLOUD_PROTOCOLS = ("abfs", "abfss", "adl", "gcs", "gdrive", "gs", "oci", "oss", "s3", "s3a", "s3n")
HTTP_PROTOCOLS = ("http", "https")
PROTOCOL_DELIMITER = "://"

_PYPROJECT = "pyproject.toml"
# Also where it is no valid TOML, so that whoever reads the file as one can say what is wrong with it.
_SECTION = re.compile(r"^[ \t]*\[*[ \t]*tool[ \t]*\.[ \t]*[\"']?(?:pellucid|kedro)(?![\w-])", re.MULTILINE)
_Decorated = TypeVar("_Decorated", bound="Callable[..., Any]")


class KedroExperimentalWarning(UserWarning):
    """Something was used that may still change."""


def load_obj(obj_path: str, default_obj_path: str = "") -> Any:
    """Import an object by its dotted name.

    Args:
        obj_path: for example ``pathlib.Path``, or ``Path`` if the next argument is ``pathlib``.
        default_obj_path: the module of an ``obj_path`` without dots.

    Raises:
        ValueError: neither argument names a module.
        ModuleNotFoundError: there is no such module.
        AttributeError: the module does not have the object.
    """
    module_name, _, name = obj_path.rpartition(".")
    module_name = module_name or default_obj_path
    if not module_name:
        raise ValueError(f"'{obj_path}' names no module; write it as 'module.{obj_path or 'name'}'.")
    module = importlib.import_module(module_name)
    try:
        return getattr(module, name)
    except AttributeError:
        from pellucid._util.suggest import did_you_mean

        hint = did_you_mean(name, [each for each in dir(module) if not each.startswith("_")])
        raise AttributeError(f"The module '{module_name}' has no '{name}'.{hint}") from None


def is_project(project_path: str | Path) -> bool:
    """Tell whether a folder has a ``pyproject.toml`` with ``[tool.pellucid]`` or ``[tool.kedro]``.

    A broken file with such a section counts, too: the project is there, and ``bootstrap_project`` says what is wrong.
    """
    try:
        text = (Path(project_path) / _PYPROJECT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return _SECTION.search(text) is not None


def find_project(current_dir: str | Path) -> Path | None:
    """Return the folder itself or the closest one above it that is a project, or None."""
    here = Path(current_dir)
    return next((folder for folder in (here, *here.parents) if is_project(folder)), None)


is_kedro_project = is_project
find_kedro_project = find_project


def find_config_file(filename: str, extensions: tuple[str, ...] = (".yml", ".yaml")) -> Path | None:
    """Return the first existing file of this name, whatever extension it was given, or None.

    Args:
        filename: with or without an extension, relative to the working directory or absolute.
        extensions: those to try, in this order.
    """
    stem = Path(filename)
    stem = stem.with_suffix("") if stem.suffix in extensions else stem
    candidates = (stem.with_name(stem.name + extension) for extension in extensions)
    return next((path for path in candidates if path.is_file()), None)


def get_close_matches(
    input: str | list[str],  # noqa: A002 - Kedro's name for it
    targets: Iterable[str],
    max_suggestions: int = 3,
    cutoff: float = 0.6,
) -> list[str]:
    """Return the targets that look like one or several names, the closest first and none twice."""
    import difflib

    names = [input] if isinstance(input, str) else input
    known = list(targets)
    found = (match for name in names for match in difflib.get_close_matches(name, known, max_suggestions, cutoff))
    return list(dict.fromkeys(found))


def experimental(obj: _Decorated) -> _Decorated:
    """Mark a function or class as one that may still change: its first use warns.

    Returns:
        a wrapped function, or the class itself with a wrapped ``__init__``; both have ``__kedro_experimental__``.
    """
    if isinstance(obj, type):
        marked: Any = obj
        marked.__init__ = _warning_once(marked.__init__, marked.__name__)
        marked.__kedro_experimental__ = True
        return obj
    wrapped: Any = _warning_once(obj, getattr(obj, "__name__", repr(obj)))
    wrapped.__kedro_experimental__ = True
    return cast("_Decorated", wrapped)


def _warning_once(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    warned = False

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal warned
        if not warned:
            import warnings

            warned = True
            warnings.warn(f"'{name}' is experimental and may still change.", KedroExperimentalWarning, stacklevel=2)
        return function(*args, **kwargs)

    return wrapper
