from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.history import FakeSegment, RunMaker

from pellucid.observability._cli._runs_json import dumped, dumped_with_spans, span_json
from pellucid.observability.history import HistoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.history import StoredSpan


def spans_of_run(path: Path, count: int) -> list[StoredSpan]:
    made = RunMaker()
    for number in range(count):
        made.add("node", f"node_{number}", number, number + 1)
    store = HistoryStore(path)
    store.take(FakeSegment("a.seg", made.bodies))
    return store.every_span()


def test_spans_are_written_in_pieces_as_they_would_be_at_once(tmp_path: Path) -> None:
    spans = spans_of_run(tmp_path / "history.db", 1201)
    assert len(spans) >= 1201
    for some in (spans, spans[:1], spans[:500], spans[:501], []):
        pieces = list(dumped_with_spans({"run_id": "r", "nodes": [1]}, some))

        assert "".join(pieces) == dumped({"run_id": "r", "nodes": [1], "spans": [span_json(each) for each in some]})
        assert len(pieces) == 2 + -(-len(some) // 500)


def test_what_was_read_of_a_span_to_write_it_is_not_kept(tmp_path: Path) -> None:
    spans = spans_of_run(tmp_path / "history.db", 3)
    before = [dict(vars(each)) for each in spans]

    assert json.loads("".join(dumped_with_spans({"run_id": "r"}, spans)))["spans"]
    assert [vars(each) for each in spans] == before


def test_numbers_that_json_cannot_say_are_texts() -> None:
    data = {"a": (1, float("inf"), [float("nan"), 2.5]), "b": b"\x01\xff"}

    assert dumped(data) == '{"a": [1, "inf", ["nan", 2.5]], "b": "01ff"}'
