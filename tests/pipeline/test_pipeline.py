from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.growth import assert_linear, steps_of
from tests.support.pipeline import anything, diamond, names, step

import pellucid.pipeline
from pellucid import __version__
from pellucid.exceptions import CircularDependencyError, ConfirmNotUniqueError, OutputNotUniqueError, PipelineError
from pellucid.pipeline import GroupedNodes, Node, Pipeline, node, pipeline

if TYPE_CHECKING:
    from collections.abc import Callable


def test_nodes_come_in_an_order_in_which_they_can_run() -> None:
    assert names(diamond()) == ["load", "left", "right", "join"]
    assert [[each.name for each in layer] for layer in diamond().grouped_nodes] == [
        ["load"],
        ["left", "right"],
        ["join"],
    ]


def test_the_order_does_not_depend_on_the_order_of_definition() -> None:
    made = diamond().nodes
    assert names(pipeline(made[::-1])) == names(pipeline(made))


def test_nodes_of_one_layer_are_sorted_by_name() -> None:
    made = pipeline([step("a", "z", "q10"), step("b", "y", "q2"), step("d", "w", "Z"), step("e", "v", "_a")])
    assert names(made) == ["Z", "_a", "q10", "q2"]


def test_dependencies_are_by_node() -> None:
    load, left, right, join = diamond().nodes
    assert diamond().node_dependencies == {load: set(), left: {load}, right: {load}, join: {left, right}}


def test_datasets_by_direction() -> None:
    made = diamond()
    assert (made.inputs(), made.outputs()) == ({"a"}, {"e"})
    assert (made.all_inputs(), made.all_outputs()) == ({"a", "b", "c", "d"}, {"b", "c", "d", "e"})
    assert made.datasets() == {"a", "b", "c", "d", "e"}
    made.inputs().clear()
    made.outputs().clear()
    assert (made.inputs(), made.outputs()) == ({"a"}, {"e"})


def test_a_pipeline_is_made_of_nodes_and_pipelines() -> None:
    inner = pipeline([step("b", "c", "n2")])
    assert names(pipeline([step("a", "b", "n1"), inner])) == ["n1", "n2"]
    assert names(pipeline(inner)) == names(Pipeline(each for each in inner.nodes)) == ["n2"]
    assert names(pipeline([])) == []
    assert bool(pipeline([]))


def test_text_form() -> None:
    assert repr(pipeline([step("a", "b", "n"), step("b", None)])) == (
        "Pipeline([\nNode(anything, 'a', 'b', 'n'),\nNode(anything, 'b', None, None)\n])"
    )
    assert str(pipeline([])) == "Pipeline([])"


def test_describe() -> None:
    made = pipeline([step(["a", "z"], "b", "n1"), step("b", ["c", "d"], "n2")])
    assert made.describe() == "Pipeline of 2 nodes\nInputs: a, z\n\nn1\nn2\n\nOutputs: c, d"
    assert "n1: anything([a;z]) -> [b]\nn2: anything([b]) -> [c;d]" in made.describe(names_only=False)
    assert pipeline([step(None, "b", "n")]).describe() == "Pipeline of 1 node\nInputs: nothing\n\nn\n\nOutputs: b"


def test_json() -> None:
    made = pipeline([step(["b", "a"], None, "n", tags=["y", "x"], namespace="ns")])
    assert json.loads(made.to_json()) == {
        "pellucid_version": __version__,
        "pipeline": [{"name": "ns.n", "inputs": ["b", "a"], "outputs": [], "tags": ["x", "y"]}],
    }


def test_tags_go_to_every_node() -> None:
    made = diamond()
    assert [sorted(each.tags) for each in made.tag("q").nodes] == [["q", "x"], ["q", "y"], ["q", "x", "y"], ["q"]]
    assert [sorted(each.tags) for each in pipeline(made, tags=["q"]).nodes][3] == ["q"]
    assert [sorted(each.tags) for each in made.nodes] == [["x"], ["y"], ["x", "y"], []]
    with pytest.raises(PipelineError, match="'a b' cannot be a node's tag"):
        made.tag("a b")


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("wrong", [None, "abc", 1, step("a", "b", "n")])
def test_what_is_no_iterable_of_nodes_is_refused(wrong: Any) -> None:
    with pytest.raises(PipelineError, match="A pipeline is made of an iterable of nodes and pipelines, not of"):
        pipeline(wrong)


