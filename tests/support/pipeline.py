"""Small pipelines, random pipelines, and slow but obvious ways to compute what pipelines answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from pellucid.pipeline import Node, Pipeline, node, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

Names = str | list[str] | dict[str, str] | None


def anything(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """Take whatever it is called with."""
    return args, kwargs


def one(x: Any) -> Any:
    """Take one argument."""
    return x


def two(x: Any, y: Any) -> Any:
    """Take two arguments."""
    return x, y


def step(inputs: Names, outputs: Names, name: str | None = None, **options: Any) -> Node:
    """Return a node whose function takes anything."""
    return node(anything, inputs, outputs, name=name, **options)


def names(pipe: Pipeline) -> list[str]:
    """Return the names of a pipeline's nodes in order."""
    return [each.name for each in pipe.nodes]


def diamond() -> Pipeline:
    """Return ``load`` (a to b), ``left`` (b to c) and ``right`` (b to d), ``join`` (c and d to e)."""
    return pipeline(
        [
            step("a", "b", "load", tags=["x"]),
            step("b", "c", "left", tags=["y"], namespace=None),
            step("b", "d", "right", tags=["x", "y"]),
            step(["c", "d"], "e", "join"),
        ]
    )


@st.composite
def nodes(draw: st.DrawFn, most: int = 7) -> list[Node]:
    """Draw nodes that make a pipeline, in any order, with tags and namespaces here and there.

    Node ``i`` writes ``d<i>``, and reads what earlier ones write and what comes from outside.
    """
    made = []
    for number in range(draw(st.integers(0, most))):
        readable = [f"d{earlier}" for earlier in range(number)] + ["raw", "other", "params:p", "parameters"]
        reads = draw(st.lists(st.sampled_from(readable), max_size=3, unique=True))
        made.append(
            step(
                reads or None,
                [f"d{number}"],
                f"n{number}",
                tags=draw(st.sets(st.sampled_from(["x", "y", "z"]), max_size=2)),
                namespace=draw(st.sampled_from([None, None, "in", "in.deep", "out"])),
            )
        )
    return draw(st.permutations(made))


pipelines = nodes().map(pipeline)


def parents_by_scan(pipe: Pipeline) -> dict[str, set[str]]:
    """Return for each node the names of those that write what it reads, by looking at all pairs."""
    return {
        each.name: {other.name for other in pipe.nodes if set(other.outputs) & set(each.inputs)} for each in pipe.nodes
    }


def closure(starts: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    """Return the starts and all that the edges lead to, by adding until nothing is added."""
    found = set(starts)
    while True:
        more = found | {target for each in found for target in edges[each]}
        if more == found:
            return found
        found = more


def reverse(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the edges the other way round."""
    return {each: {other for other in edges if each in edges[other]} for each in edges}
