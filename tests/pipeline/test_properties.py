"""Laws that hold for every pipeline."""

from __future__ import annotations

import json
import pickle
import string
from functools import reduce
from operator import and_
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.pipeline import closure, names, nodes, parents_by_scan, pipelines, reverse, step

from pellucid.exceptions import CircularDependencyError, EmptyPipelineError, UnknownNameError
from pellucid.pipeline import Node, Pipeline, pipeline
from pellucid.pipeline._graph import find_cycle, graph_of, layers, leads_to, reachable

part_of = st.integers(0, 2**32 - 1)


def part(pipe: Pipeline, choice: int) -> Pipeline:
    """Return the nodes whose bit is set."""
    return pipeline(each for at, each in enumerate(pipe.nodes) if choice >> (at % 32) & 1)


def nodes_of(pipe: Pipeline) -> set[Node]:
    return set(pipe.nodes)


# ------------------------------------------------------------------ algebra


@given(pipelines, part_of, part_of, part_of)
def test_pipelines_are_sets_of_nodes(whole: Pipeline, a: int, b: int, c: int) -> None:
    one, two, three = part(whole, a), part(whole, b), part(whole, c)
    assert nodes_of(one + two) == nodes_of(one | two) == nodes_of(one) | nodes_of(two)
    assert nodes_of(one & two) == nodes_of(one) & nodes_of(two)
    assert nodes_of(one - two) == nodes_of(one) - nodes_of(two)
    assert (one | two).nodes == (two | one).nodes
    assert ((one | two) | three).nodes == (one | (two | three)).nodes
    assert (one & (two | three)).nodes == ((one & two) | (one & three)).nodes
    assert (one - (two | three)).nodes == ((one - two) & (one - three)).nodes
    assert (one | one).nodes == (one & one).nodes == one.nodes
    assert (one - one).nodes == []
    assert (one | pipeline([])).nodes == one.nodes
    assert ((one & two) | (one - two)).nodes == one.nodes


@given(pipelines, st.lists(part_of, min_size=1, max_size=5))
def test_a_sum_is_the_pipeline_of_all_nodes(whole: Pipeline, choices: list[int]) -> None:
    parts = [part(whole, choice) for choice in choices]
    summed = sum(parts, pipeline([]))
    expected = pipeline({each.name: each for one in reversed(parts) for each in one.nodes}.values())
    assert summed.nodes == expected.nodes
    assert summed.node_dependencies == expected.node_dependencies
    assert (summed.inputs(), summed.outputs()) == (expected.inputs(), expected.outputs())
    assert [sorted(each.tags) for each in summed.nodes] == [sorted(each.tags) for each in expected.nodes]


@given(pipelines, part_of, part_of)
def test_operands_stay_what_they_were(whole: Pipeline, a: int, b: int) -> None:
    one, two = part(whole, a), part(whole, b)
    fresh = part(whole, a)
    for grown in (one + two, one | whole, one + whole):
        assert nodes_of(grown) >= nodes_of(fresh)
    assert one.nodes == fresh.nodes
    assert one.node_dependencies == fresh.node_dependencies
    assert (one.inputs(), one.outputs()) == (fresh.inputs(), fresh.outputs())
    assert one.to_json() == fresh.to_json()


# ------------------------------------------------------------------ order


@given(pipelines)
def test_every_node_comes_after_those_that_it_depends_on(whole: Pipeline) -> None:
    at = {name: position for position, name in enumerate(names(whole))}
    expected = parents_by_scan(whole)
    assert all(at[parent] < at[name] for name, above in expected.items() for parent in above)
    assert {each.name: {one.name for one in above} for each, above in whole.node_dependencies.items()} == expected
    assert [each for layer in whole.grouped_nodes for each in layer] == whole.nodes


@given(pipelines)
def test_a_layer_is_as_early_as_it_can_be_and_sorted(whole: Pipeline) -> None:
    expected = parents_by_scan(whole)
    layer_of = {each.name: number for number, layer in enumerate(whole.grouped_nodes) for each in layer}
    for name, above in expected.items():
        assert layer_of[name] == max((layer_of[parent] + 1 for parent in above), default=0)
    assert all(layer == sorted(layer) for layer in whole.grouped_nodes)