@pytest.mark.parametrize("wrong", [1, "abc", [step("a", "b", "n")], None])
def test_what_is_neither_node_nor_pipeline_is_refused(wrong: Any) -> None:
    with pytest.raises(PipelineError, match=r"A pipeline is made of nodes and pipelines, and .* is of type"):
        pipeline([wrong])


def test_repeated_names_are_refused_all_at_once() -> None:
    with pytest.raises(PipelineError) as caught:
        pipeline([step("a", "b", "n"), step("c", "d", "n"), step("a", "e", "m"), step("a", "f", "m"), step("a", "g")])
    assert str(caught.value) == (
        "Nodes of one pipeline have different names, and these occur more than once:\n"
        "  'm': m: anything([a]) -> [e], m: anything([a]) -> [f]\n"
        "  'n': n: anything([a]) -> [b], n: anything([c]) -> [d]\n"
        "Give each node a name, or the pipelines different namespaces."
    )


def test_one_node_twice_is_refused() -> None:
    with pytest.raises(PipelineError, match="more than once"):
        pipeline([step("a", "b", "n"), pipeline([step("a", "b", "n")])])


@pytest.mark.parametrize(("first", "second"), [("b", "b"), ("b@x", "b@y")])
def test_two_writers_of_one_dataset_are_named(first: str, second: str) -> None:
    with pytest.raises(OutputNotUniqueError) as caught:
        pipeline([step("a", first, "n"), step("c", second, "m")])
    assert str(caught.value) == (
        "The dataset 'b' is an output of the nodes 'n' and 'm'; only one node may write a dataset."
    )


def test_two_that_confirm_one_dataset_are_named() -> None:
    with pytest.raises(ConfirmNotUniqueError) as caught:
        pipeline([step("a", "b", "n", confirms="q"), step("c", "d", "m", confirms=["p", "q"])])
    assert str(caught.value) == "The dataset 'q' is confirmed by the nodes 'n' and 'm'; it may be confirmed once."
    with pytest.raises(ConfirmNotUniqueError, match="is confirmed twice by the node 'n'"):
        pipeline([step("a", "b", "n", confirms=["q", "q"])])


def test_a_cycle_is_named_in_the_order_of_its_nodes() -> None:
    with pytest.raises(CircularDependencyError) as caught:
        pipeline(
            [step("c", "a", "x3"), step("a", "b", "x1"), step("b", "c", "x2"), step("a", "z", "o"), step("q", "w", "p")]
        )
    assert caught.value.cycle == ("x1", "x2", "x3")
    assert str(caught.value) == "These nodes depend on each other in a circle: x1 -> x2 -> x3 -> x1"


def test_a_cycle_by_transcoding_is_one() -> None:
    with pytest.raises(CircularDependencyError):
        pipeline([step("a@x", "b", "n"), step("b", "a@y", "m")])


@pytest.mark.parametrize(
    "made",
    [
        [step("a", "b@x", "coded"), step("b", "c", "bare")],
        [step("a", "b", "bare"), step("b@x", "c", "coded")],
        [step("b", "c", "bare"), step("b@x", "d", "coded")],
    ],
)
def test_a_dataset_is_transcoded_everywhere_or_nowhere(made: list[Node]) -> None:
    with pytest.raises(PipelineError) as caught:
        pipeline(made)
    assert str(caught.value) == (
        "The dataset 'b' has a '@' in the node 'coded' and none in the node 'bare'; "
        "say in both which view of it is meant, or rename one of them."
    )


def test_transcoded_names_depend_on_each_other() -> None:
    made = pipeline([step("a", "b@x", "n"), step("b@y", "c", "m"), step("i@1", "j", "o"), step("i@2", "k", "p")])
    by_name = {each.name: {parent.name for parent in above} for each, above in made.node_dependencies.items()}
    assert by_name == {"n": set(), "m": {"n"}, "o": set(), "p": set()}
    assert made.inputs() == {"a", "i@1", "i@2"}
    assert made.outputs() == {"c", "j", "k"}
    assert made.datasets() == {"a", "b@x", "b@y", "c", "i@1", "i@2", "j", "k"}
    assert pipeline([step("a", "b@x", "n")]).outputs() == {"b@x"}


# ------------------------------------------------------------------ algebra, by example


def test_a_sum_keeps_the_nodes_of_the_left_where_both_have_one() -> None:
    tagged = diamond().tag("q")
    assert [sorted(each.tags) for each in (diamond() + tagged).nodes] == [["x"], ["y"], ["x", "y"], []]
    assert [sorted(each.tags) for each in (diamond() & tagged).nodes] == [["x"], ["y"], ["x", "y"], []]
    assert [sorted(each.tags) for each in (tagged | diamond()).nodes][3] == ["q"]
    assert names(diamond() - tagged) == []


