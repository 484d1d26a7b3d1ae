from __future__ import annotations

from typing import Any

import pytest
from tests.support.pipeline import names, step, two

from pellucid.exceptions import CircularDependencyError, PipelineError, UnknownNameError
from pellucid.pipeline import Pipeline, node, pipeline

PARTS = pipeline(
    [
        step(["a", "params:p", "parameters"], "b", "n1", confirms="a"),
        step({"k": "b", "v": "params:q.r"}, ["c@x", "d"], "n2", confirms=["b", "elsewhere"]),
        step("c@pandas", {"x": "e", "y": "g"}, "n3"),
    ]
)
VIEWS = pipeline([step("a@1", "b", "n1"), step("a@2", "c", "n2"), step("q", "d@x", "n3"), step("d@y", "z", "n4")])


def shown(made: Pipeline) -> list[tuple[str, list[str], list[str]]]:
    return [(each.name, each.inputs, each.outputs) for each in made.nodes]


def test_a_namespace_goes_before_nodes_datasets_and_parameters() -> None:
    made = pipeline(PARTS, namespace="ns")
    assert shown(made) == [
        ("ns.n1", ["ns.a", "params:ns.p", "parameters"], ["ns.b"]),
        ("ns.n2", ["ns.b", "params:ns.q.r"], ["ns.c@x", "ns.d"]),
        ("ns.n3", ["ns.c@pandas"], ["ns.e", "ns.g"]),
    ]
    assert [each.confirms for each in made.nodes] == [["ns.a"], ["ns.b", "ns.elsewhere"], []]
    assert {each.namespace for each in made.nodes} == {"ns"}


def test_a_namespace_can_leave_datasets_alone() -> None:
    made = pipeline(
        PARTS, namespace="ns", prefix_datasets_with_namespace=False, inputs={"a": "A"}, parameters={"p": "z"}
    )
    assert shown(made)[0] == ("ns.n1", ["A", "params:z", "parameters"], ["b"])
    assert shown(made)[2] == ("ns.n3", ["c@pandas"], ["e", "g"])


@pytest.mark.parametrize("inputs", ["a", {"a"}, ["a"], {"a": "a"}])
def test_named_inputs_get_no_namespace(inputs: Any) -> None:
    made = pipeline(PARTS, namespace="ns", inputs=inputs)
    assert shown(made)[0] == ("ns.n1", ["a", "params:ns.p", "parameters"], ["ns.b"])
    assert made.nodes[0].confirms == ["a"]


@pytest.mark.parametrize(
    ("parameters", "first", "second"),
    [
        ("p", "params:p", "params:ns.q.r"),
        ("params:p", "params:p", "params:ns.q.r"),
        ({"params:p", "q.r"}, "params:p", "params:q.r"),
        ({"p": "other"}, "params:other", "params:ns.q.r"),
        ({"params:p": "params:other"}, "params:other", "params:ns.q.r"),
        ({"q.r": "s.t"}, "params:ns.p", "params:s.t"),
    ],
)
def test_named_parameters_get_no_namespace(parameters: Any, first: str, second: str) -> None:
    made = pipeline(PARTS, namespace="ns", parameters=parameters)
    assert made.nodes[0].inputs[1] == first
    assert made.nodes[1].inputs[1] == second


def test_a_parameter_that_is_called_parameters_gets_a_namespace() -> None:
    assert pipeline([step("params:parameters", "b", "n")], namespace="ns").inputs() == {"params:ns.parameters"}


def test_outputs_can_be_renamed_also_those_that_are_read_inside() -> None:
    made = pipeline(PARTS, outputs={"b": "B", "e": "E"}, namespace="ns")
    assert (made.nodes[0].outputs, made.nodes[1].inputs[0], made.nodes[1].confirms) == (
        ["B"],
        "B",
        ["B", "ns.elsewhere"],
    )
    assert made.nodes[2].outputs == ["E", "ns.g"]


@pytest.mark.parametrize(
    ("arguments", "reads"),
    [
        ({"inputs": {"a": "A"}}, ["A@1", "A@2"]),
        ({"inputs": {"a@1": "A@3"}}, ["A@3", "a@2"]),
        ({"inputs": {"a@1": "B", "a@2": "C"}}, ["B", "C"]),
        ({"inputs": "a", "namespace": "ns"}, ["a@1", "a@2"]),
        ({"inputs": "a@1", "namespace": "ns"}, ["a@1", "ns.a@2"]),
    ],
)
def test_a_name_without_view_renames_all_views(arguments: dict[str, Any], reads: list[str]) -> None:
    by_name = {each.short_name: each.inputs for each in pipeline(VIEWS, **arguments).nodes}
    assert by_name["n1"] + by_name["n2"] == reads


