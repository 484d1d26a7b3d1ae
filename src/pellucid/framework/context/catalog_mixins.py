"""What a context's catalog can tell about the datasets of pipelines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pellucid.framework.project import pipelines as project_pipelines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.pipeline import Pipeline

__all__ = ["CatalogCommandsMixin"]


class CatalogCommandsMixin:
    """Added to the class of a context's catalog; makes no dataset."""

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    def describe_datasets(
        self: Any, pipelines: list[str] | list[Pipeline] | None = None
    ) -> dict[str, dict[str, dict[str, list[str]]]]:
        """Say for each pipeline where the catalog takes its datasets from.

        Args:
            pipelines: names, or pipelines; the default is all of the project.

        Returns:
            by pipeline three mappings from type to names: ``datasets`` are configured one by one, ``factories``
            match a pattern, ``defaults`` are made by the run. Parameters are left out.
        """
        return {name: _described(self, names) for name, names in _datasets_by_pipeline(pipelines).items()}

    def list_patterns(self: Any) -> list[str]:
        """Return the patterns of the catalog in the order in which they are tried."""
        patterns: list[str] = self.config_resolver.list_patterns()
        return patterns

    def resolve_patterns(self: Any, pipelines: list[Pipeline] | None = None) -> dict[str, Any]:
        """Return the configuration of every dataset, as if each were configured by its name.

        These are the ones that the catalog has, and those that pipelines use.

        Args:
            pipelines: the default is all of the project.
        """
        used = (name for names in _datasets_by_pipeline(pipelines).values() for name in names)
        entries = self.to_config()[0]
        configured = (name for name in entries if not _is_parameter(name))
        return {
            name: entries[name] if name in entries else self.config_resolver.resolve_pattern(name)
            for name in sorted({*used, *configured})
        }


def _datasets_by_pipeline(pipelines: Iterable[str | Pipeline] | None) -> dict[str, set[str]]:
    wanted: Iterable[str | Pipeline] = project_pipelines if pipelines is None else pipelines
    found: dict[str, set[str]] = {}
    for index, each in enumerate(wanted):
        name = each if isinstance(each, str) else f"pipeline_{index}"
        pipeline = project_pipelines.get(each) if isinstance(each, str) else each
        found[name] = {ds for ds in pipeline.datasets() if not _is_parameter(ds)} if pipeline is not None else set()
    return found


def _is_parameter(name: str) -> bool:
    return name == "parameters" or name.startswith("params:")


def _described(catalog: Any, names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    described: dict[str, dict[str, list[str]]] = {"datasets": {}, "factories": {}, "defaults": {}}
    configured = set(catalog)
    default = next(iter(type(catalog).default_runtime_patterns.values()))["type"]
    for name in sorted(names):
        if name in configured:
            kind, type_name = "datasets", catalog.get_type(name)
        elif catalog.config_resolver.matches(name):
            kind, type_name = "factories", catalog.get_type(name)
        else:
            kind, type_name = "defaults", default
        described[kind].setdefault(str(type_name), []).append(name)
    return described
