"""What is missing, and where to resume: with catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import runner as kit
from tests.support.runner_graphs import graphs

from pellucid.exceptions import DatasetError, UnsatisfiedInputsError
from pellucid.io import AbstractDataset, DataCatalog, MemoryDataset
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner
from pellucid.runner._selection import materialise, only_missing, resume_from

if TYPE_CHECKING:
    from pellucid.pipeline import Pipeline


class Stored(AbstractDataset[Any, Any]):
    """Persisted, or about to be."""

    def __init__(self, there: bool = True) -> None:
        self.there = there

    def load(self) -> Any:
        return 1

    def save(self, data: Any) -> None:
        self.there = True

    def _exists(self) -> bool:
        return self.there

    def _describe(self) -> dict[str, Any]:
        return {}


class Mute(AbstractDataset[Any, Any]):
    """Cannot tell whether it exists."""

    def load(self) -> Any:
        return 1

    def save(self, data: Any) -> None: ...

    def _describe(self) -> dict[str, Any]:
        return {}


def step(inputs: Any, outputs: Any, name: str) -> Any:
    return node(kit.sink if outputs is None else kit.same, inputs, outputs, name=name)


CHAIN = pipeline([step("a", "b", "n1"), step("b", "c", "n2"), step("c", "d", "n3")])


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        ({"b": Stored(False), "c": Stored(), "d": Stored(False)}, ["n1", "n3"]),
        ({"c": Stored(), "d": Stored(False)}, ["n3"]),
        ({"b": Stored(), "d": Stored(False)}, ["n2", "n3"]),
        ({"d": Stored(False)}, ["n1", "n2", "n3"]),
        ({"d": Stored()}, []),
        ({}, []),
        ({"d": Mute()}, ["n1", "n2", "n3"]),
        ({"d": MemoryDataset(3)}, []),
    ],
)
def test_what_is_missing_of_a_chain(datasets: dict[str, Any], expected: list[str]) -> None:
    kept = only_missing(CHAIN, DataCatalog({"a": Stored(), **datasets}))
    assert [each.name for each in kept.nodes] == expected


def test_a_node_without_outputs_always_runs() -> None:
    parts = pipeline([step("a", "b", "n1"), step("b", None, "n2")])
    kept = only_missing(parts, DataCatalog({"a": Stored(), "b": Stored()}))
    assert [each.name for each in kept.nodes] == ["n2"]


def test_an_ephemeral_output_that_nobody_reads_is_not_missed() -> None:
    parts = pipeline([node(kit.split, "a", ["b", "c"], name="n1"), step("b", "d", "n2")])
    assert not only_missing(parts, DataCatalog({"a": Stored(), "b": Stored(), "d": Stored()})).nodes
    parts = parts + pipeline([step("c", "e", "n3")])
    kept = only_missing(parts, DataCatalog({"a": Stored(), "b": Stored(), "d": Stored(), "e": Stored(False)}))
    assert [each.name for each in kept.nodes] == ["n1", "n3"]


def test_transcoded_names_are_one_dataset() -> None:
    parts = pipeline([step("a", "b@x", "n1"), step("b@y", "c", "n2")])
    catalog = DataCatalog({"a": Stored(), "c": Stored(False)})
    assert only_missing(parts, catalog) is parts
    persisted = DataCatalog({"a": Stored(), "b@x": Stored(), "b@y": Stored(), "c": Stored(False)})
    assert [each.name for each in only_missing(parts, persisted).nodes] == ["n2"]


def test_what_is_skipped_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pellucid.runner")
    only_missing(CHAIN, DataCatalog({"a": Stored(), "c": Stored(), "d": Stored(False)}))
    assert caplog.messages == ["Skipped 2 of 3 nodes, as what they write exists: n1, n2"]
    caplog.set_level("WARNING", "pellucid.runner")
    only_missing(CHAIN, DataCatalog({"a": Stored(), "c": Stored(), "d": Stored(False)}))
    assert len(caplog.messages) == 1


def test_a_long_list_of_what_is_skipped_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "pellucid.runner")
    many = pipeline([step("a", f"b{number}", f"n{number:02}") for number in range(30)])
    assert not only_missing(many, DataCatalog({"a": Stored()})).nodes
    assert caplog.messages[0].startswith("Skipped 30 of 30 nodes")
    assert caplog.messages[0].endswith("n19, …")


@given(graphs(most=9), st.lists(st.sampled_from(["memory", "there", "missing"]), min_size=9, max_size=9))
def test_what_is_missing_by_its_definition(dependencies: list[list[int]], kinds: list[str]) -> None:
    """By recursion from the definition: is a node's output missing, or ephemeral and read by a node that runs?"""
    parts, catalog = _pipeline(dependencies, kinds)

    def runs(index: int) -> bool:
        if kinds[index] != "memory":
            return kinds[index] == "missing"
        return any(index in needed and runs(other) for other, needed in enumerate(dependencies))

    expected = {f"n{index}" for index in range(len(dependencies)) if runs(index)}
    assert {each.name for each in only_missing(parts, catalog).nodes} == expected


