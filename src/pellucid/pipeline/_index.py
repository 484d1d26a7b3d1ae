"""The nodes of pipelines, and who reads and writes what.

A pipeline is a prefix of an index that only ever grows. Adding to a pipeline that ends where its index ends
appends to that index, so a sum of many pipelines costs no more than one pipeline of all their nodes. What is
appended later is not part of the prefix, and what is in it never changes.
"""

from __future__ import annotations

from functools import cached_property, partial
from itertools import takewhile
from threading import Lock
from typing import TYPE_CHECKING

from pellucid.exceptions import CircularDependencyError, ConfirmNotUniqueError, OutputNotUniqueError, PipelineError
from pellucid.pipeline._graph import find_cycle, graph_of, layers, leads_to
from pellucid.pipeline._transcoding import TRANSCODING_SEPARATOR, base_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pellucid.pipeline._graph import Graph
    from pellucid.pipeline._node import Node


class _Index:
    """Nodes by position, in the order in which they came."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.growing = Lock()
        self.positions: dict[str, int] = {}
        self.writers: dict[str, int] = {}
        self.readers: dict[str, list[int]] = {}
        self._confirmers: dict[str, Node] = {}
        self._bare: dict[str, Node] = {}
        self._transcoded: dict[str, Node] = {}

    def extend(self, nodes: Iterable[Node]) -> None:
        """Append nodes.

        After an error the index holds a part of the nodes: prefixes that were in use stay right, and as none of
        them ends where it ends now, nothing is appended again.

        Raises:
            PipelineError: if names, outputs or confirmations would not be unique, or nodes would form a cycle.
        """
        first = len(self.nodes)
        new = list(nodes)
        self._add_names(new)
        self.nodes.extend(new)
        old_parents: set[int] = set()
        old_children: set[int] = set()
        for position, node in enumerate(new, first):
            for name in dict.fromkeys(map(base_name, node.inputs)):
                self.readers.setdefault(name, []).append(position)
                writer = self.writers.get(name, first)
                if writer < first:
                    old_parents.add(writer)
            for name in dict.fromkeys(map(base_name, node.outputs)):
                self._add_output(name, position)
                old_children.update(takewhile(first.__gt__, self.readers.get(name, ())))
            self._add_confirms(node)
            self._check_transcoding(node)
        # The old nodes form no cycle by themselves, so one that has old nodes goes from a new node into them and out
        # again; mostly there is no such way, and only new nodes have to be looked at.
        old = range(first)
        crossing = leads_to(old_children, old_parents, partial(self._children, old), partial(self._parents, old))
        self._check_cycles(first, range(0 if crossing else first, len(self.nodes)))

    def _add_names(self, new: list[Node]) -> None:
        first = len(self.nodes)
        repeated: dict[str, list[Node]] = {}
        for position, node in enumerate(new, first):
            earlier = self.positions.setdefault(node.name, position)
            if earlier != position:
                other = self.nodes[earlier] if earlier < first else new[earlier - first]
                repeated.setdefault(node.name, [other]).append(node)
        if repeated:
            listed = "".join(
                f"\n  '{name}': {', '.join(str(node) for node in which)}" for name, which in sorted(repeated.items())
            )
            raise PipelineError(
                f"Nodes of one pipeline have different names, and these occur more than once:{listed}\n"
                "Give each node a name, or the pipelines different namespaces."
            )

    def _add_output(self, name: str, position: int) -> None:
        earlier = self.writers.setdefault(name, position)
        if earlier != position:
            one, other = self.nodes[earlier], self.nodes[position]
            raise OutputNotUniqueError(
                f"The dataset '{name}' is an output of the nodes '{one.name}' and '{other.name}'; "
                "only one node may write a dataset."
            )

    def _add_confirms(self, node: Node) -> None:
        for name in node.confirms:
            if name in self._confirmers:
                other = self._confirmers[name]
                which = (
                    f"twice by the node '{node.name}'"
                    if other is node
                    else f"by the nodes '{other.name}' and '{node.name}'"
                )
                raise ConfirmNotUniqueError(f"The dataset '{name}' is confirmed {which}; it may be confirmed once.")
            self._confirmers[name] = node

    def _check_transcoding(self, node: Node) -> None:
        for name in (*node.inputs, *node.outputs):
            base = base_name(name)
            mine, others = (self._transcoded, self._bare) if base != name else (self._bare, self._transcoded)
            mine.setdefault(base, node)
            if base in others:
                with_, without = self._transcoded[base].name, self._bare[base].name
                raise PipelineError(
                    f"The dataset '{base}' has a '{TRANSCODING_SEPARATOR}' in the node '{with_}' and none in the node "
                    f"'{without}'; say in both which view of it is meant, or rename one of them."
                )

    def _children(self, among: range, position: int) -> Iterator[int]:
        for name in map(base_name, self.nodes[position].outputs):
            for reader in self.readers.get(name, ()):
                if reader in among:
                    yield reader

    def _parents(self, among: range, position: int) -> Iterator[int]:
        for name in map(base_name, self.nodes[position].inputs):
            writer = self.writers.get(name)
            if writer is not None and writer in among:
                yield writer

    def _check_cycles(self, first: int, among: range) -> None:
        cycle = find_cycle(range(first, len(self.nodes)), partial(self._children, among))
        if cycle is not None:
            names = [self.nodes[position].name for position in cycle]
            start = names.index(min(names))
            raise CircularDependencyError([*names[start:], *names[:start]])


class View:
    """The first ``size`` nodes of an index; never changes, and may be read by several threads."""

    def __init__(self, index: _Index, size: int) -> None:
        self._index = index
        self._size = size

    @classmethod
    def of(cls, nodes: Iterable[Node]) -> View:
        """Return a view of an index of its own.

        Raises:
            PipelineError: if names, outputs or confirmations are not unique, or nodes form a cycle.
        """
        index = _Index()
        index.extend(nodes)
        return cls(index, len(index.nodes))

    def extended(self, nodes: list[Node]) -> View:
        """Return a view that has these nodes, too.

        Raises:
            PipelineError: if names, outputs or confirmations would not be unique, or nodes would form a cycle.
        """
        index = self._index
        # Not waited for: a child that was forked while another thread held the lock would wait for ever.
        if index.growing.acquire(blocking=False):
            try:
                if len(index.nodes) == self._size:
                    index.extend(nodes)
                    return View(index, len(index.nodes))
            finally:
                index.growing.release()
        return View.of((*self.nodes, *nodes))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in the order in which they came; elsewhere they are known by their positions in it."""
        return tuple(self._index.nodes[: self._size])

    @cached_property
    def graph(self) -> Graph:
        """Which node depends on which."""
        writers, size = self._index.writers, self._size
        parents: list[list[int]] = []
        for node in self.nodes:
            found = {writers.get(base_name(name), size): None for name in node.inputs}
            parents.append([writer for writer in found if writer < size])
        return graph_of(parents)

    @cached_property
    def layers(self) -> list[list[Node]]:
        """The nodes by layers, each layer sorted by name."""
        nodes = self.nodes
        return [
            sorted([nodes[position] for position in layer], key=_name) if len(layer) > 1 else [nodes[layer[0]]]
            for layer in layers(self.graph)
        ]

    @cached_property
    def free_inputs(self) -> frozenset[str]:
        """The datasets that are read, and written by no node."""
        writers, size = self._index.writers, self._size
        names = {name for node in self.nodes for name in node.inputs}
        return frozenset(name for name in names if writers.get(base_name(name), size) >= size)

    @cached_property
    def free_outputs(self) -> frozenset[str]:
        """The datasets that are written, and read by no node."""
        read = {base_name(name) for node in self.nodes for name in node.inputs}
        return frozenset(name for node in self.nodes for name in node.outputs if base_name(name) not in read)

    def find(self, name: str) -> Node | None:
        """Return the node of this name, or None."""
        position = self.position(name)
        return None if position is None else self._index.nodes[position]

    def position(self, name: str) -> int | None:
        """Return the position of the node of this name, or None."""
        return self._within(self._index.positions.get(name))

    def writer(self, base: str) -> int | None:
        """Return the position of the node that writes a dataset, which is named without ``@``, or None."""
        return self._within(self._index.writers.get(base))

    def readers(self, base: str) -> list[int]:
        """Return the positions of the nodes that read a dataset, which is named without ``@``."""
        return [position for position in self._index.readers.get(base, ()) if position < self._size]

    def _within(self, position: int | None) -> int | None:
        return position if position is not None and position < self._size else None


def _name(node: Node) -> str:
    return node.name
