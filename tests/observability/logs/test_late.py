"""Records that there are when the spool is closed."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.backends import Answer, HttpBackend, nobody_there
from tests.support.logs import logged, recording_in, runtime_logging

from pellucid.observability.hooks._late import send_late
from pellucid.observability.hooks._opening import open_spool
from pellucid.observability.logs._sinks import SpoolSink
from pellucid.observability.options import OtlpOptions

if TYPE_CHECKING:
    from pathlib import Path


def kept_in(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in folder.glob(".pellucid/spool/active/*.seg")]


@pytest.mark.parametrize(("status", "is_kept"), [(200, False), (400, False), (401, True), (503, True)])
def test_what_the_backend_does_not_take_now_is_kept(tmp_path: Path, status: int, is_kept: bool) -> None:
    with HttpBackend((Answer(status),)) as backend:
        recording = recording_in(tmp_path, otlp=OtlpOptions(endpoint=f"http://127.0.0.1:{backend.port}/v1/logs"))
        recording.ends_at = time.monotonic() + 60
        send_late(recording, [b"\x1a\x05first", b"\x1a\x06second"])
        (request,) = backend.requests
        assert [record.severity_text for record in request.logs] == ["first", "second"]
    kept = kept_in(tmp_path)
    assert [b"first" in each and b"second" in each for each in kept] == ([True] if is_kept else [])


def test_without_time_nothing_is_sent(tmp_path: Path) -> None:
    with HttpBackend() as backend:
        recording = recording_in(tmp_path, otlp=OtlpOptions(endpoint=f"http://127.0.0.1:{backend.port}/v1/logs"))
        recording.ends_at = time.monotonic()
        send_late(recording, [b"\x1a\x05first"])
        assert backend.requests == []
    assert len(kept_in(tmp_path)) == 1


def test_a_session_whose_lines_are_not_delivered_leaves_nothing(tmp_path: Path) -> None:
    recording = recording_in(tmp_path, stderr="off")
    open_spool(recording).close()
    with runtime_logging(), logged(recording):
        recording.ends_at = time.monotonic() + 60
    assert kept_in(tmp_path) == []


def test_what_is_logged_while_the_end_goes_on_is_kept_where_nobody_answers(tmp_path: Path) -> None:
    """With the last line, which comes after the spool is closed, too; but not without bound."""
    recording = recording_in(tmp_path, stderr="off", otlp=OtlpOptions(endpoint=nobody_there()))
    writer = open_spool(recording)
    with runtime_logging(), logged(recording) as _:
        recording.ends_at = time.monotonic() + 60
        writer.close()
        logging.getLogger("demo").warning("meanwhile")
    (kept,) = kept_in(tmp_path)
    assert b"meanwhile" in kept
    assert b"telemetry.closed" in kept


def test_there_may_be_only_so_many(tmp_path: Path) -> None:
    recording = recording_in(tmp_path)
    recording.ends_at = time.monotonic() + 60
    sink = SpoolSink(recording)
    for number in range(1010):
        sink.write_record(b"%d" % number)
    assert (len(sink.late), sink.dropped) == (1000, 10)
