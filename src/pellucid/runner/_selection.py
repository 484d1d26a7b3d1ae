"""What a runner finds out from a catalog: unsatisfied inputs, missing outputs, what survives a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pellucid._util.suggest import nearest
from pellucid.exceptions import UnsatisfiedInputsError
from pellucid.io.core import is_ephemeral
from pellucid.pipeline import Pipeline
from pellucid.runner._board import dependencies_of, plain_name
from pellucid.runner._resume import resume_points

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog

__all__ = ["materialise", "only_missing", "resume_from"]

_logger = logging.getLogger("pellucid.runner")


def materialise(pipeline: Pipeline, catalog: Catalog) -> None:
    """Have the catalog make every dataset of the pipeline, from its configuration or a pattern.

    Raises:
        UnsatisfiedInputsError: the pipeline reads datasets that neither the catalog nor a node provides.
    """
    unregistered = set()
    for name in sorted(pipeline.datasets()):
        if name not in catalog:
            unregistered.add(name)
        catalog.get(name, fallback_to_runtime_pattern=True)
    unsatisfied = sorted(unregistered.intersection(pipeline.inputs()))
    if unsatisfied:
        known = [name for name in catalog if name not in unregistered]
        close = [found for name in unsatisfied[:3] for found in nearest(name, known)]
        raise UnsatisfiedInputsError(unsatisfied, list(dict.fromkeys(close))[:3])


def only_missing(pipeline: Pipeline, catalog: Catalog) -> Pipeline:
    """Return the part of the pipeline that makes what does not exist yet.

    Going backwards, a node stays if it has no outputs, if one of them is persisted and does not exist, or if one of
    them is gone with the process and is read by a node that stays.
    """
    read: set[str] = set()
    kept: list[Node] = []
    for node in reversed(pipeline.nodes):
        if not node.outputs or any(_is_missing(name, catalog, read) for name in node.outputs):
            kept.append(node)
            read.update(plain_name(name) for name in node.inputs)
    skipped = len(pipeline.nodes) - len(kept)
    if not skipped:
        return pipeline
    if _logger.isEnabledFor(logging.INFO):
        names = {node.name for node in kept}
        shown = ", ".join([node.name for node in pipeline.nodes if node.name not in names][:20])
        _logger.info(
            "Skipped %d of %d nodes, as what they write exists: %s%s",
            skipped,
            len(pipeline.nodes),
            shown,
            ", …" if skipped > 20 else "",
        )
    return Pipeline(kept[::-1])


def _is_missing(name: str, catalog: Catalog, read: Collection[str]) -> bool:
    if _is_gone_with_the_run(name, catalog):
        return plain_name(name) in read
    return not catalog.exists(name)


def _is_gone_with_the_run(name: str, catalog: Catalog) -> bool:
    return name not in catalog or is_ephemeral(catalog.get(name))


def resume_from(nodes: Sequence[Node], done: Collection[int], catalog: Catalog) -> list[str]:
    """Return the names of the nodes from which a failed run can be resumed, in the order of the pipeline."""
    dependencies = dependencies_of(nodes)
    gone: dict[str, bool] = {}
    lost: list[list[int]] = []
    producers = {plain_name(name): index for index, node in enumerate(nodes) for name in node.outputs}
    for node in nodes:
        needed = []
        for name in node.inputs:
            producer = producers.get(plain_name(name))
            if producer is not None:
                if name not in gone:
                    gone[name] = _is_gone_with_the_run(name, catalog)
                if gone[name]:
                    needed.append(producer)
        lost.append(needed)
    return [nodes[index].name for index in resume_points(dependencies, lost, done)]