def test_a_sum_that_would_not_be_a_pipeline_is_refused_and_its_parts_stay_good() -> None:
    chain = pipeline([step("a", "b", "n"), step("b", "c", "m")])
    for wrong, error in [
        (step("z", "y", "n"), PipelineError),
        (step("z", "b", "o"), OutputNotUniqueError),
        (step("c", "a", "o"), CircularDependencyError),
        (step("b@x", "y", "o"), PipelineError),
    ]:
        with pytest.raises(error):
            _ = chain + pipeline([wrong])
        assert names(chain) == ["n", "m"]
        assert names(chain + pipeline([step("c", "d", "p")])) == ["n", "m", "p"]
        assert (chain.inputs(), chain.outputs()) == ({"a"}, {"c"})


def test_a_cycle_that_a_sum_closes_over_several_parts_is_found() -> None:
    parts = [pipeline([step(f"d{i}", f"d{i + 1}", f"n{i}")]) for i in (0, 2, 1, 3)]
    whole = sum(parts[1:], parts[0])
    with pytest.raises(CircularDependencyError) as caught:
        _ = whole + pipeline([step("d4", "d0", "back")])
    assert caught.value.cycle == ("back", "n0", "n1", "n2", "n3")


def test_what_is_added_later_is_not_in_what_was_added_to() -> None:
    base = pipeline([step("a", "b", "n")])
    longer = base + pipeline([step("b", "c", "m")])
    other = base + pipeline([step("b", "x", "m")])
    longest = longer + pipeline([step("c", "d", "o")])
    assert [names(each) for each in (base, longer, other, longest)] == [["n"], ["n", "m"], ["n", "m"], ["n", "m", "o"]]
    assert [each.outputs() for each in (base, longer, other, longest)] == [{"b"}, {"c"}, {"x"}, {"d"}]
    assert names(longer.from_inputs("b")) == ["m"]
    assert names(base - longer) == []
    assert names(longest - base) == ["m", "o"]
    with pytest.raises(PipelineError, match="No node 'm' is in the pipeline"):
        base.only_nodes("m")


@pytest.mark.parametrize("other", [0, None, 1, "a", step("a", "b", "n")])
def test_other_things_are_no_operands(other: Any) -> None:
    for operation in ("__add__", "__or__", "__and__", "__sub__"):
        assert getattr(diamond(), operation)(other) is NotImplemented
    with pytest.raises(TypeError):
        _ = diamond() + other


def test_sum_starts_from_nothing() -> None:
    assert names(0 + sum([pipeline([step("z", "y", "another")])], diamond())) == ["another", *names(diamond())]
    with pytest.raises(TypeError):
        _ = 1 + diamond()


# ------------------------------------------------------------------ groups


def test_groups_by_namespace() -> None:
    made = pipeline(
        [
            step("a", "b", "z1"),
            step("b", "c", "n2", namespace="x"),
            step("c", "d", "n3", namespace="x.y"),
            step(["b", "d"], "e", "n4", namespace="w"),
        ]
    )
    assert made.group_nodes_by() == [
        GroupedNodes("z1", "nodes", ["z1"], []),
        GroupedNodes("x", "namespace", ["x.n2", "x.y.n3"], ["z1"]),
        GroupedNodes("w", "namespace", ["w.n4"], ["x", "z1"]),
    ]
    for single in (None, "none"):
        assert [each.name for each in made.group_nodes_by(single)] == ["z1", "x.n2", "x.y.n3", "w.n4"]
        assert made.group_nodes_by(single)[3] == GroupedNodes("w.n4", "nodes", ["w.n4"], ["x.y.n3", "z1"])
    with pytest.raises(PipelineError) as caught:
        made.group_nodes_by("colour")
    assert str(caught.value) == "Nodes are grouped by 'namespace' or 'none', not by 'colour'."


def test_namespaces_that_cannot_run_as_one_are_named_by_a_warning() -> None:
    made = pipeline([step("a", "b", "n1", namespace="x"), step("b", "c", "n2"), step("c", "d", "n3", namespace="x")])
    with pytest.warns(UserWarning, match="The namespaces 'x' cannot run as one each"):
        groups = made.group_nodes_by("namespace")
    assert [(each.name, each.dependencies) for each in groups] == [("x", ["n2"]), ("n2", ["x"])]


# ------------------------------------------------------------------ other processes, threads, size


