"""From an entry of the catalog to a class and its arguments."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import DatasetError, VersionNotFoundError
from pellucid.io._redaction import show_error

logger = logging.getLogger("pellucid.io.core")

VERSION_KEY = "version"
VERSIONED_FLAG_KEY = "versioned"
TYPE_KEY = "type"
VALIDATOR_KEY = "validator"

_OURS = "pellucid.io."
_THEIRS = "kedro.io."
_PREFIXES = (_OURS, _THEIRS, "kedro_datasets.", "pellucid.io.datasets.", "")
_OWN_TYPES = (
    "CachedDataset",
    "MemoryDataset",
    "SharedMemoryDataset",
    "csv.CSVDataset",
    "json.JSONDataset",
    "pandas.CSVDataset",
    "pandas.ParquetDataset",
    "parquet.ParquetDataset",
    "pickle.PickleDataset",
    "polars.CSVDataset",
    "polars.ParquetDataset",
    "text.TextDataset",
    "yaml.YAMLDataset",
)


# What a module may do to have names that its source does not show.
_DYNAMIC = re.compile(r"import \*|__getattr__|globals\(|vars\(|setattr|attach|sys\.modules")
_TYPE_NAME = re.compile(r"\b[A-Za-z]\w*[dD]ata[sS]et\b")


class Version(NamedTuple):
    """What a versioned dataset loads and saves: None is the latest to load, and a new one to save."""

    load: str | None
    save: str | None


def parse_dataset_definition(
    config: dict[str, Any], load_version: str | None = None, save_version: str | None = None
) -> tuple[type, dict[str, Any]]:
    """Return the class of a dataset and the arguments to make it with; ``config`` is left as it is.

    Args:
        config: an entry of the catalog: ``type``, perhaps ``versioned``, and arguments of the type.
        load_version: as for ``AbstractDataset.from_config``.
        save_version: as for ``AbstractDataset.from_config``; a new one if None.

    Raises:
        DatasetError: no type, an unknown one, or one that neither loads nor saves.
    """
    arguments = copy_containers(config)
    if TYPE_KEY not in arguments:
        raise DatasetError("its configuration has no 'type'.")
    class_obj = _dataset_class(arguments.pop(TYPE_KEY))
    if not arguments:
        return class_obj, arguments
    for reserved in (VERSION_KEY, VALIDATOR_KEY):
        if arguments.pop(reserved, None) is not None:
            logger.warning("'%s' in a dataset's configuration is ignored: it is no argument of the dataset.", reserved)
    if arguments.pop(VERSIONED_FLAG_KEY, False):
        if save_version is None:
            from pellucid._util.timestamps import unique_timestamp

            save_version = unique_timestamp()
        arguments[VERSION_KEY] = Version(load_version, save_version)
    return class_obj, arguments


def copy_containers(value: Any) -> Any:
    """Copy dictionaries and lists at any depth, and share everything else."""
    if isinstance(value, dict):
        return {key: each if isinstance(each, str) else copy_containers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copy_containers(each) for each in value]
    return value


def _dataset_class(kind: Any) -> type:
    found = find_type(kind) if isinstance(kind, str) else kind
    if not isinstance(found, type):
        raise DatasetError(f"its type must be a class or the name of one, not a {type(found).__name__}.")
    if not (callable(getattr(found, "load", None)) and callable(getattr(found, "save", None))):
        raise DatasetError(f"its type {found.__module__}.{found.__qualname__} is no dataset: it has no load and save.")
    return found


def find_type(name: str) -> type:
    """Return the dataset class of a type name, short (``pandas.CSVDataset``) or full.

    Raises:
        DatasetError: there is none, or its module cannot be imported; the message says which.
    """
    module, attribute = _locate(name)
    found: type = getattr(sys.modules.get(module) or importlib.import_module(module), attribute)
    return found


class _Unimportable(NamedTuple):
    path: str
    error: ImportError


@functools.lru_cache(maxsize=1024)
def _locate(name: str) -> tuple[str, str]:
    """Return module and attribute of a type name. Not the class: modules are reloaded in notebooks."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise DatasetError(f"its type '{name}' is not the dotted name of a class.")
    broken: list[_Unimportable] = []
    candidates = [prefix + name for prefix in _PREFIXES]
    if name.startswith(_THEIRS):
        candidates.insert(0, _OURS + name.removeprefix(_THEIRS))
    elif name.startswith(_OURS):
        candidates.insert(0, name)  # before those of others, as a part of which it would not be found
    for path in candidates:
        module, _, attribute = path.rpartition(".")
        if not module or (path == name and _is_a_library_without(module, attribute)):
            continue
        found = _try(module, attribute)
        if found is True:
            return module, attribute
        if found is not False:
            broken.append(_Unimportable(path, found))
    if broken:
        raise _unimportable(name, broken[0]) from broken[0].error
    raise DatasetError(_unknown(name))


