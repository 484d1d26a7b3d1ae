"""Where a versioned dataset is going to save, told before it does."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from pellucid.exceptions import VersionAlreadyExistsError
from pellucid.io._dataset import described
from pellucid.io._definition import check_version
from pellucid.io._paths import PROTOCOL_DELIMITER


def versioned_save_path(dataset: Any) -> str | None:
    """Return the path or URL that a dataset's next save makes; None if no other run could make the same.

    That is so for a dataset without versions, and for one that draws a new version for each save. A dataset that
    caches another one is asked for that one. Local paths are absolute.

    Raises:
        VersionAlreadyExistsError: that version is there already.
        VersionNotFoundError: the version is no name for a folder.
    """
    inner = getattr(dataset, "_dataset", None)
    if inner is not None and callable(getattr(inner, "save", None)):
        return versioned_save_path(inner)
    version = getattr(getattr(dataset, "_version", None), "save", None)
    filepath = getattr(dataset, "_filepath", None)
    if not version or filepath is None:
        return None
    filepath = PurePosixPath(filepath)
    path = str(filepath / check_version(version) / filepath.name)
    exists = getattr(dataset, "_exists_function", None)
    if callable(exists) and exists(path):
        raise VersionAlreadyExistsError(f"The version '{version}' of {described(dataset)} exists already: {path}")
    protocol = getattr(dataset, "_protocol", "file")
    if protocol in {"file", "local", ""}:
        return str(Path(path).absolute())
    return path if PROTOCOL_DELIMITER in path else f"{protocol}{PROTOCOL_DELIMITER}{path.lstrip('/')}"
