"""The base class of configuration loaders."""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    _Configuration = UserDict[str, Any]
else:
    _Configuration = UserDict


class AbstractConfigLoader(_Configuration):
    """A mapping of configuration keys ("catalog", "parameters", ...) to what is configured under them.

    Args:
        conf_source: where the configuration is.
        env: the environment that goes over the base one.
        runtime_params: parameters of this run, which win over those of files.
        **kwargs: accepted for the sake of subclasses, and not used.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        del kwargs  # what CONFIG_LOADER_ARGS has for another loader does no harm
        self.conf_source = conf_source
        self.env = env
        self.runtime_params = runtime_params or {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return what is configured under ``key``, or ``default`` where the loader has no such key.

        A key that the loader has, and whose files are missing, still raises ``MissingConfigException``.
        """
        try:
            return self[key]
        except KeyError:
            return default
