"""Where a file path or URL points: its protocol, and its path within it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import DatasetError

if TYPE_CHECKING:
    import os
    from pathlib import PurePath

PROTOCOL_DELIMITER = "://"
HTTP_PROTOCOLS = ("http", "https")
CLOUD_PROTOCOLS = ("abfs", "abfss", "adl", "gcs", "gdrive", "gs", "oci", "oss", "s3", "s3a", "s3n")
LOCAL_PROTOCOLS = ("file", "local", "")

_BUCKET_PROTOCOLS = frozenset(CLOUD_PROTOCOLS)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def _parse_filepath(filepath: str) -> dict[str, str]:
    """Split a path or URL into ``protocol`` and ``path``; the path of an http URL is the whole URL.

    For an object store the path begins with the bucket (and its user part, as in ``container@account``); for
    any other protocol a host is dropped, except for ``memory``, whose path is all that follows.
    """
    protocol, delimiter, rest = filepath.partition(PROTOCOL_DELIMITER)
    if not delimiter or _DRIVE.match(filepath):
        return {"protocol": "file", "path": filepath}
    protocol = protocol.lower()
    if protocol in HTTP_PROTOCOLS:
        return {"protocol": protocol, "path": filepath}
    if protocol in _BUCKET_PROTOCOLS:
        return {"protocol": protocol, "path": rest}
    if protocol in LOCAL_PROTOCOLS:
        drive = _DRIVE.match(rest.lstrip("/"))
        return {"protocol": "file", "path": rest.lstrip("/") if drive else rest}
    if protocol == "memory":
        return {"protocol": protocol, "path": rest if rest.startswith("/") else f"/{rest}"}
    host, slash, path = rest.partition("/")
    return {"protocol": protocol, "path": slash + path if slash else host}


def get_protocol_and_path(filepath: str | os.PathLike[str], version: Any = None) -> tuple[str, str]:
    """Return the protocol of a path or URL (``file`` if it names none), and the path without the protocol.

    Args:
        filepath: a local path or a URL.
        version: anything true says that the dataset is versioned.

    Raises:
        DatasetError: for a versioned dataset over http, which cannot list versions.
    """
    parsed = _parse_filepath(str(filepath))
    protocol, path = parsed["protocol"], parsed["path"]
    if protocol in HTTP_PROTOCOLS:
        if version is not None:
            raise DatasetError(
                f"A dataset over {protocol} cannot be versioned: remove 'versioned' from its configuration."
            )
        path = path.partition(PROTOCOL_DELIMITER)[2]
    return protocol, path


def get_filepath_str(raw_path: PurePath, protocol: str) -> str:
    """Return a path as its file system wants it: with slashes, and for http as the whole URL."""
    path = raw_path.as_posix()
    return f"{protocol}{PROTOCOL_DELIMITER}{path}" if protocol in HTTP_PROTOCOLS else path
