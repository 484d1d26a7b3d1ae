from __future__ import annotations

import functools
import logging
import math
import pickle
from typing import Any

import pytest
from tests.support.pipeline import anything, one, step, two

from pellucid.exceptions import NodeSignatureError, PipelineError
from pellucid.pipeline import Node, node


class Doubler:
    def __call__(self, x: Any) -> Any:
        return x * 2

    def method(self, x: Any) -> Any:
        return x

    @staticmethod
    def static(x: Any) -> Any:
        return x

    @classmethod
    def clsm(cls, x: Any) -> Any:
        return x


def keyword_only(a: Any, *, b: Any) -> Any:
    return a, b


def positional_only(a: Any, /, b: Any) -> Any:
    return a, b


def with_defaults(a: Any, b: Any = 1, *, c: Any = 2) -> Any:
    return a, b, c


def outside(x: Any) -> Any:
    return x


def wrapped(func: Any) -> Any:
    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        return func(*args)

    return wrapper


outside.__module__ = "__main__"
outside.__name__ = "f"


def test_a_node_tells_what_it_is_made_of() -> None:
    made = node(
        two, {"x": "a", "y": "b"}, {"o": "c", "p": "d"}, name="n", tags="t", confirms="a", namespace="outer.inner"
    )
    assert isinstance(made, Node)
    assert made.func is two
    assert (made.inputs, made.outputs, made.confirms, made.tags) == (["a", "b"], ["c", "d"], ["a"], {"t"})
    assert (made.name, made.short_name, made.namespace) == ("outer.inner.n", "n", "outer.inner")
    assert made.namespace_prefixes == ["outer", "outer.inner"]
    assert step("a", "b").namespace_prefixes == [""]


def test_tags_and_confirms_are_copies() -> None:
    made = step("a", "b", "n", tags=["t"], confirms=["a"])
    made.tags.add("other")
    made.confirms.append("other")
    assert (made.tags, made.confirms) == ({"t"}, ["a"])


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ("a", "b", "f__e3cfa66c"),
        (["a"], ["b"], "f__e3cfa66c"),
        ({"x": "a"}, {"k": "b"}, "f__e3cfa66c"),
        ("a", None, "f__43ee9e9c"),
    ],
)
def test_the_default_name_is_the_one_that_kedro_gives(inputs: Any, outputs: Any, expected: str) -> None:
    assert node(outside, inputs, outputs).name == expected
    assert node(outside, inputs, outputs, namespace="ns").name == f"ns.{expected}"


def test_the_default_name_depends_on_the_order_of_datasets() -> None:
    assert step(["a", "b"], "c").name != step(["b", "a"], "c").name


def test_builtins_and_partials_have_the_default_names_that_kedro_gives() -> None:
    assert node(len, "a", "b").name == "len__340b4643"
    assert node(math.sqrt, "a", "b").name == "sqrt__ed55f7f1"
    assert node(functools.partial(outside), "a", "b").name == "partial(f)__b9eedc59"


@pytest.mark.parametrize(
    ("func", "called"),
    [
        (lambda x: x, "<lambda>"),
        (functools.partial(two, 1), "partial(two)"),
        (functools.partial(functools.partial(two, 1)), "partial(two)"),
        (functools.partial(Doubler()), "partial(Doubler)"),
        (functools.update_wrapper(functools.partial(two, 1), two), "two"),
        (Doubler(), "Doubler"),
        (Doubler().method, "method"),
        (Doubler.static, "static"),
        (Doubler.clsm, "clsm"),
    ],
)
def test_every_callable_has_a_name(func: Any, called: str) -> None:
    made = node(func, "a", "b")
    assert str(made) == f"{called}([a]) -> [b]"
    assert len(made.name.rsplit("__", 1)[1]) == 8
    assert repr(made) == f"Node({called}, 'a', 'b', None)"


def test_the_short_name_of_a_node_without_name_is_the_functions_in_words() -> None:
    assert step("a", "b").short_name == "Anything"
    assert node(with_defaults, "a", "b").short_name == "With Defaults"


