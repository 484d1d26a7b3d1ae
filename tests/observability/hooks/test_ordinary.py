"""Nodes that are kept as one record: what is read of them is what each span on its own would have been."""

from __future__ import annotations

import gc
import os
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.framework import make_project

from pellucid.exceptions import DatasetError
from pellucid.framework.hooks import hook_impl
from pellucid.framework.project import settings
from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.observability.bundles import BadBundleError, read
from pellucid.observability.flow import folder_of
from pellucid.observability.flow._rooms import seal
from pellucid.observability.flow._unbundle import Unbundling
from pellucid.observability.options import SpoolOptions
from pellucid.observability.recording import STREAM_BUNDLES, STREAM_METRICS, STREAM_SPANS
from pellucid.observability.records import SpanRecord
from pellucid.observability.spool import Frame, FrameKind, Limits, SegmentWriter, SpoolFolder
from pellucid.observability.wire import decode_span
from pellucid.runner._execution import Execution
from pellucid.testing import FakeClock, captured_telemetry

if TYPE_CHECKING:
    from pathlib import Path

NODES = """
from pellucid.pipeline import node, pipeline

def join(number, one, two):
    return one + two, number

def boom(value):
    raise ValueError(f"{value} is not enough")

def create_pipeline(**kwargs):
    found = [
        node(lambda x: x, "params:x", "one", name="first", tags=["b", "a"]),
        node(lambda x: x + 1, "one", "two", name="secönd"),
        node(join, ["params:x", "one", "two"], ["three", "file"], name="join", namespace=None),
        node(lambda x: x, "table.of.a", "table.of.b", name="by_pattern", namespace="space"),
    ]
    return pipeline(found + ([node(boom, "three", "four", name="boom")] if FAILS else []))
"""
CATALOG = """
file: {type: text.TextDataset, filepath: data/out.txt, versioned: true}
"{layer}.of.{name}": {type: MemoryDataset, data: 7}
"space.{layer}.of.{name}": {type: MemoryDataset, data: 7}
"""


_OF_NODES = ("node", "load", "save")


class Others:
    """Somebody else who hears of spans: so that each is kept on its own."""

    @hook_impl
    def on_span_started(self, span: Any) -> None:
        """Do nothing."""


class Kept:
    """What the writers of a block were given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[tuple[str, int, bytes]] = []
        put = SegmentWriter._put

        def noted(writer: SegmentWriter, kind: int, stream: int, key: bytes, payload: bytes) -> None:
            self.frames.append((FrameKind(kind).name, stream, payload))
            put(writer, kind, stream, key, payload)

        monkeypatch.setattr(SegmentWriter, "_put", noted)

    @property
    def bundles(self) -> list[bytes]:
        """The whole records of nodes."""
        return [payload for kind, stream, payload in self.frames if (kind, stream) == ("END", STREAM_BUNDLES)]


BOOM = 'raise ValueError(f"{value} is not enough")'


def _project(folder: Path, *, fails: bool, x: str = "3", boom: str = BOOM) -> None:
    project = make_project(folder, parameters=f"x: {x}\n")
    project.pipeline(
        "double",
        f"FAILS = {fails}\n{textwrap.dedent(NODES)}".replace("x + 1", "str(x)")
        .replace("one + two, number", "1, two")
        .replace(BOOM, boom),
    )
    project.module("settings", "")
    project.write("conf/base/catalog.yml", CATALOG)
    bootstrap_project(folder)


def _recorded(others: object | None, *, fails: bool, level: str = "DEBUG", error: str = "not enough") -> dict[str, Any]:
    settings.set("HOOKS", (others,) if others is not None else ())
    with captured_telemetry(clock=FakeClock(step_seconds=0.0), incremental_ids=True, level=level) as telemetry:
        with KedroSession.create() as session:
            if fails:
                with pytest.raises((ValueError, DatasetError), match=error):
                    session.run()
            else:
                here = os.getpid()
                try:
                    session.run()
                    session.close()
                finally:
                    if os.getpid() != here:
                        os._exit(0)
        spans = [
            (each.name, each.kind, each.result, each.span_id, each.parent_id, dict(each.attributes))
            for each in telemetry.spans
        ]
        return {
            "spans": [(*each[:5], {k: v for k, v in each[5].items() if not _varies(k)}) for each in spans],
            "nodes": telemetry.series("node_runs_total"),
            "datasets": telemetry.series("dataset_operations_total"),
            "logs": [
                (each["event"], each.get("node"), each.get("dataset"), each.get("span_id")) for each in telemetry.logs
            ],
        }


def _varies(key: str) -> bool:
    return any(
        each in key for each in ("cpu", "memory", "queue", "version", "session", "run_id", "run.id", "stacktrace")
    )


@pytest.mark.parametrize("listens", ["nobody", "pytest"])
@pytest.mark.parametrize("fails", [False, True])
def test_what_is_read_is_what_each_span_would_have_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, fails: bool, listens: str
) -> None:
    if listens == "nobody":
        request.getfixturevalue("quiet_datasets")
    _project(tmp_path / "p", fails=fails)
    kept = Kept(monkeypatch)
    apart = _recorded(Others(), fails=fails)
    assert not kept.bundles
    together = _recorded(None, fails=fails)
    assert [chr(each[1]) for each in kept.bundles] == ["P"] * 4 + ["E"] * fails
    assert together == apart


@pytest.mark.usefixtures("quiet_datasets")
def test_a_save_that_takes_no_time_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was done when it began: so it has to begin when it fails."""
    _project(tmp_path / "p", fails=True, boom="return None")
    kept = Kept(monkeypatch)
    apart = _recorded(Others(), fails=True, error="None cannot be saved")
    together = _recorded(None, fails=True, error="None cannot be saved")
    assert [chr(each[1]) for each in kept.bundles] == ["P"] * 4 + ["E"]
    assert together == apart
    assert ("save four", "save", "failure") in [each[:3] for each in together["spans"]]


