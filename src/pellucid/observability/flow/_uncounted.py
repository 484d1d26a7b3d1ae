"""Counts what a process was killed before it could count."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pellucid.observability.recording import STREAM_METRICS, STREAM_SPANS
from pellucid.observability.semconv import Attr
from pellucid.observability.spool import Frame, FrameKind
from pellucid.observability.wire import WireError, decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.spool import Segment

_LOST = b"ProcessLost"
_VERSION = 1


class WithUncounted:
    """A segment with an event to count for each lost run or node that has none.

    The start of a span and that of its event are two frames, and a kill may come between them.

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
        """Yield its frames, and then the missing ones."""
        counted: set[bytes] = set()
        lost: dict[bytes, Frame] = {}
        for frame in self._segment.frames():
            if frame.kind == FrameKind.END and frame.stream == STREAM_METRICS:
                counted.add(frame.key)
            elif frame.kind == FrameKind.END and frame.stream == STREAM_SPANS and _LOST in frame.payload:
                lost[frame.key] = frame
            yield frame
        for key in lost.keys() - counted:
            event = _event(lost[key].payload)
            if event and self._segment.header.get("metrics") is True:
                yield Frame(FrameKind.END, STREAM_METRICS, key, lost[key].time_ns, event)


def _event(payload: bytes) -> bytes:
    """Return the event of a sealed span; nothing for one that no events are made of."""
    try:
        span = decode_span(payload)
    except WireError:
        return b""
    get = span.attributes.get
    kind = get(Attr.KIND)
    if kind not in {"run", "node"} or get(Attr.ERROR_TYPE) != _LOST.decode():
        return b""
    event = [_VERSION, "r" if kind == "run" else "n", get(Attr.PIPELINE_NAME), span.trace_id.hex(), span.span_id.hex()]
    event += [span.start_ns, span.end_ns, get(Attr.RESULT)]
    if kind == "node":
        event += [get(Attr.TASK_NAME), None, None, None, []]
    return json.dumps(event).encode()
