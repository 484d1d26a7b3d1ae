"""Nodes in groups that are deployed as one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.exceptions import PipelineError
from pellucid.pipeline._graph import graph_of, layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pellucid.pipeline._node import Node

_STRATEGIES = ("namespace", "none")


@dataclass
class GroupedNodes:
    """Nodes that belong together.

    Args:
        name: of the namespace, or of the only node.
        type: ``namespace`` or ``nodes``.
        nodes: the names of the nodes, in an order in which they can run.
        dependencies: the names of the groups that must have run before.
    """

    name: str
    type: str
    nodes: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)


def group(ordered: Iterable[Node], parents: Mapping[Node, set[Node]], group_by: str | None) -> list[GroupedNodes]:
    """Return the nodes in groups, in the order of the first node of each.

    Args:
        ordered: nodes in an order in which they can run.
        parents: for each node those that it depends on.
        group_by: ``namespace`` (the outermost one; nodes without are groups of their own), or ``none`` or None.

    Raises:
        PipelineError: if there is no such strategy.
    """
    strategy = "none" if group_by is None else str(group_by).lower()
    if strategy not in _STRATEGIES:
        raise PipelineError(f"Nodes are grouped by {' or '.join(map(repr, _STRATEGIES))}, not by {group_by!r}.")
    groups: dict[tuple[str, str], GroupedNodes] = {}
    key_of: dict[Node, tuple[str, str]] = {}
    depends: dict[tuple[str, str], dict[tuple[str, str], None]] = {}
    for node in ordered:
        outermost = node.namespace_prefixes[0] if strategy == "namespace" else ""
        key = ("namespace", outermost) if outermost else ("nodes", node.name)
        key_of[node] = key
        groups.setdefault(key, GroupedNodes(key[1], key[0])).nodes.append(node.name)
        above = (key_of[parent] for parent in sorted(parents[node], key=lambda parent: parent.name))
        depends.setdefault(key, {}).update((each, None) for each in above if each != key)
    for key, each in groups.items():
        each.dependencies = [name for _, name in depends[key]]
    if strategy == "namespace":
        _warn_of_circles(list(groups), depends)
    return list(groups.values())


def _warn_of_circles(keys: list[tuple[str, str]], depends: Mapping[tuple[str, str], Iterable[tuple[str, str]]]) -> None:
    number = {key: position for position, key in enumerate(keys)}
    in_order = layers(graph_of([[number[parent] for parent in depends[key]] for key in keys]))
    sound = {position for layer in in_order for position in layer}
    circular = [name for position, (kind, name) in enumerate(keys) if kind == "namespace" and position not in sound]
    if circular:
        warnings.warn(
            f"The namespaces {', '.join(map(repr, circular))} cannot run as one each: nodes of others depend on a part "
            "of their nodes, and other nodes of theirs on those.",
            UserWarning,
            stacklevel=4,
        )
