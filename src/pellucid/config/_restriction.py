"""Keeps runtime parameters from choosing which dataset class is made.

Texts that come from a runtime parameter are marked while the catalog is resolved, and the marks are looked for where a
class is named.
"""

from __future__ import annotations

from typing import Any

from pellucid.exceptions import BadConfigException

_CLASS_KEYS = frozenset({"type", "dataset"})


class RuntimeText(str):
    """A text into which a runtime parameter went."""

    __slots__ = ()


def mark(value: Any) -> Any:
    """Copy a tree of dicts and lists with every text in it marked."""
    if isinstance(value, dict):
        return {key: mark(each) for key, each in value.items()}
    if isinstance(value, list):
        return [mark(each) for each in value]
    return RuntimeText(value) if isinstance(value, str) else value


def unmark(value: Any) -> Any:
    """Copy a tree of dicts and lists with every text in it plain."""
    if isinstance(value, dict):
        return {unmark(key): unmark(each) for key, each in value.items()}
    if isinstance(value, list):
        return [unmark(each) for each in value]
    return str(value) if isinstance(value, RuntimeText) else value


def is_marked(value: Any) -> bool:
    """Tell whether a marked text is in a tree of dicts and lists."""
    if isinstance(value, dict):
        return any(map(is_marked, value.values()))
    if isinstance(value, list):
        return any(map(is_marked, value))
    return isinstance(value, RuntimeText)


def refuse_chosen_types(catalog: dict[Any, Any], where: str) -> None:
    """Look at each dataset, also at those within others.

    Raises:
        BadConfigException: a runtime parameter says which class a dataset has.
    """
    for name, entry in catalog.items():
        if _chooses_type(entry):
            raise BadConfigException(
                f"The type of the dataset '{name}' comes from a runtime parameter ({where}). The loader was told by "
                "restrict_runtime_params_type_selection that runtime parameters must not choose classes."
            )


def _chooses_type(entry: Any) -> bool:
    if isinstance(entry, list):
        return any(map(_chooses_type, entry))
    if not isinstance(entry, dict):
        return False
    return any(
        (key in _CLASS_KEYS and isinstance(value, RuntimeText)) or _chooses_type(value) for key, value in entry.items()
    )
