"""What is loaded is linked to the span that saved it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.tracing._saves import Saves

if TYPE_CHECKING:
    from tests.support.otlp import Stage

    from pellucid.observability.records import Kind, Result

SCOPE = RunScope("s", "r", "p", b"t" * 16)


def save(stage: Stage, dataset: str, result: Result = "success") -> bytes:
    span = stage.start("save", f"save {dataset}", dataset=dataset)
    stage.end(span, result, None if result == "success" else OSError("full"))
    return span.span_id


def linked(stage: Stage, dataset: str) -> list[bytes]:
    """Load, and return what the load is linked to."""
    load = stage.start("load", f"load {dataset}", dataset=dataset)
    stage.end(load)
    (found,) = (span for span in stage.ended() if span.span_id == load.span_id)
    assert {link.trace_id for link in found.links} <= {stage.scope.trace_id}
    assert not any(link.attributes for link in found.links)
    return [link.span_id for link in found.links]


def test_a_load_is_linked_to_the_last_save(stage: Stage) -> None:
    with stage.span("run", "RUN"):
        assert linked(stage, "a") == []
        first = save(stage, "a")
        assert linked(stage, "a") == linked(stage, "a") == [first]
        second = save(stage, "a")
        save(stage, "b")
        assert linked(stage, "a") == [second]


def test_nothing_is_linked_to_a_save_that_failed(stage: Stage) -> None:
    with stage.span("run", "RUN"):
        save(stage, "a", "failure")
        assert linked(stage, "a") == []
        done = save(stage, "a")
        save(stage, "a", "failure")
        assert linked(stage, "a") == [done]


def test_a_dataset_that_is_read_as_another_type_is_the_same_one(stage: Stage) -> None:
    with stage.span("run", "RUN"):
        saved = save(stage, "a@pandas")
        assert linked(stage, "a@spark") == [saved]


def test_a_run_knows_no_saves_of_another_one(stage: Stage) -> None:
    mine = stage.scope
    with stage.span("run", "RUN"):
        saved = save(stage, "a")
        stage.scope = dataclasses.replace(mine, run_id="another")
        assert linked(stage, "a") == []
        stage.scope = mine
        assert linked(stage, "a") == [saved]
    assert linked(stage, "a") == []


def record(kind: Kind, dataset: str, run_id: str = "r") -> SpanRecord:
    scope = dataclasses.replace(SCOPE, run_id=run_id)
    return SpanRecord(kind, kind, scope, b"s" * 8, b"", 1, {}, dataset=dataset)


def test_what_is_remembered_is_bounded() -> None:
    saves = Saves()
    for number in range(10_005):
        saves.note(record("save", str(number)))
    saves.note(record("save", "0"))
    for dataset, is_known in (("0", True), ("9999", True), ("10000", False)):
        load = record("load", dataset)
        saves.link(load)
        assert bool(load.links) is is_known
    for number in range(1_000):
        saves.note(record("save", "a", str(number)))
    assert sum(map(len, saves._runs.values())) < 11_000