def test_an_output_keeps_its_view() -> None:
    by_name = {each.short_name: each for each in pipeline(VIEWS, outputs={"d": "D"}, namespace="ns").nodes}
    assert (by_name["n3"].outputs, by_name["n4"].inputs) == (["D@x"], ["D@y"])


def test_namespaces_nest() -> None:
    inner = pipeline([step("a", "b", "n1"), step("b", "c", "n2", namespace="own")], namespace="inner")
    outer = pipeline([inner, step("inner.b", "z", "n3")], namespace="outer", inputs={"inner.a": "raw"})
    assert shown(outer) == [
        ("outer.inner.n1", ["raw"], ["outer.inner.b"]),
        ("outer.inner.own.n2", ["outer.inner.b"], ["outer.inner.c"]),
        ("outer.n3", ["outer.inner.b"], ["outer.z"]),
    ]
    assert outer.nodes[1].namespace_prefixes == ["outer", "outer.inner", "outer.inner.own"]


def test_the_same_pipeline_can_be_used_twice() -> None:
    one, other = (pipeline(VIEWS, namespace=each, inputs="a") for each in ("one", "other"))
    assert (one + other).inputs() == {"a@1", "a@2", "one.q", "other.q"}
    assert len((one + other).nodes) == 8


def test_functions_and_tags_survive() -> None:
    made = pipeline([node(two, {"y": "a", "x": "b"}, ["c", "d"], tags="t")], namespace="ns", tags="u")
    assert made.nodes[0].run({"ns.a": 1, "ns.b": 2}) == {"ns.c": 2, "ns.d": 1}
    assert made.nodes[0].tags == {"t", "u"}


@pytest.mark.parametrize("nothing", [None, "", {}, set()])
def test_nothing_asked_for_changes_nothing(nothing: Any) -> None:
    assert shown(pipeline(PARTS, inputs=nothing, outputs=nothing, parameters=nothing)) == shown(PARTS)
    assert shown(pipeline(PARTS, namespace="")) == shown(PARTS)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inputs": {"A": "x"}}, UnknownNameError, "No dataset 'A' is in the pipeline. Did you mean 'a'?"),
        ({"inputs": ["a", "zzz", "yyy"]}, UnknownNameError, "No datasets 'zzz', 'yyy' are in the pipeline."),
        ({"outputs": "E"}, UnknownNameError, "No dataset 'E' is in the pipeline. Did you mean 'e'?"),
        ({"outputs": "c@z"}, UnknownNameError, "No dataset 'c@z' is in the pipeline. Did you mean 'c@x'"),
        (
            {"parameters": "q"},
            UnknownNameError,
            "No parameter 'params:q' is in the pipeline. Did you mean 'params:q.r'",
        ),
        (
            {"inputs": "b"},
            PipelineError,
            "What is mapped as inputs is written by nodes of the pipeline itself: 'b' by 'n1'.",
        ),
        ({"inputs": {"c": "C"}}, PipelineError, "is written by nodes of the pipeline itself: 'c' by 'n2'."),
        ({"outputs": "a"}, PipelineError, "What is mapped as outputs is written by no node of the pipeline: 'a'."),
        ({"inputs": "params:p"}, PipelineError, "Map 'params:p' by 'parameters' instead of 'inputs'."),
        ({"inputs": {"parameters": "x"}}, PipelineError, "Map 'parameters' by 'parameters' instead of 'inputs'."),
        ({"outputs": "params:p"}, PipelineError, "Map 'params:p' by 'parameters' instead of 'outputs'."),
        ({"inputs": 1}, PipelineError, "The inputs of a pipeline are a name, a set of names or a dictionary"),
        ({"inputs": {"a": 1}}, PipelineError, "Among the inputs of a pipeline is 1, and names are text."),
        ({"outputs": [None]}, PipelineError, "Among the outputs of a pipeline is None, and names are text."),
        ({"namespace": 1}, PipelineError, "The namespace of a pipeline is text, and 1 is not."),
        ({"inputs": {"a": "d"}}, CircularDependencyError, "in a circle: n1 -> n2 -> n1"),
        ({"outputs": {"e": "g"}}, PipelineError, "has the output 'g' more than once."),
        (
            {"outputs": {"b": "a"}},
            PipelineError,
            "The node n1: anything([a;params:p;parameters]) -> [a] has 'a' as input",
        ),
        ({"inputs": {"a": "b@x"}}, PipelineError, "has 'b' as input and as output"),
    ],
)
def test_mappings_that_cannot_be_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        pipeline(PARTS, **arguments)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert names(PARTS) == ["n1", "n2", "n3"]
