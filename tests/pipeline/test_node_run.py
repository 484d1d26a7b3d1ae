from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.pipeline import one, two

from pellucid.exceptions import NodeOutputError, PipelineError
from pellucid.pipeline import node

if TYPE_CHECKING:
    from collections.abc import Iterator


def returning(value: Any, outputs: Any) -> Any:
    return node(lambda: value, None, outputs, name="n").run()


def streaming(chunks: list[Any], outputs: Any) -> dict[str, Iterator[Any]]:
    def generate(x: Any) -> Iterator[Any]:
        yield from chunks

    result = node(generate, "a", outputs, name="n").run({"a": 1})
    assert all(isinstance(each, GeneratorType) for each in result.values())
    return result


def test_inputs_reach_the_function_in_every_shape() -> None:
    data = {"a": 1, "b": 2}
    assert node(one, "a", "out").run({"a": 1}) == {"out": 1}
    assert node(two, ["b", "a"], "out").run(data) == {"out": (2, 1)}
    assert node(two, {"y": "a", "x": "b"}, "out").run(data) == {"out": (2, 1)}
    assert node(two, ["a", "a"], "out").run({"a": 1}) == {"out": (1, 1)}
    assert node(lambda: 3, None, "out").run() == {"out": 3}
    assert node(one, "a", "out")(a=1) == {"out": 1}


def test_results_get_the_names_of_outputs_in_every_shape() -> None:
    assert returning(1, "a") == {"a": 1}
    assert returning([1, 2], ["a", "b"]) == {"a": 1, "b": 2}
    assert returning((1, 2), ["a", "b"]) == {"a": 1, "b": 2}
    assert returning([1, 2], "a") == {"a": [1, 2]}
    assert returning([1], ["a"]) == {"a": 1}
    assert returning({"k": 1, "l": 2}, {"l": "a", "k": "b"}) == {"a": 2, "b": 1}
    assert returning(None, "a") == {"a": None}


def test_a_result_without_outputs_is_dropped_with_a_warning() -> None:
    made = node(one, "a", None, name="n")
    with pytest.warns(UserWarning, match="The node 'n' returned a value of type 'int', which is dropped"):
        assert made.run({"a": 3}) == {}
    assert made.run({"a": None}) == {}


@pytest.mark.parametrize(
    ("value", "outputs", "message"),
    [
        (
            1,
            ["a", "b"],
            "must return a list or tuple of 2 for the outputs 'a', 'b', and returned a value of type 'int'.",
        ),
        ("ab", ["a", "b"], "and returned a value of type 'str'."),
        ((1,), ["a", "b"], "must return a list or tuple of 2 for the outputs 'a', 'b', and returned 1."),
        ([1], {"k": "a"}, "must return a dictionary with the keys 'k', and returned a value of type 'list'."),
        ({"k": 1}, {"k": "a", "l": "b"}, "a dictionary with the keys 'k', 'l', and returned one with the keys 'k'."),
        ({}, {"k": "a"}, "and returned one with the keys (none)."),
    ],
)
def test_a_result_that_does_not_fit_is_an_error(value: Any, outputs: Any, message: str) -> None:
    with pytest.raises(NodeOutputError) as caught:
        returning(value, outputs)
    assert str(caught.value).startswith("The function of the node 'n' must return ")
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert caught.value.node == "n"


@pytest.mark.parametrize(
    ("inputs", "data", "message"),
    [
        ("a", {}, "The node 'n' takes the inputs 'a'; missing: 'a'."),
        ("a", None, "The node 'n' takes the inputs 'a'; missing: 'a'."),
        ("a", {"a": 1, "z": 2}, "The node 'n' takes the inputs 'a'; not expected: 'z'."),
        ("a", {"z": 2}, "The node 'n' takes the inputs 'a'; missing: 'a'; not expected: 'z'."),
        ("a", [1], "The node 'n' is run with a dictionary of data by dataset name, and list is none."),
    ],
)
def test_inputs_that_are_not_those_of_the_node_are_refused(inputs: Any, data: Any, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        node(one, inputs, "out", name="n").run(data)
    assert str(caught.value) == message


def test_a_node_without_inputs_takes_none() -> None:
    with pytest.raises(PipelineError, match="The node 'n' takes no inputs; not expected: 'a'"):
        node(lambda: 1, None, "out", name="n").run({"a": 1})


# ------------------------------------------------------------------ generators


def test_a_generator_stays_one() -> None:
    assert list(streaming([1, 2], "b")["b"]) == [1, 2]
    assert list(streaming([], "b")["b"]) == []


def test_a_generator_is_split_among_several_outputs() -> None:
    result = streaming([(1, 10), (2, 20)], ["b", "c"])
    assert [next(result["b"]), next(result["c"]), next(result["b"]), next(result["c"])] == [1, 10, 2, 20]
    assert [list(result["b"]), list(result["c"])] == [[], []]


def test_the_outputs_of_a_generator_may_be_read_one_after_the_other() -> None:
    result = streaming([{"k": 1, "l": 10}, {"k": 2, "l": 20}], {"l": "b", "k": "c"})
    assert [list(result["b"]), list(result["c"])] == [[10, 20], [1, 2]]


def test_an_empty_generator_gives_empty_outputs() -> None:
    assert [list(each) for each in streaming([], ["b", "c"]).values()] == [[], []]


def test_a_generator_is_read_no_further_than_its_readers_ask() -> None:
    started = []

    def generate(x: Any) -> Iterator[Any]:
        for number in range(3):
            started.append(number)
            yield number, number

    result = node(generate, "a", ["b", "c"]).run({"a": 1})
    assert started == []
    next(result["b"])
    next(result["c"])
    assert started == [0]


def test_a_chunk_that_does_not_fit_is_an_error_when_it_is_read() -> None:
    result = streaming([(1, 2), 3], ["b", "c"])
    assert next(result["b"]) == 1
    with pytest.raises(NodeOutputError, match="must return a list or tuple of 2"):
        next(result["b"])