@pytest.mark.usefixtures("quiet_datasets")
@pytest.mark.parametrize("step", [3, 4])
def test_a_load_that_takes_no_time_may_be_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Between what is heard of it and itself, or between itself and what is heard of its end."""
    _project(tmp_path / "p", fails=False)

    def recorded(others: object | None) -> dict[str, Any]:
        steps = iter(range(1, 100))

        def go_on(_: Execution, node: Any) -> None:
            if node.name == "secönd" and next(steps) == step:
                raise ValueError("not enough time")

        monkeypatch.setattr(Execution, "_go_on", go_on)
        return _recorded(others, fails=True)

    apart, together = recorded(Others()), recorded(None)
    assert together == apart
    assert ("load one", "load", "failure") in [each[:3] for each in together["spans"]]


def test_what_a_fork_does_that_goes_on_with_the_node_is_its_own(tmp_path: Path) -> None:
    fork = "import os; child = os.fork(); _ = child and os.waitpid(child, 0); return 4"
    _project(tmp_path / "p", fails=True, boom=fork)
    apart, together = _recorded(Others(), fails=False), _recorded(None, fails=False)
    assert together["datasets"] == apart["datasets"]
    saves = [[each[:3] for each in found["spans"] if each[0] == "save four"] for found in (apart, together)]
    assert saves == [[("save four", "save", "success")] * 2] * 2


@pytest.mark.parametrize(("level", "events"), [("DEBUG", {"started", "finished"}), ("WARNING", set())])
def test_lines_are_those_of_the_level(tmp_path: Path, level: str, events: set[str]) -> None:
    _project(tmp_path / "p", fails=False)
    apart, together = _recorded(Others(), fails=False, level=level), _recorded(None, fails=False, level=level)
    assert together["logs"] == apart["logs"]
    assert {name.removeprefix("node.") for name, *_ in together["logs"] if name.startswith("node.")} == events


def test_a_name_that_is_to_be_hidden_keeps_a_node_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "by_pattern")
    _project(tmp_path / "p", fails=False)
    kept = Kept(monkeypatch)
    _recorded(None, fails=False)
    assert len(kept.bundles) == 3
    assert not [payload for _, _, payload in kept.frames if b"by_pattern" in payload]


def test_nodes_leave_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    _project(tmp_path / "p", fails=False)
    gc.disable()
    try:
        before = [each for each in gc.get_objects() if type(each) is SpanRecord]  # of other tests
        _recorded(None, fails=False)
        found = [each for each in gc.get_objects() if type(each) is SpanRecord and each.kind in _OF_NODES]
        left = [each.name for each in found if not any(each is other for other in before)]
    finally:
        gc.enable()
    assert left == []


LOST = "ProcessLost"


@pytest.mark.usefixtures("quiet_datasets")
@pytest.mark.parametrize(
    ("x", "expected"),
    [
        # What takes no time is kept with what comes then: the work, a save of a file.
        ("3", [[LOST], ["", LOST], ["", LOST], ["", "", LOST], ["", "", "", LOST, LOST]]),
        # To hand on a list is to copy it, which may take long.
        (
            "[3]",
            [
                *([LOST], [LOST, LOST]),
                ["", LOST],
                *([LOST, LOST], ["", LOST]),
                *([LOST, LOST], ["", "", LOST], ["", "", "", LOST, LOST]),
            ],
        ),
    ],
)
def test_what_a_dead_process_left_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x: str, expected: list[list[str]]
) -> None:
    """The node and the load or save that was open are lost; what had ended had."""
    _project(tmp_path / "p", fails=False, x=x)
    kept = Kept(monkeypatch)
    _recorded(None, fails=False)
    begun = [payload for kind, stream, payload in kept.frames if (kind, stream) == ("START", STREAM_BUNDLES)]
    states = []
    for payload in begun:
        sealed = seal(STREAM_BUNDLES, payload, 1 << 62)
        frames = [*Unbundling()(Frame(FrameKind.END, STREAM_BUNDLES, b"k" * 8, 1 << 62, sealed))]
        spans = [decode_span(each.payload) for each in frames if each.stream == STREAM_SPANS]
        assert sealed[0] == payload[0] == len(spans)
        assert spans[-1].attributes["error.type"] == "ProcessLost"
        assert all(span.end_ns == 1 << 62 or span.attributes["pellucid.result"] == "success" for span in spans)
        (event,) = [each.payload for each in frames if each.stream == STREAM_METRICS]
        assert b'"error"' in event
        assert event.endswith(b",[]]")
        states.append([span.attributes.get("error.type", "") for span in spans])
    assert states == expected


@pytest.mark.parametrize(
    "payload", [b"", b"\x03", b"\x03P", b"\x03P[]", b"\x03P[2]", b"\x03E[1]\n", b"\x03X{}", b"\x03Pnul"]
)
def test_what_is_no_bundle_is_one_malformed_span(payload: bytes) -> None:
    with pytest.raises(BadBundleError):
        read(payload)
    (frame,) = Unbundling()(Frame(FrameKind.END, STREAM_BUNDLES, b"k" * 8, 1, payload))
    assert (frame.stream, frame.payload) == (STREAM_SPANS, payload)
    assert seal(STREAM_BUNDLES, payload, 1) == payload


def test_things_in_bundles_are_counted_each(tmp_path: Path) -> None:
    """Those that are written, those that are lost, and those that are removed."""
    lost: list[tuple[int, int]] = []
    writer = SegmentWriter(tmp_path, b"{}", on_drop=lambda stream, count: lost.append((stream, count)))
    writer.start(STREAM_BUNDLES, b"k" * 8, b"\x02")
    writer.end(STREAM_BUNDLES, b"k" * 8, b"\x05whole")
    writer.end(STREAM_BUNDLES, b"l" * 8, b"\x07" + bytes(5_000_000))
    assert (writer.written, writer.dropped, lost) == ({1: 5}, {1: 7}, [(1, 7)])
    writer.close()
    folder = SpoolFolder(tmp_path, Limits(total_bytes=10))
    assert folder.enforce_bounds() == {1: 5}


def test_bundles_are_left_as_they_are_for_who_asks(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, b"{}")
    writer.end(STREAM_BUNDLES, b"k" * 8, b"\x01Pwhatever")
    writer.close()
    (segment,) = folder_of(tmp_path, SpoolOptions()).finished(lambda *_: b"")
    assert [each.stream for each in segment.frames() if each.kind == FrameKind.END] == [STREAM_SPANS]
    assert [each.stream for each in segment.as_kept().frames() if each.kind == FrameKind.END] == [STREAM_BUNDLES]


def test_a_kind_of_fact_that_is_to_be_hidden_keeps_all_nodes_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project(tmp_path / "p", fails=False)
    (tmp_path / "p/conf/base/observability.yml").write_text("redaction: {keys: ['dataset.name']}\n")
    kept = Kept(monkeypatch)
    found = _recorded(None, fails=False)
    assert not kept.bundles
    assert {each[5]["pellucid.dataset.name"] for each in found["spans"] if each[1] == "load"} == {"<redacted>"}
