"""Where a failed run is resumed from, against a definition by brute force."""

from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.support.runner_graphs import graphs

from pellucid.runner._resume import resume_points

if TYPE_CHECKING:
    from collections.abc import Iterable


Run = tuple[list[list[int]], list[list[int]], set[int]]


def _behind(dependencies: list[list[int]], starts: Iterable[int]) -> set[int]:
    """All nodes that run when a run starts from these."""
    run = set(starts)
    for index, needed in enumerate(dependencies):
        if run.intersection(needed):
            run.add(index)
    return run


def _is_enough(dependencies: list[list[int]], lost: list[list[int]], done: set[int], starts: Iterable[int]) -> bool:
    run = _behind(dependencies, starts)
    missing = set(range(len(dependencies))) - done
    return missing <= run and all(set(lost[index]) <= run for index in run)


@st.composite
def _failed_runs(draw: st.DrawFn) -> Run:
    dependencies = draw(graphs(most=7))
    lost = [[other for other in needed if draw(st.booleans())] for needed in dependencies]
    done: set[int] = set()
    for index, needed in enumerate(dependencies):
        if set(needed) <= done and draw(st.booleans()):
            done.add(index)
    return dependencies, lost, done


@given(_failed_runs())
def test_it_is_the_choice_that_runs_the_fewest_nodes(run: Run) -> None:
    dependencies, lost, done = run
    everything = range(len(dependencies))
    choices = chain.from_iterable(combinations(everything, size) for size in range(len(dependencies) + 1))
    enough = [choice for choice in choices if _is_enough(dependencies, lost, done, choice)]
    fewest = min(enough, key=lambda choice: (len(_behind(dependencies, choice)), len(choice)))
    assert resume_points(dependencies, lost, done) == sorted(fewest)


def test_a_chain_is_resumed_where_its_input_is_persisted() -> None:
    dependencies = [[], [0], [1], [2]]
    assert resume_points(dependencies, [[], [0], [1], [2]], {0, 1}) == [0]
    assert resume_points(dependencies, [[], [], [1], [2]], {0, 1}) == [1]
    assert resume_points(dependencies, [[], [0], [], [2]], {0, 1}) == [2]


def test_nothing_to_resume_when_all_is_done() -> None:
    assert resume_points([[], [0]], [[], [0]], {0, 1}) == []


def test_a_long_chain_is_no_problem() -> None:
    size = 20_000
    dependencies = [[index - 1] if index else [] for index in range(size)]
    assert resume_points(dependencies, dependencies, set(range(size - 1))) == [0]
