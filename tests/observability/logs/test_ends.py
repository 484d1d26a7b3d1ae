"""The quick way for the ends of nodes, loads and saves leads to the same bytes as the common one."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.logs import (
    SCOPE,
    FrameList,
    MemorySink,
    lines_of,
    log_file,
    logged,
    recording_in,
    runtime_logging,
    span_of,
)

from pellucid.observability.hooks.logging import LoggingHooks
from pellucid.observability.logs._ends import EndLines, EndRecords, is_common
from pellucid.observability.logs._events import ended, event_of_end
from pellucid.observability.logs._log import EventLog
from pellucid.observability.logs._record import encode_record
from pellucid.observability.options import OtlpOptions
from pellucid.observability.recording import Outcome
from pellucid.observability.records import Clock, RunScope
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from pellucid.observability.logs import Entry
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import Kind, SpanRecord

KINDS: tuple[Kind, ...] = ("node", "load", "save")
NAMES = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["", "train", "x" * 5000, "a=sesame"]
)
SIZES = st.dictionaries(
    st.sampled_from([Attr.DATASET_BYTES, Attr.DATASET_ROWS]),
    st.integers() | st.booleans() | st.none() | st.floats() | st.just("many"),
)
SCOPES = st.builds(
    RunScope, NAMES, NAMES, NAMES, st.binary(min_size=16, max_size=16), st.booleans(), st.just("")
) | st.just(SCOPE)


class Stopped(Clock):
    """Always says the same."""

    def now_ns(self) -> int:
        return 1_800_000_000_000_000_000


class Entries:
    """Keeps entries; is no place for mere lines, so that all is done in the common way."""

    dropped = 0

    def __init__(self) -> None:
        self.all: list[Entry] = []

    def write(self, entry: Entry) -> bool:
        self.all.append(entry)
        return False

    def take_notice(self) -> str:
        return ""

    def close(self, deadline: float) -> None:
        pass


def common(recording: Recording, span: SpanRecord) -> Entry:
    """Return what is made of the end of a span in the common way."""
    entries = Entries()
    EventLog(recording, logging.DEBUG, [entries]).tell(event_of_end(span), span.ended_ns, span, ended(span, recording))
    return entries.all[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(
    st.sampled_from(KINDS),
    SCOPES,
    NAMES,
    NAMES,
    SIZES,
    st.integers(0, 2**62) | st.sampled_from([0, 10**9 - 1, 10**9, 1_700_000_000_000_000_000]),
    st.integers(-10, 10**6) | st.integers(0, 10**14) | st.sampled_from([500, 1500, 2500, 12_500, 10**9 + 500]),
)
def test_any_end_is_the_same_bytes(
    tmp_path: Path, kind: Any, scope: RunScope, node: str, dataset: str, sizes: dict[str, Any], start: int, taken: int
) -> None:
    recording = recording_in(tmp_path)
    recording.clock = Stopped(0)
    recording.hide({"key": "sesame"})
    span = span_of(kind, scope=scope, node=node, dataset=dataset, end_attributes=sizes, started_ns=start)
    span.ended_ns = start + taken
    entry = common(recording, span)
    lines, records = EndLines(recording), EndRecords(recording)
    for _ in range(2):  # made, and remembered
        assert lines.of(span) in (entry.line(), None)
        assert records.of(span) in (encode_record(entry, recording.clock.now_ns()), None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_common_case_is_quick(tmp_path: Path, kind: Any) -> None:
    recording = recording_in(tmp_path)
    span = span_of(kind, node="train", dataset="table", end_attributes={Attr.DATASET_ROWS: 3, Attr.DATASET_BYTES: 0})
    assert is_common(span)
    assert EndLines(recording).of(span) == common(recording, span).line()
    assert EndRecords(recording).of(span) is not None


@pytest.mark.parametrize("result", ["failure", "skip", "timeout"])
def test_what_did_not_succeed_is_not_common(result: Any) -> None:
    assert not is_common(span_of("node", result=result))
    assert not is_common(span_of("run"))


def test_a_line_that_would_be_too_long_is_left_to_the_common_way(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    span = span_of("node", node="n", scope=RunScope("s" * 70_000, "r", "p", bytes(16)))
    assert EndLines(recording).of(span) is None
    assert len(common(recording, span).line()) <= 64 * 1024


def test_what_becomes_secret_in_the_middle_of_a_run_is_hidden_from_then_on(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint="http://localhost"))
    recording.spool = frames = FrameList()
    hooks = LoggingHooks()
    with runtime_logging():
        hooks.on_recording_started(recording)
        hooks.on_span_ended(span_of("node", node="sesame-open"))
        recording.hide({"key": "sesame-open"})
        hooks.on_span_ended(span_of("node", node="sesame-open"))
        hooks.on_recording_ended(recording, Outcome())
    first, second, _ = lines_of(log_file(tmp_path))
    assert (first["node"], second["node"]) == ("sesame-open", "<redacted>")
    assert [b"sesame-open" in payload for _, _, payload in frames.ends[:2]] == [True, False]


def test_many_names_are_not_all_remembered(tmp_path: Path) -> None:
    lines = EndLines(recording_in(tmp_path))
    for number in range(3000):
        line = lines.of(span_of("save", node=f"n{number}", dataset=f"d{number}"))
        assert line is not None
        assert json.loads(line)["dataset"] == f"d{number}"
    known = lines._known
    assert known is not None
    assert len(known.nodes) <= 1024
    assert len(known.datasets) <= 1024


def test_both_ways_write_the_same_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spans = [span_of(kind, node="train", dataset="table") for kind in KINDS]
    with runtime_logging():
        for folder, sinks in ((tmp_path / "quick", ()), (tmp_path / "common", (MemorySink(),))):
            hooks, recording = LoggingHooks(sinks), recording_in(folder)
            hooks.on_recording_started(recording)
            for span in spans:
                hooks.on_span_ended(span)
            hooks.on_recording_ended(recording, Outcome())
    quick, slow = (log_file(tmp_path / name).read_bytes().splitlines()[:3] for name in ("quick", "common"))
    assert quick == slow
    shown = capfd.readouterr().err.encode().splitlines()
    assert shown[:3] == shown[4:7] == quick


def test_whoever_listens_to_the_events_gets_them(tmp_path: Path) -> None:
    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    heard: list[str] = []
    hooks, recording, listener = LoggingHooks(), recording_in(tmp_path, stderr="off"), Listener()
    with runtime_logging():
        hooks.on_recording_started(recording)
        for name in ("pellucid.events", "pellucid"):
            hooks.on_span_ended(span_of("node", node="unheard"))
            logging.getLogger(name).addHandler(listener)
            hooks.on_span_ended(span_of("node", node=name))
            logging.getLogger(name).removeHandler(listener)
        hooks.on_recording_ended(recording, Outcome())
    assert heard == ["pellucid.events succeeded in 0.250 s", "pellucid succeeded in 0.250 s"]
    assert len(lines_of(log_file(tmp_path))) == 5


def test_a_level_above_leaves_ends_out(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path, level="WARNING", stderr="off")) as (hooks, events):
        hooks.on_span_ended(span_of("node", node="train"))
    assert events == []
    hooks, recording = LoggingHooks(), recording_in(tmp_path, level="WARNING", stderr="off")
    with runtime_logging():
        hooks.on_recording_started(recording)
        hooks.on_span_ended(span_of("node", node="train"))
        hooks.on_span_ended(span_of("node", node="train", result="failure"))
        hooks.on_recording_ended(recording, Outcome())
    assert [each["event"] for each in lines_of(log_file(tmp_path))] == ["node.failed"]


def test_a_file_that_loses_lines_is_told_of_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hooks, recording = LoggingHooks(), recording_in(tmp_path, file=Path("/dev/full"))
    with runtime_logging():
        hooks.on_recording_started(recording)
        for _ in range(3):
            hooks.on_span_ended(span_of("node", node="train"))
        hooks.on_recording_ended(recording, Outcome())
    loggers = [json.loads(line)["logger"] for line in capfd.readouterr().err.splitlines()]
    assert loggers == ["pellucid.events", "pellucid.telemetry", *["pellucid.events"] * 3]
