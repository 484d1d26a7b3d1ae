"""The context of a project: its configuration, parameters and catalog."""

from __future__ import annotations

from pellucid.framework.context.catalog_mixins import CatalogCommandsMixin
from pellucid.framework.context.context import KedroContext, KedroContextError, compose_classes

__all__ = ["CatalogCommandsMixin", "KedroContext", "KedroContextError", "compose_classes"]
