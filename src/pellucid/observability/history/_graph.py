"""The nodes of a run as its spans tell of them: their loads and saves, and who waited for whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pellucid.observability.history._model import StoredSpan


@dataclass(eq=False)
class NodeWork:
    """A node, with its loads and saves.

    Attributes:
        span: of the node.
        loads: spans.
        saves: spans.
    """

    span: StoredSpan
    loads: list[StoredSpan] = field(default_factory=list)
    saves: list[StoredSpan] = field(default_factory=list)


def node_works(spans: Iterable[StoredSpan]) -> list[NodeWork]:
    """Return the nodes among some spans by start, each with those of the loads and saves that are its children."""
    found = sorted(spans, key=lambda each: (each.started_ns, each.ended_ns, each.span_id))
    works = {each.span_id: NodeWork(each) for each in found if each.kind == "node"}
    for each in found:
        work = works.get(each.parent_id)
        if work is not None and each.kind == "load":
            work.loads.append(each)
        elif work is not None and each.kind == "save":
            work.saves.append(each)
    return list(works.values())


def critical_path(works: Sequence[NodeWork]) -> list[NodeWork]:
    """Return the chain of nodes whose durations add up to the most time.

    In a chain, each node loads something that the one before it saved. What is known of this are the names of the
    datasets in the spans: a node depends on a node that started before it and had saved a dataset of that name (without
    its ``@`` part) successfully by the time that the load ended. So a path that goes through a dataset which was not
    saved in this run, or whose span was lost, is not seen. Of chains that are equal, the one that starts first.

    Args:
        works: by start, as ``node_works`` returns them.
    """
    best: list[
        tuple[int, int]
    ] = []  # for each node, nanoseconds of the longest chain that ends in it, and the one before it
    savers: dict[str, dict[int, int]] = {}  # by dataset, which nodes saved it, and when first
    for number, work in enumerate(works):
        before = (0, -1)
        for load in work.loads:
            for saver, saved_ns in savers.get(_stored_name(load.dataset), {}).items():
                if saved_ns <= load.ended_ns and (before[1] < 0 or best[saver][0] > before[0]):
                    before = (best[saver][0], saver)
        best.append((before[0] + work.span.duration_ns, before[1]))
        for save in work.saves:
            if save.result in {"success", ""}:
                first = savers.setdefault(_stored_name(save.dataset), {})
                first[number] = min(save.ended_ns, first.get(number, save.ended_ns))
    return _followed(works, best)


def _followed(works: Sequence[NodeWork], best: Sequence[tuple[int, int]]) -> list[NodeWork]:
    if not best:
        return []
    at = max(range(len(best)), key=lambda number: (best[number][0], -number))
    path = []
    while at >= 0:
        path.append(works[at])
        at = best[at][1]
    return path[::-1]


def _stored_name(dataset: str) -> str:
    return dataset.partition("@")[0]
