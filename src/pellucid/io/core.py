"""Base classes of datasets, their versions, and how they are made from configuration."""

from __future__ import annotations

from pellucid._util.timestamps import TIMESTAMP_FORMAT as VERSION_FORMAT
from pellucid._util.timestamps import unique_timestamp as generate_timestamp
from pellucid.exceptions import (
    DatasetAlreadyExistsError,
    DatasetError,
    DatasetNotFoundError,
    VersionAlreadyExistsError,
    VersionNotFoundError,
)
from pellucid.io._copying import TCopyMode
from pellucid.io._dataset import _DI, _DO, AbstractDataset
from pellucid.io._definition import (
    TYPE_KEY,
    VALIDATOR_KEY,
    VERSION_KEY,
    VERSIONED_FLAG_KEY,
    Version,
    parse_dataset_definition,
)
from pellucid.io._definition import load_type as _load_obj
from pellucid.io._names import is_ephemeral, is_parameter, is_single_process, validate_on_forbidden_chars
from pellucid.io._paths import (
    CLOUD_PROTOCOLS,
    HTTP_PROTOCOLS,
    PROTOCOL_DELIMITER,
    _parse_filepath,
    get_filepath_str,
    get_protocol_and_path,
)
from pellucid.io._protocols import _DS, CatalogProtocol, SharedMemoryCatalogProtocol
from pellucid.io._protocols import _C_co as _C
from pellucid.io._save_paths import versioned_save_path
from pellucid.io._versioned import AbstractVersionedDataset

__all__ = [
    "CLOUD_PROTOCOLS",
    "HTTP_PROTOCOLS",
    "PROTOCOL_DELIMITER",
    "TYPE_KEY",
    "VALIDATOR_KEY",
    "VERSIONED_FLAG_KEY",
    "VERSION_FORMAT",
    "VERSION_KEY",
    "_C",
    "_DI",
    "_DO",
    "_DS",
    "AbstractDataset",
    "AbstractVersionedDataset",
    "CatalogProtocol",
    "DatasetAlreadyExistsError",
    "DatasetError",
    "DatasetNotFoundError",
    "SharedMemoryCatalogProtocol",
    "TCopyMode",
    "Version",
    "VersionAlreadyExistsError",
    "VersionNotFoundError",
    "_load_obj",
    "_parse_filepath",
    "generate_timestamp",
    "get_filepath_str",
    "get_protocol_and_path",
    "is_ephemeral",
    "is_parameter",
    "is_single_process",
    "parse_dataset_definition",
    "validate_on_forbidden_chars",
    "versioned_save_path",
]
