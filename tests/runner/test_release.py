"""Release counts against brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.support.runner_graphs import graphs

from pellucid.runner._release import ReleaseCounts

if TYPE_CHECKING:
    from random import Random


@given(graphs(), st.randoms(use_true_random=False), st.sets(st.integers(0, 12)))
def test_a_dataset_goes_as_soon_as_nobody_needs_it_and_not_before(
    dependencies: list[list[int]], random: Random, kept_outputs: set[int]
) -> None:
    """Node i writes ``d<i>`` and reads the outputs of those before it, and ``free``."""
    inputs = [["free", *(f"d{other}" for other in needed)] for needed in dependencies]
    outputs = [[f"d{index}"] for index in range(len(dependencies))]
    kept = {"free"} | {f"d{index}" for index in kept_outputs}
    counts = ReleaseCounts(inputs, outputs, kept)
    done: set[int] = set()
    released: list[str] = []
    while len(done) < len(dependencies):
        able = [i for i, needed in enumerate(dependencies) if i not in done and set(needed) <= done]
        index = random.choice(able)
        done.add(index)
        released += counts.done(index)
        needed_still = {name for i, names in enumerate(inputs) if i not in done for name in names}
        assert set(released) == {f"d{i}" for i in done} - needed_still - kept
    assert len(released) == len(set(released))


def test_an_input_named_twice_by_one_node_has_one_reader() -> None:
    counts = ReleaseCounts([[], ["a", "a"]], [["a"], []], kept=())
    assert counts.done(0) == []
    assert counts.done(1) == ["a"]


def test_inputs_of_the_pipeline_stay() -> None:
    assert ReleaseCounts([["a"]], [["b"]], kept={"a", "b"}).done(0) == []