def test_pipelines_pickle() -> None:
    made = diamond() + pipeline([step("e", "f@x", "last")])
    copy = pickle.loads(pickle.dumps(made))
    assert copy.nodes == made.nodes
    assert copy.to_json() == made.to_json()
    assert names(copy + pipeline([step("f@y", "g", "z")])) == [*names(made), "z"]


def test_a_part_pickles_without_the_whole() -> None:
    part = diamond() + pipeline([step("e", "f", "last")])
    small = pipeline([step("a", "b", "n")])
    _ = small + part.only_nodes("last")
    assert b"last" not in pickle.dumps(small)


def test_names_and_order_are_the_same_in_every_process() -> None:
    code = (
        "from tests.support.pipeline import diamond, step; from pellucid.pipeline import pipeline;"
        "print((diamond() + pipeline([step(x, y) for x, y in [('p', 'q'), ('r', 's'), ('q', 't')]])).to_json())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def test_threads_that_add_to_one_pipeline_do_not_disturb_each_other() -> None:
    base = diamond()
    found: dict[int, list[list[str]]] = {}
    ready = threading.Barrier(8)

    def add(number: int) -> None:
        ready.wait()
        found[number] = [
            names((base + pipeline([step("e", "f", f"z{number}")])).only_nodes_with_inputs("e")) for _ in range(50)
        ]

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [[f"z{number}"]] * 50 for number in range(8)}
    assert names(base) == names(diamond())


def test_an_addition_beside_another_one_is_right() -> None:
    base = diamond()
    base._view._index.growing.acquire()
    try:
        assert names(base + pipeline([step("e", "f", "z")])) == [*names(diamond()), "z"]
    finally:
        base._view._index.growing.release()


@pytest.mark.parametrize("shape", ["chain", "fan-out", "fan-in"])
def test_ten_thousand_nodes_are_no_trouble(shape: str) -> None:
    count = 10_000
    if shape == "chain":
        made = [step(f"d{i}", f"d{i + 1}", f"n{i}") for i in range(count)]
    elif shape == "fan-out":
        made = [step(None, "d", "root"), *(step("d", f"e{i}", f"n{i}") for i in range(count))]
    else:
        made = [*(step(None, f"e{i}", f"n{i}") for i in range(count)), step([f"e{i}" for i in range(count)], "d", "z")]
    whole = pipeline(made)
    assert len(whole.nodes) == len(made)
    assert len(whole.filter(from_nodes=[made[count // 2].name]).nodes) >= 1
    assert len(whole.node_dependencies) == len(made)


def test_a_cycle_of_ten_thousand_nodes_is_found() -> None:
    count = 10_000
    with pytest.raises(CircularDependencyError) as caught:
        pipeline([step(f"d{i}", f"d{(i + 1) % count}", f"n{i}") for i in range(count)])
    assert len(caught.value.cycle) == count


def test_a_sum_costs_in_proportion_to_its_nodes() -> None:
    def add_up(count: int) -> Callable[[], object]:
        parts = [pipeline([step(f"d{i}_{j}", f"d{i}_{j + 1}", f"n{i}_{j}") for j in range(10)]) for i in range(count)]
        assert all(part.nodes for part in parts)
        return lambda: sum(parts)

    assert_linear(add_up, 20)


def test_a_filter_that_selects_all_looks_at_no_node_again() -> None:
    def steps(count: int) -> int:
        whole = pipeline([step(f"d{i}", f"d{i + 1}", f"n{i}") for i in range(count)])
        assert whole.filter().nodes == whole.nodes
        return steps_of(lambda: whole.filter(tags=None, from_nodes=[]))

    assert steps(10) == steps(500)


# ------------------------------------------------------------------ exports


def test_exports() -> None:
    assert pellucid.pipeline.__all__ == ["GroupedNodes", "Node", "Pipeline", "node", "pipeline"]
    from pellucid.pipeline.node import Node as FromModule
    from pellucid.pipeline.pipeline import TRANSCODING_SEPARATOR
    from pellucid.pipeline.pipeline import Pipeline as PipelineFromModule
    from pellucid.pipeline.transcoding import _strip_transcoding, _transcode_split

    assert (FromModule, PipelineFromModule) == (Node, Pipeline)
    assert isinstance(node(anything, "a", "b"), Node)
    assert TRANSCODING_SEPARATOR == "@"
    assert (_strip_transcoding("a@b"), _strip_transcoding("a")) == ("a", "a")
    assert (_transcode_split("a@b"), _transcode_split("a")) == (("a", "b"), ("a", ""))
