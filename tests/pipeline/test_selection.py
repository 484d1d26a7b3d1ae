from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest
from tests.support.pipeline import diamond, names, step

from pellucid.exceptions import EmptyPipelineError, PipelineError, UnknownNameError
from pellucid.pipeline import node, pipeline

CODED = pipeline([step("a", "b@x", "n"), step("b@y", "c", "m"), step("i@1", "j", "o"), step("i@2", "k", "p")])
SPACED = pipeline(
    [
        step("a", "b", "one", namespace="outer.inner"),
        step("b", "c", "two", namespace="outer.inner.own"),
        step("c", "d", "three", namespace="outer"),
        step("d", "e", "four"),
    ]
)


@pytest.mark.parametrize(
    ("method", "arguments", "expected"),
    [
        ("only_nodes", ["left"], ["left"]),
        ("only_nodes", [], []),
        ("only_nodes_with_tags", ["x"], ["load", "right"]),
        ("only_nodes_with_tags", ["x", "y"], ["load", "left", "right"]),
        ("only_nodes_with_tags", ["nobody"], []),
        ("only_nodes_with_inputs", ["b"], ["left", "right"]),
        ("only_nodes_with_inputs", ["e"], []),
        ("only_nodes_with_outputs", ["c", "d"], ["left", "right"]),
        ("only_nodes_with_outputs", ["a"], []),
        ("from_nodes", ["left"], ["left", "join"]),
        ("to_nodes", ["left"], ["load", "left"]),
        ("from_inputs", ["b"], ["left", "right", "join"]),
        ("from_inputs", ["c", "a"], ["load", "left", "right", "join"]),
        ("to_outputs", ["c"], ["load", "left"]),
        ("to_outputs", ["a"], []),
    ],
)
def test_parts(method: str, arguments: list[str], expected: list[str]) -> None:
    assert names(getattr(diamond(), method)(*arguments)) == expected


@pytest.mark.parametrize(
    ("method", "dataset", "expected"),
    [
        ("from_inputs", "b", ["m"]),
        ("from_inputs", "b@y", ["m"]),
        ("from_inputs", "b@x", []),
        ("from_inputs", "i", ["o", "p"]),
        ("from_inputs", "i@1", ["o"]),
        ("from_inputs", "a", ["n", "m"]),
        ("to_outputs", "b", ["n"]),
        ("to_outputs", "b@x", ["n"]),
        ("to_outputs", "b@y", []),
        ("only_nodes_with_inputs", "b@x", []),
        ("only_nodes_with_outputs", "b", ["n"]),
    ],
)
def test_a_dataset_without_view_stands_for_all_its_views(method: str, dataset: str, expected: list[str]) -> None:
    assert names(getattr(CODED, method)(dataset)) == expected


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (["outer"], ["outer.inner.one", "outer.inner.own.two", "outer.three"]),
        (["outer.inner"], ["outer.inner.one", "outer.inner.own.two"]),
        (["outer.inner.own"], ["outer.inner.own.two"]),
        ("outer.inner.own", ["outer.inner.own.two"]),
        ([], []),
    ],
)
def test_a_namespace_has_those_in_it(namespaces: Any, expected: list[str]) -> None:
    assert names(SPACED.only_nodes_with_namespaces(namespaces)) == expected


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("only_nodes", ["lefd"], "No node 'lefd' is in the pipeline. Did you mean 'left'?"),
        ("from_nodes", ["Join"], "No node 'Join' is in the pipeline. Did you mean 'join'?"),
        (
            "to_nodes",
            ["zzz", "left", "qqq"],
            "No nodes 'zzz', 'qqq' are in the pipeline. Known are 'load', 'left', 'right', 'join'.",
        ),
        ("only_nodes_with_inputs", ["zzz"], "No dataset 'zzz' is in the pipeline. Known are 'a', 'b', 'c', 'd', 'e'."),
        ("only_nodes_with_outputs", ["zzz"], "No dataset 'zzz' is in the pipeline. Known are 'a', 'b', 'c', 'd', 'e'."),
        ("from_inputs", ["A"], "No dataset 'A' is in the pipeline. Did you mean 'a'?"),
        ("to_outputs", ["zzz"], "No dataset 'zzz' is in the pipeline. Known are 'a', 'b', 'c', 'd', 'e'."),
    ],
)
def test_unknown_names_are_named_with_the_nearest(method: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        getattr(diamond(), method)(*arguments)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


def test_an_unknown_view_of_a_dataset_is_unknown() -> None:
    with pytest.raises(UnknownNameError, match=r"No dataset 'b@z' is in the pipeline. Did you mean 'b@"):
        CODED.from_inputs("b@z")


def test_a_name_that_lacks_its_namespace_is_suggested_with_it() -> None:
    with pytest.raises(UnknownNameError, match=r"No node 'one' .* Did you mean 'outer\.inner\.one'"):
        SPACED.only_nodes("one")


@pytest.mark.parametrize(
    ("namespaces", "message"),
    [
        (["outer.iner"], "No namespace 'outer.iner' is in the pipeline. Did you mean 'outer.inner'"),
        (["outer", "zzz"], "No namespace 'zzz' is in the pipeline."),
        (["inn"], "No namespace 'inn' is in the pipeline."),
    ],
)
def test_unknown_namespaces_are_named(namespaces: list[str], message: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        SPACED.only_nodes_with_namespaces(namespaces)
    assert str(caught.value).startswith(message)


# ------------------------------------------------------------------ filter


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ({}, ["load", "left", "right", "join"]),
        ({"tags": [], "node_names": None, "from_nodes": ()}, ["load", "left", "right", "join"]),
        ({"tags": ["x"]}, ["load", "right"]),
        ({"tags": "x"}, ["load", "right"]),
        ({"node_names": "load"}, ["load"]),
        ({"node_names": (name for name in ["load"])}, ["load"]),
        ({"tags": ["y"], "from_nodes": ["right"]}, ["right"]),
        ({"from_inputs": ["b"], "to_outputs": ["c"]}, ["left"]),
        ({"from_nodes": ["left"], "to_nodes": ["join"]}, ["left", "join"]),
    ],
)
def test_a_filter_selects_what_every_selector_selects(selectors: dict[str, Any], expected: list[str]) -> None:
    assert names(diamond().filter(**selectors)) == expected


