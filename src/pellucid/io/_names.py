"""Names of datasets, and what can be told about a dataset without using it."""

from __future__ import annotations

import re
from typing import Any

from pellucid.exceptions import DatasetError

_FORBIDDEN = re.compile(r"[ ;]")


def is_parameter(dataset_name: str) -> bool:
    """Tell whether a name is that of a parameter, or of all of them."""
    return dataset_name == "parameters" or dataset_name.startswith("params:")


def validate_on_forbidden_chars(**kwargs: Any) -> None:
    """Refuse values with blanks or semicolons.

    Raises:
        DatasetError: names the argument.
    """
    for name, value in kwargs.items():
        if _FORBIDDEN.search(value):
            raise DatasetError(f"'{name}' may hold neither blanks nor semicolons.")


def is_ephemeral(dataset: object) -> bool:
    """Tell whether a dataset's data is gone with the process."""
    return bool(getattr(dataset, "_EPHEMERAL", False))


def is_single_process(dataset: object) -> bool:
    """Tell whether a dataset must not be handed to another process."""
    return bool(getattr(dataset, "_SINGLE_PROCESS", False))
