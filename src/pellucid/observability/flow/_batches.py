"""Cuts what is to be delivered into requests: the same files give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS
from pellucid.observability.spool import FrameKind
from pellucid.observability.wire import (
    SCOPE_NAME,
    WireError,
    decode_span,
    encode_resource,
    logs_request,
    span_head,
    traces_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pellucid.observability.export.otlp import Signal
    from pellucid.observability.spool import Segment

MOST_BYTES = 2 * 1024 * 1024
MOST_RECORDS = 2000
_OWN_SCOPE = "pellucid"
_SCOPE_MARK = SCOPE_NAME.encode("ascii")


@dataclass(frozen=True)
class Part:
    """Records of one file, in order.

    Attributes:
        segment: the file.
        session_id: whose they are.
        resource: encoded.
        records: encoded.
    """

    segment: Segment
    session_id: str
    resource: bytes
    records: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.segment.name

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(map(len, self.records))

    @property
    def is_small(self) -> bool:
        """Whether it fits one request."""
        return self.size <= MOST_BYTES and len(self.records) <= MOST_RECORDS


@dataclass(frozen=True)
class Batch:
    """What one request holds: some whole files, or a piece of one.

    Attributes:
        signal: of all of it.
        parts: at least one.
    """

    signal: Signal
    parts: tuple[Part, ...]

    @cached_property
    def body(self) -> bytes:
        """The request; requests of one kind can be joined, being lists of resources alone."""
        make = traces_request if self.signal == "traces" else logs_request
        return b"".join(make(part.resource, _scopes(self.signal, part.records)) for part in self.parts)

    @property
    def mark(self) -> bytes:
        """Eight bytes that tell this batch from others."""
        from hashlib import blake2b

        return blake2b(self.body, digest_size=8).digest()

    @property
    def count(self) -> int:
        """Records in it."""
        return sum(len(part.records) for part in self.parts)

    def halves(self) -> tuple[Batch, ...]:
        """Return two batches with half of it each; none if it cannot be divided."""
        if len(self.parts) > 1:
            middle = len(self.parts) // 2
            return Batch(self.signal, self.parts[:middle]), Batch(self.signal, self.parts[middle:])
        part = self.parts[0]
        middle = len(part.records) // 2
        if not middle:
            return ()
        pieces = part.records[:middle], part.records[middle:]
        return tuple(Batch(self.signal, (replace(part, records=each),)) for each in pieces)


def part_of(segment: Segment, signal: Signal) -> Part:
    """Return what of a segment is to be delivered: all log records, or the spans that are sampled."""
    stream = STREAM_SPANS if signal == "traces" else STREAM_LOGS
    ends = (frame.payload for frame in segment.frames() if frame.kind == FrameKind.END and frame.stream == stream)
    records = tuple(ends) if signal == "logs" else tuple(each for each in ends if _is_sampled(each))
    header = segment.header
    resource = header.get("resource")
    return Part(
        segment,
        str(header.get("session_id", "")),
        encode_resource(resource if isinstance(resource, dict) else {}),
        records,
    )


def pieces(part: Part, signal: Signal) -> Iterator[Batch]:
    """Yield a part that is too large for one request in several batches."""
    records: list[bytes] = []
    size = 0
    for record in part.records:
        if records and (len(records) == MOST_RECORDS or size + len(record) > MOST_BYTES):
            yield Batch(signal, (replace(part, records=tuple(records)),))
            records, size = [], 0
        records.append(record)
        size += len(record)
    if records:
        yield Batch(signal, (replace(part, records=tuple(records)),))


def grouped(parts: Iterable[Part]) -> Iterator[Sequence[Part]]:
    """Yield runs of parts that fit one request together; a part that does not fit one stands alone."""
    group: list[Part] = []
    size = count = 0
    for part in parts:
        if group and (size + part.size > MOST_BYTES or count + len(part.records) > MOST_RECORDS):
            yield group
            group, size, count = [], 0, 0
        group.append(part)
        size, count = size + part.size, count + len(part.records)
    if group:
        yield group


def _is_sampled(span: bytes) -> bool:
    try:
        return span_head(span).is_sampled
    except WireError:
        return False


def _scopes(signal: Signal, records: Iterable[bytes]) -> list[tuple[str, str, list[bytes]]]:
    """Group records by their instrumentation scope, which few have: those of user code and libraries."""
    groups: dict[tuple[str, str], list[bytes]] = {}
    for record in records:
        scope = (_OWN_SCOPE, "")
        if signal == "traces" and _SCOPE_MARK in record:
            name, version = decode_span(record).scope
            scope = (name or _OWN_SCOPE, version)
        groups.setdefault(scope, []).append(record)
    return [(name, version, group) for (name, version), group in groups.items()]