def test_every_selector_applies_to_the_whole_pipeline() -> None:
    """From 'a' to 'e' the way goes over nodes that the tag does not select."""
    assert names(diamond().filter(tags=["y"], from_inputs=["a"], to_outputs=["e"])) == ["left", "right"]


def test_a_filter_by_namespace() -> None:
    assert names(SPACED.filter(node_namespaces=["outer"], from_nodes=["outer.inner.own.two"])) == [
        "outer.inner.own.two",
        "outer.three",
    ]


def test_a_filter_that_leaves_nothing_names_its_selectors() -> None:
    with pytest.raises(EmptyPipelineError) as caught:
        diamond().filter(from_nodes=["join"], to_nodes=["load", "left"])
    assert str(caught.value) == (
        "No node of the pipeline is selected by all of these: from_nodes: 'join'; to_nodes: 'load', 'left'."
    )
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("selectors", [{}, {"tags": ["x"]}, {"node_names": ["n"]}])
def test_a_pipeline_without_nodes_cannot_be_filtered(selectors: dict[str, Any]) -> None:
    with pytest.raises(EmptyPipelineError, match="The pipeline has no nodes"):
        pipeline([]).filter(**selectors)


def test_tags_that_nobody_has_are_an_error() -> None:
    tagged = diamond().tag("nightly")
    with pytest.raises(UnknownNameError) as caught:
        tagged.filter(tags=["nightli"])
    assert str(caught.value) == "No tag 'nightli' is in the pipeline. Did you mean 'nightly'?"


def test_a_tag_that_nobody_has_beside_one_that_somebody_has_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert names(diamond().filter(tags=["x", "zz"])) == ["load", "right"]
    assert [record.getMessage() for record in caplog.records] == ["No tag 'zz' is in the pipeline. Known are 'x', 'y'."]


@pytest.mark.parametrize("wrong", [5, [5]])
def test_selectors_that_are_no_names_are_refused(wrong: Any) -> None:
    with pytest.raises(PipelineError, match="names"):
        diamond().filter(node_names=wrong)


@pytest.mark.parametrize("selector", ["tags", "node_names", "node_namespaces"])
def test_where_no_name_is_near_the_known_ones_are_listed(selector: str) -> None:
    made = pipeline([node(str, f"in{i}", f"out{i}", name=f"step{i}", tags=f"label{i}") for i in range(12)])
    spaced = pipeline(made, namespace="area")
    with pytest.raises(UnknownNameError) as caught:
        spaced.filter(**{selector: ["@@@"]})
    first = {"tags": "label0", "node_names": "area.step0", "node_namespaces": "area"}[selector]
    assert f"Known are '{first}'" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert str(caught.value).endswith("." if selector == "node_namespaces" else "and 2 more.")
