"""Dataset factory patterns and the configuration of datasets by name."""

from __future__ import annotations

from pellucid.io._credentials import CREDENTIALS_KEY
from pellucid.io._resolver import DEFAULT_RUNTIME_PATTERN, CatalogConfigResolver, Patterns

__all__ = ["CREDENTIALS_KEY", "DEFAULT_RUNTIME_PATTERN", "CatalogConfigResolver", "Patterns"]
