"""The ready set against brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.growth import assert_linear
from tests.support.runner_graphs import graphs

from pellucid.runner._ready import ReadySet

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


@given(graphs(), st.randoms(use_true_random=False))
def test_a_task_is_ready_exactly_when_all_before_it_are_done(dependencies: list[list[int]], random: Random) -> None:
    ready = ReadySet(dependencies)
    taken: list[int] = []
    done: set[int] = set()
    running: list[int] = []
    while len(done) < len(dependencies):
        while ready:
            running.append(ready.take())
            taken.append(running[-1])
        expected = {i for i, needed in enumerate(dependencies) if i not in done and set(needed) <= done}
        assert set(running) == expected
        index = running.pop(random.randrange(len(running)))
        done.add(index)
        ready.done(index)
    assert not ready
    assert sorted(taken) == list(range(len(dependencies)))


@given(graphs())
def test_the_order_is_the_same_every_time(dependencies: list[list[int]]) -> None:
    def order() -> list[int]:
        ready = ReadySet(dependencies)
        taken: list[int] = []
        while ready:
            taken.append(ready.take())
            ready.done(taken[-1])
        return taken

    first = order()
    assert first == order()
    for index, needed in enumerate(dependencies):
        assert all(first.index(other) < first.index(index) for other in needed)


def test_tasks_that_are_free_from_the_start_come_by_index() -> None:
    ready = ReadySet([[], [0], [], []])
    assert [ready.take(), ready.take(), ready.take()] == [0, 2, 3]
    assert not ready
    with pytest.raises(IndexError):
        ready.take()


def test_a_dependency_named_twice_counts_once() -> None:
    ready = ReadySet([[], [0, 0]])
    ready.done(ready.take())
    assert ready.take() == 1


@pytest.mark.parametrize("shape", ["chain", "fan-out", "fan-in"])
def test_cost_is_linear(shape: str) -> None:
    def walk(size: int) -> Callable[[], object]:
        shapes: dict[str, list[list[int]]] = {
            "chain": [[i - 1] if i else [] for i in range(size)],
            "fan-out": [[0] if i else [] for i in range(size)],
            "fan-in": [[] for _ in range(size - 1)] + [list(range(size - 1))],
        }

        def work() -> None:
            ready = ReadySet(shapes[shape])
            count = 0
            while ready:
                ready.done(ready.take())
                count += 1
            assert count == size

        return work

    assert_linear(walk, 1_000)
