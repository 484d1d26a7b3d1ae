"""Counts what a process was killed in the middle of writing down: the span, or its event, but not both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pellucid.observability.recording import STREAM_METRICS, STREAM_SPANS
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import Frame, FrameKind
from pellucid.observability.wire import WireError, decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pellucid.observability.spool import Segment

_LOST = b"ProcessLost"
_VERSION = 1
_RESULT = 7
"""Where the result is in the event of a run or node."""


class WithUncounted:
    """A segment whose events say of each run and node what its span says, which is what the history has.

    A span and its event are two frames of one write, at the start and at the end; where that was cut off by a kill, one
    of the two was sealed, and the other not.

    Args:
        segment: sealed.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    @property
    def name(self) -> str:
        """That of the segment."""
        return self._segment.name

    def frames(self) -> Iterator[Frame]:
        """Yield its frames, and in place of events that are missing or wrong those that follow from spans."""
        events: list[Frame] = []
        lost: dict[bytes, Frame] = {}
        for frame in self._segment.frames():
            if frame.kind == FrameKind.END and frame.stream == STREAM_METRICS:
                events.append(frame)
                continue
            if frame.kind == FrameKind.END and frame.stream == STREAM_SPANS and _LOST in frame.payload:
                lost[frame.key] = frame
            yield frame
        right = {**self._survivors({each.key for each in events if _is_maybe_sealed(each.payload)}, lost), **lost}
        for event in events:
            span = right.get(event.key)
            made = _event(span.payload) if span is not None else b""
            is_wrong = made and _result(made) != _result(event.payload)
            yield event._replace(payload=made) if is_wrong else event
        for key in lost.keys() - {each.key for each in events}:
            made = _event(lost[key].payload, is_lost=True)
            if made:
                yield Frame(FrameKind.END, STREAM_METRICS, key, lost[key].time_ns, made)

    def _survivors(self, keys: set[bytes], lost: Mapping[bytes, Frame]) -> dict[bytes, Frame]:
        """Return the spans with some keys that ended by themselves."""
        wanted = keys - lost.keys()
        if not wanted:
            return {}
        return {
            frame.key: frame
            for frame in self._segment.frames()
            if frame.kind == FrameKind.END and frame.stream == STREAM_SPANS and frame.key in wanted
        }


def _is_maybe_sealed(event: bytes) -> bool:
    return b'"error"' in event or b'"cancellation"' in event


def _result(event: bytes) -> object:
    """Return the result in an event of a run or node; None for any other."""
    try:
        data = json.loads(event)
        return data[_RESULT] if data[1] in {"r", "n"} else None
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None


def _event(payload: bytes, *, is_lost: bool = False) -> bytes:
    """Return the event that follows from an ended span; nothing for one that no events are made of."""
    try:
        span = decode_span(payload)
    except WireError:
        return b""
    get = span.attributes.get
    kind = get(Attr.KIND)
    if kind not in {"run", "node"} or (is_lost and get(Attr.ERROR_TYPE) != _LOST.decode()):
        return b""
    event = [_VERSION, "r" if kind == "run" else "n", get(Attr.PIPELINE_NAME), span.trace_id.hex(), span.span_id.hex()]
    event += [span.start_ns, span.end_ns, get(Attr.RESULT)]
    if kind == "node":
        event += [get(Attr.TASK_NAME), None, None, None, []]
    return json.dumps(event).encode()