@given(nodes(), st.randoms())
def test_the_order_of_definition_does_not_matter(made: list[Node], random: Any) -> None:
    whole = pipeline(made)
    random.shuffle(made)
    again = pipeline(made)
    assert (again.nodes, again.grouped_nodes, again.to_json()) == (whole.nodes, whole.grouped_nodes, whole.to_json())
    assert again.describe(names_only=False) == whole.describe(names_only=False)


@given(pipelines)
def test_datasets_are_of_one_kind_each(whole: Pipeline) -> None:
    assert whole.inputs() == whole.all_inputs() - whole.all_outputs()
    assert whole.outputs() == whole.all_outputs() - whole.all_inputs()
    assert whole.datasets() == whole.all_inputs() | whole.all_outputs()


# ------------------------------------------------------------------ selection


@given(pipelines, st.data())
def test_closures_are_those_of_a_slow_search(whole: Pipeline, data: st.DataObject) -> None:
    start = data.draw(st.lists(st.sampled_from(names(whole)), unique=True, max_size=3)) if whole.nodes else []
    upward = parents_by_scan(whole)
    assert set(names(whole.to_nodes(*start))) == closure(start, upward)
    assert set(names(whole.from_nodes(*start))) == closure(start, reverse(upward))
    datasets = data.draw(st.lists(st.sampled_from(sorted(whole.datasets())), max_size=2)) if whole.nodes else []
    readers = [each.name for each in whole.nodes if set(datasets) & set(each.inputs)]
    writers = [each.name for each in whole.nodes if set(datasets) & set(each.outputs)]
    assert set(names(whole.only_nodes_with_inputs(*datasets))) == set(readers)
    assert set(names(whole.only_nodes_with_outputs(*datasets))) == set(writers)
    assert set(names(whole.from_inputs(*datasets))) == closure(readers, reverse(upward))
    assert set(names(whole.to_outputs(*datasets))) == closure(writers, upward)


@given(pipelines.filter(lambda each: bool(each.nodes)), st.data())
def test_a_filter_is_the_intersection_of_its_selectors(whole: Pipeline, data: st.DataObject) -> None:
    a_name, a_dataset = st.sampled_from(names(whole)), st.sampled_from(sorted(whole.datasets()))
    asked = {
        "tags": (st.sampled_from(["x", "y", "z"]), whole.only_nodes_with_tags),
        "from_nodes": (a_name, whole.from_nodes),
        "to_nodes": (a_name, whole.to_nodes),
        "node_names": (a_name, whole.only_nodes),
        "from_inputs": (a_dataset, whole.from_inputs),
        "to_outputs": (a_dataset, whole.to_outputs),
        "node_namespaces": (
            st.sampled_from(["in", "in.deep", "out"]),
            lambda *each: whole.only_nodes_with_namespaces(list(each)),
        ),
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(asked)), max_size=4))
    selectors = {key: data.draw(st.lists(asked[key][0], min_size=1, max_size=3)) for key in sorted(chosen)}
    try:
        expected = reduce(and_, (asked[key][1](*value) for key, value in selectors.items()), whole)
    except UnknownNameError:
        with pytest.raises(UnknownNameError):
            whole.filter(**selectors)
        return
    if expected.nodes:
        assert whole.filter(**selectors).nodes == expected.nodes
    else:
        with pytest.raises((EmptyPipelineError, UnknownNameError)):
            whole.filter(**selectors)


# ------------------------------------------------------------------ namespaces, pickle, JSON


@given(pipelines, st.sampled_from(["ns", "ns.deep"]))
def test_a_namespace_changes_names_and_nothing_else(whole: Pipeline, namespace: str) -> None:
    made = pipeline(whole, namespace=namespace)
    cut = len(namespace) + 1
    back = {each.name[cut:]: {one.name[cut:] for one in above} for each, above in made.node_dependencies.items()}
    assert back == parents_by_scan(whole)
    assert {each.name[cut:]: each.tags for each in made.nodes} == {each.name: each.tags for each in whole.nodes}
    expected = {
        name if name == "parameters" else f"params:{namespace}.p" if name == "params:p" else f"{namespace}.{name}"
        for name in whole.datasets()
    }
    assert made.datasets() == expected


