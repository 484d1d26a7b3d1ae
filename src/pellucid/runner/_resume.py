"""From which nodes a failed run can be resumed; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["resume_points"]


def resume_points(
    dependencies: Sequence[Iterable[int]], lost_inputs: Sequence[Iterable[int]], done: Collection[int]
) -> list[int]:
    """Return the nodes to start from, so that all that is missing is computed and all that it reads is there.

    Starting from a node runs everything behind it, too. So what must run is the smallest set that holds the nodes
    that are not done, everything behind one of its nodes, and the producer of every input of its nodes that did not
    outlive the run. It is resumed from those of its nodes that have no other one before them.

    Args:
        dependencies: for each node those whose outputs it reads.
        lost_inputs: for each node those of them whose output, as it is read here, is gone with the run.
        done: the nodes that completed.

    Returns:
        Indices in ascending order.
    """
    followers: list[list[int]] = [[] for _ in dependencies]
    for index, needed in enumerate(dependencies):
        for other in needed:
            followers[other].append(index)
    waiting = [index for index in range(len(dependencies)) if index not in done]
    again = set(waiting)
    while waiting:
        index = waiting.pop()
        for other in (*followers[index], *lost_inputs[index]):
            if other not in again:
                again.add(other)
                waiting.append(other)
    return sorted(index for index in again if again.isdisjoint(dependencies[index]))
