"""The datasets of the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def parameter_datasets(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the data of each parameter dataset by name.

    ``parameters`` is all of them; ``params:a`` is a parameter, and ``params:a.b`` what it has under ``b``, and so on.
    """
    found: dict[str, Any] = {"parameters": params}
    _add(found, "params:", params)
    return found


def _add(found: dict[str, Any], prefix: str, params: Mapping[Any, Any]) -> None:
    for key, value in params.items():
        name = f"{prefix}{key}"
        found[name] = value
        if isinstance(value, dict):
            _add(found, f"{name}.", value)
