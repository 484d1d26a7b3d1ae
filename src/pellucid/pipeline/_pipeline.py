"""A pipeline: nodes that depend on each other by the datasets that they read and write."""

from __future__ import annotations

import json
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pellucid._version import __version__
from pellucid.exceptions import EmptyPipelineError, PipelineError
from pellucid.pipeline import _selection
from pellucid.pipeline._grouping import group
from pellucid.pipeline._index import View
from pellucid.pipeline._namespacing import renamed_nodes
from pellucid.pipeline._naming import check_tags
from pellucid.pipeline._node import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pellucid.pipeline._grouping import GroupedNodes

logger = logging.getLogger(__name__)


class Pipeline:
    """Nodes, and what follows from their inputs and outputs. Never changes; every method returns a new one.

    Args:
        nodes: nodes and pipelines, or one pipeline.
        inputs: what is read from outside: names that get no namespace, or a dictionary from old to new names.
        outputs: the same for what is written.
        parameters: the same for parameters, with ``params:`` or without.
        tags: go to every node, in addition to its own.
        namespace: goes before the name of every node, and of every dataset and parameter that is not in ``inputs``,
            ``outputs`` or ``parameters``.
        prefix_datasets_with_namespace: false to leave datasets and parameters as they are.

    Raises:
        PipelineError: if names, outputs or confirmations are not unique, or an argument cannot be used.
        CircularDependencyError: if nodes depend on each other in a circle.
        UnknownNameError: if a mapping has a name that is not in the pipeline.
    """

    def __init__(
        self,
        nodes: Iterable[Node | Pipeline] | Pipeline,
        *,
        inputs: str | set[str] | dict[str, str] | None = None,
        outputs: str | set[str] | dict[str, str] | None = None,
        parameters: str | set[str] | dict[str, str] | None = None,
        tags: str | Iterable[str] | None = None,
        namespace: str | None = None,
        prefix_datasets_with_namespace: bool = True,
    ) -> None:
        if namespace is not None and not isinstance(namespace, str):
            raise PipelineError(f"The namespace of a pipeline is text, and {namespace!r} is not.")
        view = View.of(_flattened(nodes))
        if inputs or outputs or parameters or namespace:
            renamed = renamed_nodes(
                view,
                inputs=inputs,
                outputs=outputs,
                parameters=parameters,
                namespace=namespace,
                prefix_datasets=prefix_datasets_with_namespace,
            )
            view = View.of(renamed)
        added = check_tags(tags)
        self._view = View.of(node.tag(added) for node in view.nodes) if added else view

    @classmethod
    def _of(cls, view: View) -> Pipeline:
        made = object.__new__(Pipeline)
        made._view = view
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {"nodes": self._view.nodes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._view = View.of(state["nodes"])

    def __repr__(self) -> str:
        shown = ",\n".join(map(repr, self.nodes))
        return f"Pipeline([\n{shown}\n])" if shown else "Pipeline([])"

    # ------------------------------------------------------------------ nodes in order

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes in an order in which they can run, the same in every process: layer by layer, each by name."""
        return [node for layer in self._view.layers for node in layer]

    @cached_property
    def grouped_nodes(self) -> list[list[Node]]:
        """The nodes in layers: those of one layer depend on nothing but the layers before. Sorted by name."""
        return [list(layer) for layer in self._view.layers]

    @cached_property
    def node_dependencies(self) -> dict[Node, set[Node]]:
        """For each node those that it depends on directly."""
        nodes = self._view.nodes
        return {
            node: {nodes[parent] for parent in above}
            for node, above in zip(nodes, self._view.graph.parents, strict=True)
        }

    def group_nodes_by(self, group_by: str | None = "namespace") -> list[GroupedNodes]:
        """Return the nodes in groups, to be deployed as one each.

        A ``UserWarning`` names the namespaces that cannot be run as one.

        Args:
            group_by: ``namespace`` for the outermost namespace, ``none`` or None for single nodes.

        Raises:
            PipelineError: if there is no such strategy.
        """
        return group(self.nodes, self.node_dependencies, group_by)

    # ------------------------------------------------------------------ datasets

    def inputs(self) -> set[str]:
        """Return the datasets that are read, and written by no node."""
        return set(self._view.free_inputs)

    def outputs(self) -> set[str]:
        """Return the datasets that are written, and read by no node."""
        return set(self._view.free_outputs)

    def datasets(self) -> set[str]:
        """Return all datasets that are read or written, parameters among them."""
        return self.all_inputs() | self.all_outputs()

    def all_inputs(self) -> set[str]:
        """Return all datasets that are read."""
        return {name for node in self._view.nodes for name in node.inputs}

    def all_outputs(self) -> set[str]:
        """Return all datasets that are written."""
        return {name for node in self._view.nodes for name in node.outputs}

    # ------------------------------------------------------------------ set algebra

    def __add__(self, other: object) -> Pipeline:
        if not isinstance(other, Pipeline):
            return NotImplemented
        find = self._view.find
        added = [node for node in other._view.nodes if find(node.name) != node]
        return self._of(self._view.extended(added)) if added else self._of(self._view)

    def __radd__(self, other: object) -> Pipeline:
        # What sum() starts from.
        return self._of(self._view) if isinstance(other, int) and other == 0 else NotImplemented

    def __or__(self, other: object) -> Pipeline:
        return self + other if isinstance(other, Pipeline) else NotImplemented

    def __and__(self, other: object) -> Pipeline:
        if not isinstance(other, Pipeline):
            return NotImplemented
        find = other._view.find
        return self._of(View.of(node for node in self._view.nodes if find(node.name) == node))

    def __sub__(self, other: object) -> Pipeline:
        if not isinstance(other, Pipeline):
            return NotImplemented
        find = other._view.find
        return self._of(View.of(node for node in self._view.nodes if find(node.name) != node))

    # ------------------------------------------------------------------ parts

    def only_nodes(self, *node_names: str) -> Pipeline:
        """Return a pipeline of the nodes that have these names (namespace and all).

        Raises:
            UnknownNameError: if there is no such node.
        """
        return self._part(_selection.with_names(self._view, node_names))

    def only_nodes_with_tags(self, *tags: str) -> Pipeline:
        """Return a pipeline of the nodes that have any of these tags; it may be empty."""
        return self._part(_selection.with_tags(self._view, tags))

    def only_nodes_with_namespaces(self, node_namespaces: list[str]) -> Pipeline:
        """Return a pipeline of the nodes in these namespaces, or deeper.

        Raises:
            UnknownNameError: if there is no such namespace.
        """
        return self._part(_selection.with_namespaces(self._view, node_namespaces))

    def only_nodes_with_inputs(self, *inputs: str) -> Pipeline:
        """Return a pipeline of the nodes that read any of these datasets.

        A name without ``@`` stands for all views of the dataset.

        Raises:
            UnknownNameError: if there is no such dataset.
        """
        return self._part(_selection.with_inputs(self._view, inputs))

    def only_nodes_with_outputs(self, *outputs: str) -> Pipeline:
        """Return a pipeline of the nodes that write any of these datasets.

        A name without ``@`` stands for all views of the dataset.

        Raises:
            UnknownNameError: if there is no such dataset.
        """
        return self._part(_selection.with_outputs(self._view, outputs))

    def from_nodes(self, *node_names: str) -> Pipeline:
        """Return a pipeline of these nodes and all that depend on them.

        Raises:
            UnknownNameError: if there is no such node.
        """
        return self._part(_selection.from_names(self._view, node_names))

    def to_nodes(self, *node_names: str) -> Pipeline:
        """Return a pipeline of these nodes and all that they depend on.

        Raises:
            UnknownNameError: if there is no such node.
        """
        return self._part(_selection.to_names(self._view, node_names))

    def from_inputs(self, *inputs: str) -> Pipeline:
        """Return a pipeline of the nodes that read these datasets, and all that depend on them.

        Raises:
            UnknownNameError: if there is no such dataset.
        """
        return self._part(_selection.from_inputs(self._view, inputs))

    def to_outputs(self, *outputs: str) -> Pipeline:
        """Return a pipeline of the nodes that write these datasets, and all that they depend on.

        Raises:
            UnknownNameError: if there is no such dataset.
        """
        return self._part(_selection.to_outputs(self._view, outputs))

    def filter(
        self,
        tags: Iterable[str] | None = None,
        from_nodes: Iterable[str] | None = None,
        to_nodes: Iterable[str] | None = None,
        node_names: Iterable[str] | None = None,
        from_inputs: Iterable[str] | None = None,
        to_outputs: Iterable[str] | None = None,
        node_namespaces: Iterable[str] | None = None,
    ) -> Pipeline:
        """Return a pipeline of the nodes that every selector selects from the whole pipeline.

        A selector that is None or empty selects all.

        Args:
            tags: any of them; those that no node has are logged as a warning.
            from_nodes: these, and those that depend on them.
            to_nodes: these, and those that they depend on.
            node_names: these.
            from_inputs: those that read these datasets, and those that depend on them.
            to_outputs: those that write these datasets, and those that they depend on.
            node_namespaces: those in these namespaces, or deeper.

        Raises:
            UnknownNameError: if a selector names what is not there; for tags, if no node has any of them.
            EmptyPipelineError: if no node is left.
        """
        asked = {
            "tags": (tags, _selection.with_tags),
            "from_nodes": (from_nodes, _selection.from_names),
            "to_nodes": (to_nodes, _selection.to_names),
            "node_names": (node_names, _selection.with_names),
            "from_inputs": (from_inputs, _selection.from_inputs),
            "to_outputs": (to_outputs, _selection.to_outputs),
            "node_namespaces": (node_namespaces, _selection.with_namespaces),
        }
        listed = {key: (_selection.texts(names or ()), select) for key, (names, select) in asked.items()}
        given = {key: (names, select) for key, (names, select) in listed.items() if names}
        if not self._view.nodes:
            raise EmptyPipelineError("The pipeline has no nodes.")
        if "tags" in given:
            self._check_tags(given["tags"][0])
        left = set(range(len(self._view.nodes)))
        for names, select in given.values():
            left &= select(self._view, names)
        if not left:
            shown = "; ".join(f"{key}: {', '.join(map(repr, names))}" for key, (names, _) in given.items())
            raise EmptyPipelineError(f"No node of the pipeline is selected by all of these: {shown}.")
        return self._part(left)

    def _check_tags(self, tags: list[str]) -> None:
        unknown = _selection.unknown_tags(self._view, tags)
        if unknown is None:
            return
        if len(unknown.names) == len(tags):
            raise unknown
        logger.warning("%s", unknown)

    def _part(self, positions: set[int]) -> Pipeline:
        nodes = self._view.nodes
        if len(positions) == len(nodes):
            return self._of(self._view)
        return self._of(View.of(nodes[position] for position in sorted(positions)))

    # ------------------------------------------------------------------ others

    def tag(self, tags: str | Iterable[str]) -> Pipeline:
        """Return a pipeline whose nodes have these tags, too.

        Raises:
            PipelineError: if one of them cannot be a tag.
        """
        added = check_tags(tags)
        return self._of(View.of(node.tag(added) for node in self._view.nodes))

    def describe(self, names_only: bool = True) -> str:
        """Return the nodes in the order in which they run, and what they read and write from outside, as text.

        Args:
            names_only: false to have the functions and datasets of the nodes, too.
        """
        shown = [node.name if names_only else str(node) for node in self.nodes]
        reads, writes = (", ".join(sorted(names)) or "nothing" for names in (self.inputs(), self.outputs()))
        count = f"{len(shown)} {'node' if len(shown) == 1 else 'nodes'}"
        return "\n".join([f"Pipeline of {count}", f"Inputs: {reads}", "", *shown, "", f"Outputs: {writes}"])

    def to_json(self) -> str:
        """Return the pipeline as JSON: the version of pellucid, and names, inputs, outputs and tags of the nodes."""
        nodes = [
            {"name": node.name, "inputs": node.inputs, "outputs": node.outputs, "tags": sorted(node.tags)}
            for node in self.nodes
        ]
        return json.dumps({"pellucid_version": __version__, "pipeline": nodes})


def _flattened(nodes: Any) -> Iterator[Node]:
    if nodes is None or isinstance(nodes, str | Node):
        raise PipelineError(f"A pipeline is made of an iterable of nodes and pipelines, not of {nodes!r}.")
    try:
        members = iter(nodes.nodes if isinstance(nodes, Pipeline) else nodes)
    except TypeError:
        raise PipelineError(f"A pipeline is made of an iterable of nodes and pipelines, not of {nodes!r}.") from None
    for member in members:
        if isinstance(member, Pipeline):
            yield from member.nodes
        elif isinstance(member, Node):
            yield member
        else:
            raise PipelineError(
                f"A pipeline is made of nodes and pipelines, and {member!r} is of type {type(member).__name__}."
            )


def pipeline(
    nodes: Iterable[Node | Pipeline] | Pipeline,
    *,
    inputs: str | set[str] | dict[str, str] | None = None,
    outputs: str | set[str] | dict[str, str] | None = None,
    parameters: str | set[str] | dict[str, str] | None = None,
    tags: str | Iterable[str] | None = None,
    namespace: str | None = None,
    prefix_datasets_with_namespace: bool = True,
) -> Pipeline:
    """Make a pipeline; arguments and errors are those of `Pipeline`."""
    return Pipeline(
        nodes,
        inputs=inputs,
        outputs=outputs,
        parameters=parameters,
        tags=tags,
        namespace=namespace,
        prefix_datasets_with_namespace=prefix_datasets_with_namespace,
    )