@given(pipelines)
def test_renaming_there_and_back_changes_nothing(whole: Pipeline) -> None:
    there = {name: f"new_{name}" for name in whole.all_outputs()}
    inputs = {name: f"new_{name}" for name in whole.inputs() if not name.startswith("param")}
    renamed = pipeline(whole, outputs=there, inputs=inputs)
    again = pipeline(
        renamed,
        outputs={new: old for old, new in there.items()},
        inputs={new: old for old, new in inputs.items()},
    )
    assert again.to_json() == whole.to_json()
    assert again.nodes == whole.nodes


@given(pipelines)
def test_inputs_and_outputs_that_are_kept_join_what_was_joined(whole: Pipeline) -> None:
    kept = {name for name in whole.inputs() if not name.startswith("param")}
    made = pipeline(whole, namespace="ns", inputs=kept, outputs=whole.outputs())
    assert made.inputs() - {"params:ns.p", "parameters"} == kept
    assert made.outputs() == whole.outputs()


@given(pipelines)
def test_pickling_and_json_are_stable(whole: Pipeline) -> None:
    copy = pickle.loads(pickle.dumps(whole))
    assert copy.nodes == whole.nodes
    assert copy.grouped_nodes == whole.grouped_nodes
    assert copy.to_json() == whole.to_json()
    told = json.loads(whole.to_json())["pipeline"]
    assert [each["name"] for each in told] == names(whole)
    assert [set(each["tags"]) for each in told] == [each.tags for each in whole.nodes]


# ------------------------------------------------------------------ names


@given(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=3), unique=True, max_size=4))
def test_the_default_name_is_a_function_of_what_the_node_is(inputs: list[str]) -> None:
    assert step(inputs, "OUT").name == step(list(inputs), ["OUT"]).name
    assert len(step(inputs, "OUT").name) == len("anything__") + 8
    if inputs[1:]:
        assert step(inputs, "OUT").name != step(inputs[::-1], "OUT").name


# ------------------------------------------------------------------ graphs


edges = st.integers(1, 8).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), unique=True, max_size=3), min_size=size, max_size=size)
)


@given(edges)
def test_a_cycle_is_found_just_where_layers_leave_nodes_out(parents: list[list[int]]) -> None:
    graph = graph_of(parents)
    layered = {each for layer in layers(graph) for each in layer}
    cycle = find_cycle(range(len(parents)), graph.children.__getitem__)
    assert (cycle is None) == (len(layered) == len(parents))
    if cycle is not None:
        assert all(cycle[at - 1] in parents[each] for at, each in enumerate(cycle))
        assert len(set(cycle)) == len(cycle)


@given(edges)
def test_reachable_is_what_a_slow_search_finds(parents: list[list[int]]) -> None:
    slow = {str(at): {str(each) for each in above} for at, above in enumerate(parents)}
    assert {str(each) for each in reachable([0], parents)} == closure(["0"], slow)


@given(edges, st.data())
def test_a_way_is_found_just_where_a_slow_search_finds_one(parents: list[list[int]], data: st.DataObject) -> None:
    graph = graph_of(parents)
    some = st.sets(st.integers(0, len(parents) - 1), max_size=2)
    starts, goals = data.draw(some), data.draw(some)
    found = leads_to(starts, goals, graph.children.__getitem__, graph.parents.__getitem__)
    assert found == (not reachable(starts, graph.children).isdisjoint(goals))


@given(edges.filter(lambda parents: all(at not in above for at, above in enumerate(parents))), st.data())
def test_a_cycle_is_found_however_the_pipeline_is_put_together(parents: list[list[int]], data: st.DataObject) -> None:
    """Adding nodes one by one, in any order, fails exactly where making the pipeline at once fails."""
    made = [step([f"d{each}" for each in above] or None, f"d{at}", f"n{at}") for at, above in enumerate(parents)]
    order = data.draw(st.permutations(made))
    cut = data.draw(st.integers(0, len(made)))
    try:
        whole = pipeline(made)
    except CircularDependencyError:
        with pytest.raises(CircularDependencyError):
            sum((pipeline([each]) for each in order), pipeline([]))
        with pytest.raises(CircularDependencyError):
            _ = pipeline(order[:cut]) + pipeline(order[cut:])
        return
    assert sum((pipeline([each]) for each in order), pipeline([])).nodes == whole.nodes
    assert (pipeline(order[:cut]) + pipeline(order[cut:])).nodes == whole.nodes