def test_text_forms() -> None:
    assert str(step(["a", "b"], ["c", "d"], "n")) == "n: anything([a;b]) -> [c;d]"
    assert str(step(None, "b")) == "anything(None) -> [b]"
    assert str(step("a", None)) == "anything([a]) -> None"
    assert repr(step(["a", "b"], None, "n", namespace="ns")) == "Node(anything, ['a', 'b'], None, 'n')"


def test_nodes_are_values() -> None:
    first = step("a", "b", "n")
    assert first == step("a", "b", "n", tags="t", confirms="a")
    assert hash(first) == hash(step("a", "b", "n", tags="t"))
    assert first != step("a", "c", "n")
    assert first != step(["a"], "b", "n")
    assert first != step({"x": "a"}, "b", "n")
    assert first != "n"
    assert step("a", "b", "n", namespace="ns") == step("a", "b", "ns.n")
    assert len({first, step("a", "b", "n"), step({"x": "a"}, "b", "n")}) == 2


def test_nodes_are_sorted_by_name() -> None:
    assert sorted([step("a", "b", "n2"), step("a", "b", "n10"), step("a", "b", "N")]) == [
        step("a", "b", "N"),
        step("a", "b", "n10"),
        step("a", "b", "n2"),
    ]
    with pytest.raises(TypeError):
        _ = step("a", "b") < 1


def test_tag_returns_a_copy_with_more_tags() -> None:
    first = step("a", "b", "n", tags="t")
    assert first.tag(["u", "v"]).tags == {"t", "u", "v"}
    assert first.tag("u").tags == {"t", "u"}
    assert first.tags == {"t"}


def test_another_function_can_be_set_and_the_name_stays() -> None:
    made = node(one, "a", "b")
    before = made.name
    made.func = len
    assert (made.name, made.func) == (before, len)
    assert made.run({"a": [1, 2]}) == {"b": 2}
    wrong: Any = 3
    with pytest.raises(PipelineError, match="must be callable, and 3 is not"):
        made.func = wrong


def test_a_copy_has_other_arguments() -> None:
    first = step("a", "b", "n", tags="t", namespace="ns")
    copy = first._copy(name="m", namespace=None)
    assert (copy.name, copy.inputs, copy.tags, first.name) == ("m", ["a"], {"t"}, "ns.n")


def test_a_subclass_stays_one() -> None:
    class Special(Node):
        pass

    assert type(Special(one, "a", "b").tag("t")) is Special


def test_nodes_pickle() -> None:
    for made in (step("a", "b", "n", tags="t"), step(["a", "c@x"], {"k": "b"}, confirms="q", namespace="ns")):
        copy = pickle.loads(pickle.dumps(made))
        assert copy == made
        assert (copy.tags, copy.confirms, copy.name) == (made.tags, made.confirms, made.name)


