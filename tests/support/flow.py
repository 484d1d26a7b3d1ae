"""An outbox of real files for tests of delivery, and spans to put into it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from pellucid.observability.flow._spool import names_in
from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS
from pellucid.observability.spool import Limits, OutboxQueue, SegmentWriter, SpoolFolder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SESSION = "the-session"


def span(name: str, *, sampled: bool = True, scope: str = "", padding: int = 0) -> bytes:
    """Return an encoded span with an id of its own."""
    identity = abs(hash(name)).to_bytes(8, "big")
    made = Span(name=name, trace_id=identity * 2, span_id=identity, flags=int(sampled), start_time_unix_nano=1)
    if scope:
        made.attributes.add(key="otel.scope.name").value.string_value = scope
    if padding:
        made.attributes.add(key="padding").value.string_value = "x" * padding
    encoded: bytes = made.SerializeToString()
    return encoded


def log(text: str) -> bytes:
    """Return an encoded log record."""
    made = LogRecord(time_unix_nano=1)
    made.body.string_value = text
    encoded: bytes = made.SerializeToString()
    return encoded


def header(**given: Any) -> bytes:
    """Return what a segment begins with."""
    fields = {
        "v": 1,
        "pid": 1,
        "session_id": SESSION,
        "is_worker": False,
        "resource": {"service.name": "spaceflights"},
        "traces": True,
        "logs": True,
        "history": True,
        "metrics": True,
    }
    return json.dumps({**fields, **given}).encode()


def written(root: Path, records: Iterable[bytes], *, stream: int = STREAM_SPANS, **given: Any) -> SegmentWriter:
    """Write records to a segment of their own, which is finished."""
    writer = SegmentWriter(root, header(**given), limits=Limits())
    for index, record in enumerate(records):
        writer.end(stream, index.to_bytes(8, "big"), record)
    writer.close()
    return writer


class Outbox(OutboxQueue):
    """The outbox of a spool, whose files have names that a test gives them."""

    def __init__(self, root: Path, signal: str = "traces") -> None:
        super().__init__(root, signal)
        self.labels: dict[str, str] = {}

    def add(self, label: str, records: Iterable[bytes], *, stream: int = STREAM_SPANS, **given: Any) -> None:
        written(self._root, records, stream=stream, **given)
        for segment in SpoolFolder(self._root).finished(lambda *_: b""):
            segment.link_to(self)
            segment.remove()
            self.labels[segment.name] = label

    def add_spans(self, label: str, count: int, **options: Any) -> list[str]:
        """Add a file with so many spans, and return their names."""
        names = [f"{label}/{index}" for index in range(count)]
        self.add(label, [span(each, **options) for each in names])
        return names

    def add_logs(self, label: str, *texts: str) -> None:
        self.add(label, [log(each) for each in texts], stream=STREAM_LOGS)

    def names(self) -> list[str]:
        """Return the labels of the files that are there."""
        return [self.labels[name] for name in sorted(names_in(self))]

    def refused(self) -> list[str]:
        """Return the labels of the files in quarantine."""
        found = (self._root / "quarantine").glob(f"*.{self.signal}.seg")
        return sorted(self.labels[each.name.replace(f".{self.signal}.", ".")] for each in found)
