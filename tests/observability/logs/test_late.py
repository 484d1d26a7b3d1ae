"""Records that there are when the spool is closed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import Answer, HttpBackend, nobody_there
from tests.support.logs import logged, recording_in, runtime_logging

from pellucid.observability.hooks._late import LateRecords
from pellucid.observability.hooks._opening import open_spool
from pellucid.observability.options import OtlpOptions
from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS

if TYPE_CHECKING:
    from pathlib import Path


def kept_in(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in folder.glob(".pellucid/spool/active/*.seg")]


@pytest.mark.parametrize(("status", "is_kept"), [(200, False), (400, False), (401, True), (503, True)])
def test_what_the_backend_does_not_take_now_is_kept(tmp_path: Path, status: int, is_kept: bool) -> None:
    with HttpBackend((Answer(status),)) as backend:
        recording = recording_in(tmp_path, otlp=OtlpOptions(endpoint=f"http://127.0.0.1:{backend.port}/v1/logs"))
        recording.ends_at = time.monotonic() + 60
        late = LateRecords(recording)
        late.end(STREAM_LOGS, b"1" * 8, b"\x1a\x05first")
        late.end_all(b"2" * 8, [(STREAM_LOGS, b"\x1a\x06second"), (STREAM_SPANS, b"\x1a\x05other")])
        late.start(STREAM_SPANS, b"3" * 8, b"other")
        late.start_all(b"3" * 8, [(STREAM_SPANS, b"other")])
        late.settle()
        late.settle()
        (request,) = backend.requests
        assert [record.severity_text for record in request.logs] == ["first", "second"]
    kept = kept_in(tmp_path)
    assert [b"first" in each and b"second" in each for each in kept] == ([True] if is_kept else [])


def test_without_time_nothing_is_sent(tmp_path: Path) -> None:
    with HttpBackend() as backend:
        recording = recording_in(tmp_path, otlp=OtlpOptions(endpoint=f"http://127.0.0.1:{backend.port}/v1/logs"))
        recording.ends_at = time.monotonic()
        late = LateRecords(recording)
        late.end(STREAM_LOGS, b"1" * 8, b"\x1a\x05first")
        late.settle()
        assert backend.requests == []
    assert len(kept_in(tmp_path)) == 1


def test_a_session_whose_lines_are_not_delivered_leaves_nothing(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off")
    open_spool(recording).close()
    with runtime_logging(), logged(recording):
        pass
    assert kept_in(tmp_path) == []


def test_the_last_line_is_kept_where_nobody_answers(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint=nobody_there()))
    writer = open_spool(recording)
    with runtime_logging(), logged(recording):
        writer.close()
    (kept,) = kept_in(tmp_path)
    assert b"telemetry.closed" in kept
