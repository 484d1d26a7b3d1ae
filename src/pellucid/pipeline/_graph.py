"""Graphs of numbered nodes: layers, reachability, cycles. No recursion, and nothing costs more than nodes + edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class Graph(Row):
    """Who must run before whom, by position: ``parents[i]`` before ``i`` before ``children[i]``; none twice."""

    parents: list[list[int]]
    children: list[list[int]]


def graph_of(parents: list[list[int]]) -> Graph:
    """Return the graph that has these parents."""
    children: list[list[int]] = [[] for _ in parents]
    for position, above in enumerate(parents):
        for parent in above:
            children[parent].append(position)
    return Graph(parents, children)


def layers(graph: Graph) -> list[list[int]]:
    """Return the nodes by layers: each layer has those whose parents are all in the layers before.

    Nodes in a cycle, and those after one, are in no layer.
    """
    waiting_for = [len(above) for above in graph.parents]
    layer = [position for position, count in enumerate(waiting_for) if not count]
    found: list[list[int]] = []
    while layer:
        found.append(layer)
        following: list[int] = []
        for position in layer:
            for child in graph.children[position]:
                waiting_for[child] -= 1
                if not waiting_for[child]:
                    following.append(child)
        layer = following
    return found


def reachable(starts: Iterable[int], neighbours: Sequence[Sequence[int]]) -> set[int]:
    """Return the starts and all that can be reached from them."""
    seen = set(starts)
    pending = list(seen)
    while pending:
        for each in neighbours[pending.pop()]:
            if each not in seen:
                seen.add(each)
                pending.append(each)
    return seen


def leads_to(
    starts: Iterable[int],
    goals: Iterable[int],
    children: Callable[[int], Iterable[int]],
    parents: Callable[[int], Iterable[int]],
) -> bool:
    """Tell whether a path leads from a start to a goal.

    Looks from both ends by turns, and so goes no further than twice what the smaller side has.
    """
    below, above = set(starts), set(goals)
    forward, backward = list(below), list(above)
    if not below.isdisjoint(above):
        return True
    while forward and backward:
        for pending, seen, others, step in ((forward, below, above, children), (backward, above, below, parents)):
            for each in step(pending.pop()):
                if each in others:
                    return True
                if each not in seen:
                    seen.add(each)
                    pending.append(each)
    return False


def find_cycle(starts: Iterable[int], children: Callable[[int], Iterable[int]]) -> list[int] | None:
    """Return the nodes of a cycle that can be reached from the starts, in order, or None.

    ``children`` is asked once for each node that is reached.
    """
    done: set[int] = set()
    for start in starts:
        if start in done:
            continue
        path: dict[int, Iterator[int]] = {start: iter(children(start))}
        while path:
            position = next(reversed(path))
            for child in path[position]:
                if child in path:
                    trail = list(path)
                    return trail[trail.index(child) :]
                if child not in done:
                    path[child] = iter(children(child))
                    break
            else:
                path.popitem()
                done.add(position)
    return None
