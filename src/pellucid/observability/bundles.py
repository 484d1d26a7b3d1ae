"""A node with its loads and saves as one record: how it is written down, and what it says.

Nearly all nodes are alike: they and their datasets have names that hide nothing, and they succeed. Of these the record
is *plain*: a text of JSON that is cheap to make, and from which whoever reads it makes spans and metrics. Of any other
it is *encoded*: the spans themselves. The layouts are, after one byte with the number of spans:

- ``P``, and an array: the version; session, run, pipeline, trace, whether it is sampled, trace state; the span above;
  whether it is counted; the node; and its datasets, in the order of their starts. A node is: name, span, start,
  function, tags, namespace, end, seconds it waited, seconds of processor time, bytes of memory. A dataset is:
  operation, name, label, span, start, span that saved it, end, type, version, bytes, rows. Times are nanoseconds since
  the epoch, ids in hex, what is not known is null, and an end of 0 is to come.
- ``E``, an array in a line: the version, whether it is counted, and the labels of the datasets by name; and each span:
  a byte that says whether it has ended, four bytes of length, and an OTLP ``Span``; that of the node comes last.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.semconv import Attr
from pellucid.observability.wire import WireError, decode_span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ENCODED", "PLAIN", "VERSION", "BadBundleError", "Contents", "pack_encoded", "read", "read_plain"]

VERSION = 1
PLAIN, ENCODED = b"P", b"E"

_SPAN = Struct("<BI")
_NOTHING: Mapping[str, Any] = {}


class BadBundleError(ValueError):
    """A payload that is no bundle of this version."""


@dataclass(frozen=True)
class Contents:
    """What a bundle says.

    Attributes:
        node: of what is plain, all that is known; of what is encoded, what is counted.
        datasets: its loads and saves.
        is_counted: whether metrics count it.
        encoded: of what is encoded, each span's id, whether it has ended, and its bytes.
    """

    node: SpanRecord
    datasets: tuple[SpanRecord, ...]
    is_counted: bool
    encoded: tuple[tuple[bytes, bool, bytes], ...] = ()


def pack_encoded(spans: list[tuple[bool, bytes]], labels: Mapping[str, str], *, is_counted: bool) -> bytes:
    """Return a payload with spans that are encoded.

    Args:
        spans: of each whether it has ended, and its bytes; that of the node comes last.
        labels: of datasets, by name.
        is_counted: whether metrics count it.
    """
    head = json.dumps([VERSION, int(is_counted), dict(labels)], separators=(",", ":")).encode()
    parts = [part for ended, body in spans for part in (_SPAN.pack(ended, len(body)), body)]
    return bytes((len(spans),)) + ENCODED + head + b"\n" + b"".join(parts)


def read(payload: bytes) -> Contents:
    """Return what a bundle says.

    Raises:
        BadBundleError: it is none, whatever it is.
    """
    layout, rest = payload[1:2], payload[2:]
    if layout == PLAIN:
        return read_plain(rest)
    if layout != ENCODED:
        raise BadBundleError("unknown layout")
    try:
        return _encoded(rest)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, WireError) as error:
        raise BadBundleError(type(error).__name__) from error


def read_plain(text: bytes) -> Contents:
    """Return what a plain one says.

    Args:
        text: the array.

    Raises:
        BadBundleError: it is none.
    """
    try:
        return _plain(*json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise BadBundleError(type(error).__name__) from error


def _plain(version: int, *rest: Any) -> Contents:
    if version != VERSION:
        raise BadBundleError("another version")
    session_id, run_id, pipeline, trace, sampled, state, parent, is_counted, about, datasets = rest
    scope = RunScope(session_id, run_id, pipeline, bytes.fromhex(trace), bool(sampled), state)
    name, span, started, function, tags, namespace, ended, waited, cpu, memory = about
    attributes: dict[str, Any] = {
        Attr.KIND: "node",
        Attr.TASK_NAME: name,
        Attr.PIPELINE_NAME: pipeline,
        Attr.PIPELINE_RUN_ID: run_id,
        Attr.CODE_FUNCTION: function,
        Attr.IS_ASYNC: False,
    }
    if tags is not None:
        attributes[Attr.TAGS] = tags
    if namespace is not None:
        attributes[Attr.NAMESPACE] = namespace
    node = SpanRecord("node", name, scope, _span_id(span), _span_id(parent), started, attributes, name)
    if ended:
        node.ended_ns = ended
        node.end_attributes = {Attr.QUEUE_WAIT: waited, Attr.CPU: cpu, Attr.MEMORY_PEAK: memory}
    return Contents(node, tuple([_dataset(node, *each) for each in datasets]), bool(is_counted))


def _dataset(
    node: SpanRecord, operation: Any, name: str, label: str, span: str, started: int, *rest: Any
) -> SpanRecord:
    link, ended, kind, version, size, rows = rest
    attributes = {Attr.KIND: operation, Attr.DATASET_NAME: name, Attr.OPERATION: operation}
    text, span_id = f"{operation} {name}", _span_id(span)
    found = SpanRecord(
        operation, text, node.scope, span_id, node.span_id, started, attributes, node.name, name, label, ended
    )
    pairs = (
        (Attr.DATASET_TYPE, kind),
        (Attr.DATASET_VERSION, version),
        (Attr.DATASET_BYTES, size),
        (Attr.DATASET_ROWS, rows),
    )
    found.end_attributes = {key: value for key, value in pairs if value is not None}
    if link is not None:
        found.links.append((node.scope.trace_id, _span_id(link), _NOTHING))
    return found


def _span_id(text: str) -> bytes:
    found = bytes.fromhex(text)
    if len(found) not in (0, 8):
        raise BadBundleError("ids")
    return found


def _encoded(data: bytes) -> Contents:
    line, _, rest = data.partition(b"\n")
    version, is_counted, labels = json.loads(line)
    if version != VERSION:
        raise BadBundleError("another version")
    encoded, records = [], []
    for is_ended, body in _bodies(rest):
        record = _record(body, labels)
        encoded.append((record.span_id, is_ended, body))
        records.append(record)
    return Contents(records[-1], tuple(records[:-1]), bool(is_counted), tuple(encoded))


def _bodies(data: bytes) -> Iterator[tuple[bool, bytes]]:
    at = 0
    while at < len(data):
        is_ended, size = _SPAN.unpack_from(data, at)
        at += _SPAN.size
        if at + size > len(data):
            raise BadBundleError("it is cut off")
        yield bool(is_ended), data[at : at + size]
        at += size


def _record(body: bytes, labels: Mapping[str, str]) -> SpanRecord:
    """Return of an encoded span what is counted."""
    span = decode_span(body)
    known = span.attributes
    kind: Any = known[Attr.KIND]
    scope = RunScope("", "", str(known.get(Attr.PIPELINE_NAME, "")), span.trace_id)
    node, dataset = str(known.get(Attr.TASK_NAME, "")), str(known.get(Attr.DATASET_NAME, ""))
    record = SpanRecord(kind, span.name, scope, span.span_id, span.parent_span_id, span.start_ns, {}, node, dataset)
    record.label = labels.get(dataset, dataset)
    record.ended_ns, record.end_attributes = span.end_ns, dict(known)
    record.result = known.get(Attr.RESULT, "success")
    return record
