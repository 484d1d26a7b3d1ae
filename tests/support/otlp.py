"""What tests of spans need: a spool in one file, a small recorder, and OpenTelemetry's own reading of the bytes."""

from __future__ import annotations

import contextlib
import json
import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from pellucid.observability.current import current_span
from pellucid.observability.guard import Guard
from pellucid.observability.hooks.tracing import TracingHooks
from pellucid.observability.options import Options, TracingOptions
from pellucid.observability.recording import STREAM_SPANS, Recording
from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.spool import FrameKind
from pellucid.observability.wire import SpanData, decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pellucid.observability.records import Kind, Result


class StrictGuard(Guard):
    """Lets every fault be seen."""

    def caught(self, part: str, error: BaseException) -> None:
        raise error


@dataclass(frozen=True)
class WrittenFrame:
    """A frame as it was written."""

    is_end: bool
    stream: int
    key: bytes
    pid: int
    payload: bytes

    @property
    def span(self) -> SpanData:
        return decode_span(self.payload)


class FileSpool:
    """Appends frames to a file, one write each, from any process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        self._write(False, stream, key, payload)

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        self._write(True, stream, key, payload)

    def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
        for kind, stream, key, payload in records:
            self._write(kind == FrameKind.END, stream, key, payload)

    def _write(self, is_end: bool, stream: int, key: bytes, payload: bytes) -> None:
        line = json.dumps([is_end, stream, key.hex(), os.getpid(), payload.hex()]) + "\n"
        os.write(self._descriptor, line.encode())

    def close(self) -> None:
        os.close(self._descriptor)

    def frames(self) -> list[WrittenFrame]:
        return read_frames(self._path)


def read_frames(path: Path) -> list[WrittenFrame]:
    """Return all frames of a file that a ``FileSpool`` has written."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        WrittenFrame(is_end, stream, bytes.fromhex(key), pid, bytes.fromhex(payload))
        for is_end, stream, key, pid, payload in lines
    ]


class Stage:
    """Runs the hooks of tracing on spans, as the recorder does.

    Args:
        folder: for the spool.
        tracing: the settings.
        sampled: whether the run is to be delivered.
        is_worker: whether this plays a worker process.
    """

    def __init__(
        self,
        folder: Path,
        tracing: TracingOptions | None = None,
        *,
        sampled: bool = True,
        is_worker: bool = False,
        name: str = "frames",
    ) -> None:
        self.spool = FileSpool(folder / name)
        self.recording = Recording(
            Options(tracing=tracing or TracingOptions()),
            folder,
            "project",
            "session-1",
            resource={"service.name": "project"},
            guard=StrictGuard(),
            spool=self.spool,
            is_worker=is_worker,
        )
        self.scope = RunScope("session-1", "run-1", "__default__", self.recording.ids.trace_id(), sampled)
        self.hooks = TracingHooks()
        self.hooks.on_recording_started(self.recording)

    def start(
        self,
        kind: Kind,
        name: str,
        parent: SpanRecord | None = None,
        attributes: Mapping[str, Any] | None = None,
        *,
        is_current: bool = False,
        **given: Any,
    ) -> SpanRecord:
        """Open a span; one that is current stays so in this context."""
        span = SpanRecord(
            kind,
            name,
            self.scope,
            self.recording.ids.span_id(),
            parent.span_id if parent is not None else b"",
            self.recording.clock.now_ns(),
            {} if attributes is None else attributes,
            **given,
        )
        if is_current:
            current_span.set(span)
        self.tell_start(span)
        return span

    def end(self, span: SpanRecord, result: Result = "success", error: BaseException | None = None) -> None:
        """Close a span."""
        span.result, span.error = result, error
        span.ended_ns = self.recording.clock.now_ns()
        self.tell_end(span)

    def tell_start(self, span: SpanRecord) -> None:
        """Tell of a start, and keep what is to be kept of it."""
        kept = self.hooks.on_span_started(span)
        if kept is not None:
            self.recording.spool.start(kept[0], span.span_id, kept[1])

    def tell_end(self, span: SpanRecord) -> None:
        """Tell of an end, and keep what is to be kept of it."""
        kept = self.hooks.on_span_ended(span)
        if kept is not None:
            self.recording.spool.end(kept[0], span.span_id, kept[1])

    @contextlib.contextmanager
    def span(self, kind: Kind, name: str, parent: SpanRecord | None = None, **given: Any) -> Iterator[SpanRecord]:
        """Have a span open and current in a block; its parent is the current one if none is given."""
        above = parent if parent is not None else current_span.get()
        span = SpanRecord(
            kind,
            name,
            self.scope,
            self.recording.ids.span_id(),
            above.span_id if above is not None else b"",
            self.recording.clock.now_ns(),
            given.pop("attributes", {}),
            **given,
        )
        token = current_span.set(span)
        self.tell_start(span)
        try:
            yield span
        except BaseException as error:
            self.end(span, "failure", error)
            raise
        else:
            self.end(span)
        finally:
            current_span.reset(token)

    def close(self) -> None:
        """End the recording."""
        self.hooks.on_recording_ended()
        self.spool.close()

    def ended(self) -> list[SpanData]:
        """Return the spans that have ended, from the spool."""
        return ended_spans(self.spool.frames())


def ended_spans(frames: list[WrittenFrame]) -> list[SpanData]:
    """Return the spans of end frames; each has a start frame with the same ids before it, none occurs twice."""
    started: dict[bytes, SpanData] = {}
    ended: dict[bytes, SpanData] = {}
    for frame in frames:
        assert frame.stream == STREAM_SPANS
        span = frame.span
        assert frame.key == span.span_id
        if frame.is_end:
            start = started[frame.key]
            assert frame.key not in ended, f"{span.name} ended twice"
            assert (start.trace_id, start.parent_span_id) == (span.trace_id, span.parent_span_id)
            ended[frame.key] = span
        else:
            assert frame.key not in started, f"{span.name} started twice"
            started[frame.key] = span
    return list(ended.values())


def tree(spans: list[SpanData]) -> dict[str, str]:
    """Return the name of each span's parent, by its name; fails if there is an orphan, or a second trace."""
    names = {span.span_id: span.name for span in spans}
    assert len({span.trace_id for span in spans}) == 1
    assert len(names) == len(spans)
    return {span.name: names[span.parent_span_id] if span.parent_span_id else "" for span in spans}


def proto_span(payload: bytes) -> ProtoSpan:
    """Return a span as OpenTelemetry's own code reads it."""
    span = ProtoSpan()
    span.ParseFromString(payload)
    return span


def proto_attributes(pairs: Any) -> dict[str, Any]:
    """Return attributes as OpenTelemetry's own code reads them."""
    return {pair.key: proto_value(pair.value) for pair in pairs}


def proto_value(value: Any) -> Any:
    """Return an ``AnyValue`` as plain data."""
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [proto_value(each) for each in value.array_value.values]
    if which == "kvlist_value":
        return proto_attributes(value.kvlist_value.values)
    return getattr(value, which)


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are alike, types included; nan is like nan."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def with_limits(count: int, length: int) -> TracingOptions:
    """Return options of tracing with these limits."""
    return replace(TracingOptions(), attribute_count_limit=count, attribute_value_length_limit=length)