def test_a_failure_is_logged_with_the_node(caplog: pytest.LogCaptureFixture) -> None:
    def fail(x: Any) -> Any:
        raise KeyError(x)

    with caplog.at_level(logging.ERROR), pytest.raises(KeyError):
        node(fail, "a", "b", name="n").run({"a": "deep"})
    assert [record.getMessage() for record in caplog.records] == ["The node n: fail([a]) -> [b] failed: 'deep'"]
    assert caplog.records[0].name == "pellucid.pipeline._node"


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "a", "b"), "A node's function must be callable, and 1 is of type int."),
        ((one, None, None), "The node of 'one' has neither inputs nor outputs."),
        ((one, [], {}), "The node of 'one' has neither inputs nor outputs."),
        (
            (one, ("a",), "b"),
            "A node's inputs are a dataset name, a list or a dictionary of them, or None; ('a',) is of type tuple.",
        ),
        (
            (one, "a", {"b"}),
            "A node's outputs are a dataset name, a list or a dictionary of them, or None; {'b'} is of type set.",
        ),
        ((one, ["a", 1], "b"), "Among the inputs of a node is 1 of type int; a dataset's name is text."),
        ((one, "a", {"k": None}), "Among the outputs of a node is None of type NoneType; a dataset's name is text."),
        ((one, "a", ["b", "b"]), "The node one([a]) -> [b;b] has the output 'b' more than once."),
        (
            (one, "a@x", ["a@y", "b"]),
            (
                "The node one([a@x]) -> [a@y;b] has 'a' as input and as output; "
                "it cannot write what it reads, transcoded or not."
            ),
        ),
        ((one, "a@x@y", "b"), "The dataset name 'a@x@y' has 2 '@'; at most one may be."),
    ],
)
def test_wrong_shapes_are_refused(arguments: tuple[Any, Any, Any], message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        node(*arguments)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "'a b' cannot be a node's name: use letters, digits, '_', '-' and '.' alone."),
        ({"name": "a\n"}, "'a\\n' cannot be a node's name: use letters, digits, '_', '-' and '.' alone."),
        ({"name": 1}, "A node's name is text, and 1 is of type int."),
        ({"tags": ["ok", "a,b"]}, "'a,b' cannot be a node's tag: use letters, digits, '_', '-' and '.' alone."),
        ({"tags": ""}, "'' cannot be a node's tag: use letters, digits, '_', '-' and '.' alone."),
        ({"tags": 1}, "The tags are text or several texts, and 1 is neither."),
        ({"tags": [1]}, "Among the tags is 1 of type int, and they are text."),
        ({"confirms": 5}, "The confirmed datasets are text or several texts, and 5 is neither."),
        ({"confirms": [5]}, "Among the confirmed datasets is 5 of type int, and they are text."),
        ({"namespace": 3}, "A node's namespace is text, and 3 is of type int."),
        ({"preview_fn": 3}, "A node's preview_fn must be callable, and 3 is not."),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        node(one, "a", "b", **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("func", "inputs", "message"),
    [
        (two, "a", "The function 'two(x, y)' cannot be called with the inputs 'a': missing a required argument: 'y'."),
        (one, ["a", "b"], "The function 'one(x)' cannot be called with the inputs ['a', 'b']: too many positional"),
        (one, {"z": "a"}, "The function 'one(x)' cannot be called with the inputs {'z': 'a'}: missing a required"),
        (one, {"x": "a", "z": "b"}, "got an unexpected keyword argument 'z'."),
        (one, None, "The function 'one(x)' cannot be called with no inputs: missing a required argument: 'x'."),
        (keyword_only, ["a", "b"], "The function 'keyword_only(a, *, b)' cannot be called with"),
        (positional_only, {"a": "a", "b": "b"}, "The function 'positional_only(a, /, b)' cannot be called with"),
        (functools.partial(two, y=1), ["a", "b"], "The function 'partial(two)(x, *, y=1)' cannot be called with"),
        (wrapped(one), {"x": "a"}, "The function 'one(*args)' cannot be called with"),
        (Doubler(), ["a", "b"], "The function 'Doubler(x)' cannot be called with"),
    ],
)
def test_inputs_that_the_function_cannot_take_are_refused(func: Any, inputs: Any, message: str) -> None:
    with pytest.raises(NodeSignatureError) as caught:
        node(func, inputs, "out")
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, PipelineError)


@pytest.mark.parametrize(
    ("func", "inputs"),
    [
        (anything, ["a", "b", "c"]),
        (anything, {"p": "a"}),
        (keyword_only, {"a": "a", "b": "b"}),
        (with_defaults, "a"),
        (with_defaults, ["a", "b"]),
        (with_defaults, {"a": "a", "c": "c"}),
        (positional_only, ["a", "b"]),
        (functools.partial(two, y=1), "a"),
        (wrapped(two), ["a", "b"]),
        (functools.update_wrapper(functools.partial(two, 1), two), "a"),
        (dict, {"p": "a"}),
        (max, ["a", "b"]),
        (Doubler, None),
        ("-".join, "a"),
    ],
)
def test_inputs_that_the_function_can_take_are_taken(func: Any, inputs: Any) -> None:
    assert node(func, inputs, "out").outputs == ["out"]


def test_a_coroutine_function_is_a_function_that_returns_a_coroutine() -> None:
    async def fetch(x: Any) -> Any:
        return x

    result = node(fetch, "a", "b").run({"a": 1})["b"]
    with pytest.raises(StopIteration) as caught:
        result.send(None)
    assert caught.value.value == 1