def _try(module: str, attribute: str) -> bool | ImportError:
    """Tell whether a module has an attribute; if it is there and needs what is not, return that error."""
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        return error if missing and missing != module and not module.startswith(f"{missing}.") else False
    except ImportError as error:
        return error
    except Exception as error:
        raise DatasetError(f"its type's module {module} cannot be imported: {show_error(error)}") from error


def _is_a_library_without(module: str, attribute: str) -> bool:
    """Tell whether a module shares its name with dataset types, such as pandas, and its source shows no such class.

    To import it takes seconds, and all that it could say is that the class is not there.
    """
    if module in sys.modules or not _has_types(module):
        return False
    try:
        spec = importlib.util.find_spec(module)
        path = spec.origin if spec else None
        source = Path(path).read_text("utf-8") if path and path.endswith(".py") else ""
    except (ImportError, OSError, ValueError):
        return False
    return bool(source) and attribute not in source and not _DYNAMIC.search(source)


def _has_types(module: str) -> bool:
    ours = any(each.startswith(f"{module}.") for each in _OWN_TYPES)
    return ours or ("." not in module and any((each / module).is_dir() for each in _folders_of("kedro_datasets")))


def _unimportable(name: str, broken: _Unimportable) -> DatasetError:
    path, error = broken
    if isinstance(error, ModuleNotFoundError) and error.name:
        root = error.name.partition(".")[0]
        return DatasetError(f"its type '{name}' ({path}) needs the package '{root}', which is not installed.")
    return DatasetError(f"its type '{name}' ({path}) cannot be imported: {show_error(error)}")


def _unknown(name: str) -> str:
    text = f"there is no dataset type '{name}'."
    close = did_you_mean(name, [*_OWN_TYPES, *_neighbours(name)])
    if close:
        return text + close
    if importlib.util.find_spec("kedro_datasets") is None:
        return text + " Types such as 'pandas.ExcelDataset' come with the package kedro-datasets: it is not installed."
    return f"{text} It is none of kedro_datasets, no full name of a class, and none of ours: {', '.join(_OWN_TYPES)}."


def _neighbours(name: str) -> list[str]:
    """Return the type names in the modules that ``name`` may have meant; none is imported for it."""
    parent = name.rpartition(".")[0]
    if not parent:
        return []
    known = sys.modules.get(parent)
    names = list(getattr(known, "__all__", None) or dir(known))
    for folder in _folders_of("kedro_datasets"):
        for path in (folder / parent.replace(".", "/")).glob("__init__.py*"):
            if path.suffix in {".py", ".pyi"}:
                names += _TYPE_NAME.findall(path.read_text("utf-8"))
    return [f"{parent}.{each}" for each in dict.fromkeys(names) if each.lower().endswith("dataset")]


def _folders_of(package: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return []
    return [Path(each) for each in (spec.submodule_search_locations or ())] if spec else []


def check_version(version: str) -> str:
    """Return a version that may be the name of a folder.

    Raises:
        VersionNotFoundError: it holds separators, is a relative step, or nothing.
    """
    if not version or version in {".", ".."} or "/" in version or "\\" in version or "\0" in version:
        raise VersionNotFoundError(
            f"The version {version!r} cannot be used: a version is the name of one folder, without '/', '\\' or '..'."
        )
    return version


def load_type(class_obj_path: str) -> tuple[Any, str | None]:
    """Return what a full dotted name stands for and None, or None and why it cannot be had."""
    module, _, attribute = class_obj_path.rpartition(".")
    found = _try(module, attribute) if module else False
    if isinstance(found, ImportError):
        return None, str(_unimportable(class_obj_path, _Unimportable(class_obj_path, found)))
    if not found:
        return None, _unknown(class_obj_path)
    return getattr(sys.modules[module], attribute), None
