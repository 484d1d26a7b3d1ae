"""Names of parameters among the names of datasets."""

from __future__ import annotations

PARAMETERS = "parameters"
_PREFIX = "params:"


def is_parameter(name: str) -> bool:
    """Tell whether a dataset is ``parameters`` or one of ``params:…``."""
    return name == PARAMETERS or name.startswith(_PREFIX)


def with_prefix(name: str) -> str:
    """Return ``params:name``, or the name itself if it is one of a parameter already."""
    return name if is_parameter(name) else _PREFIX + name


def prefixed_parameter(name: str, prefix: str) -> str:
    """Return ``params:name`` as ``params:prefixname``; ``parameters`` are those of all namespaces."""
    return name if name == PARAMETERS else f"{_PREFIX}{prefix}{name[len(_PREFIX) :]}"