@given(graphs(most=9), st.lists(st.sampled_from(["memory", "there"]), min_size=9, max_size=9), st.integers(0, 8))
def test_the_hinted_run_completes_the_pipeline(dependencies: list[list[int]], kinds: list[str], failed: int) -> None:
    """What is run from the hint, in a new process, finds all its inputs and makes all that was not made."""
    parts, catalog = _pipeline(dependencies, ["missing" if kind == "there" else kind for kind in kinds])
    names = [each.name for each in parts.nodes]
    done = range(min(failed, len(names) - 1))
    for index in done:
        catalog.save(f"d{names[index][1:]}", 1)
    hinted = resume_from(parts.nodes, done, catalog)
    fresh = DataCatalog({name: catalog[name] for name in catalog if isinstance(catalog.get(name), Stored)})
    resumed = parts.from_nodes(*hinted)
    assert set(names) - {names[index] for index in done} <= {each.name for each in resumed.nodes}
    SequentialRunner().run(resumed, fresh)


def _pipeline(dependencies: list[list[int]], kinds: list[str]) -> tuple[Pipeline, DataCatalog]:
    """Node ``n<i>`` writes ``d<i>``, which is in memory, persisted, or persisted and missing."""
    nodes = [
        node(kit.count, ["start", *(f"d{other}" for other in needed)], f"d{index}", name=f"n{index}")
        for index, needed in enumerate(dependencies)
    ]
    made = {
        f"d{index}": MemoryDataset() if kinds[index] == "memory" else Stored(kinds[index] == "there")
        for index in range(len(dependencies))
    }
    return pipeline(nodes), DataCatalog({"start": Stored(), **made})


def test_resuming_with_transcoded_names() -> None:
    parts = pipeline([step("a", "b@x", "n1"), step("b@y", "c", "n2")])
    in_memory = DataCatalog({"a": Stored(), "b@x": MemoryDataset(), "b@y": MemoryDataset()})
    assert resume_from(parts.nodes, {0}, in_memory) == ["n1"]
    persisted = DataCatalog({"a": Stored(), "b@x": Stored(), "b@y": Stored()})
    assert resume_from(parts.nodes, {0}, persisted) == ["n2"]


def test_a_parameter_is_no_reason_to_go_back() -> None:
    parts = pipeline([step("a", "b", "n1"), node(kit.add, ["b", "params:p"], "c", name="n2")])
    assert resume_from(parts.nodes, {0}, DataCatalog({"a": Stored(), "b": Stored(), "params:p": 1})) == ["n2"]


def test_a_hint_that_cannot_be_found_out_replaces_no_error(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(DataCatalog):
        failing = False

        def get(self, *arguments: Any, **options: Any) -> Any:
            if self.failing:
                raise LookupError("no catalog any more")
            return super().get(*arguments, **options)

    catalog = Broken({"a": 1})

    def fail(_value: Any) -> Any:
        catalog.failing = True
        raise RuntimeError("boom")

    parts = pipeline([node(kit.same, "a", "b", name="n1"), node(fail, "b", "c", name="n2")])
    with pytest.raises(RuntimeError, match="boom"):
        SequentialRunner().run(parts, catalog)
    assert "--from-nodes" not in caplog.text


def test_no_hint_when_all_nodes_are_done(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(MemoryDataset):
        def _release(self) -> None:
            raise LookupError("cannot let go")

    parts = pipeline([node(kit.same, "a", "b", name="n1"), step("b", None, "n2")])
    with pytest.raises(DatasetError, match="cannot let go"):
        SequentialRunner().run(parts, DataCatalog({"a": 1, "b": Stuck()}))
    assert "--from-nodes" not in caplog.text


def test_unsatisfied_inputs_are_named_with_the_nearest() -> None:
    catalog = DataCatalog({"cars": 1})
    parts = pipeline([node(kit.add, ["crs", "unlike"], "b", name="n1")])
    with pytest.raises(UnsatisfiedInputsError) as caught:
        materialise(parts, catalog)
    assert caught.value.names == ("crs", "unlike")
    assert caught.value.nearest == ("cars",)


def test_a_pattern_satisfies_an_input() -> None:
    catalog = DataCatalog.from_config({"{name}_data": {"type": "pellucid.io.MemoryDataset"}})
    materialise(pipeline([step("raw_data", "b", "n1")]), catalog)
    assert isinstance(catalog["raw_data"], MemoryDataset)
    assert isinstance(catalog["b"], MemoryDataset)
