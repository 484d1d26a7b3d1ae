"""The built-in events: what the start or end of a span says in a log line."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pellucid.observability.semconv import EVENTS, Attr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.recording import Outcome, Recording
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.redaction import Redactor

__all__ = ["CLOSED", "LEVELS", "Summary", "closing", "ended", "started", "summary_of"]

LEVELS: Mapping[str, int] = MappingProxyType({each.name: int(logging.getLevelName(each.level)) for each in EVENTS})
"""The level of each built-in event, by its name."""
CLOSED = "telemetry.closed"
"""The event that is the last line."""

Told = tuple[str, dict[str, Any]]

_GOOD = ("success", "skip")
# By kind of span: the event of an end that is good, and of one that is not.
_ENDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "session": ("session.closed", "session.closed"),
        "session.create": ("session.created", ""),
        "context.load": ("context.loaded", "context.failed"),
        "catalog.create": ("catalog.created", "catalog.failed"),
        "run": ("pipeline.finished", "pipeline.failed"),
        "node": ("node.finished", "node.failed"),
        "load": ("dataset.loaded", "dataset.failed"),
        "save": ("dataset.saved", "dataset.failed"),
    }
)
_SIZES = ((Attr.DATASET_BYTES, "bytes"), (Attr.DATASET_ROWS, "rows"))
_STARTS = ((Attr.PARAMETERS, "parameters"), (Attr.RUNNER, "runner"), (Attr.NODE_COUNT, "nodes"))


@dataclass(frozen=True)
class Summary:
    """What is remembered of a run, or of a session without one, for the last line."""

    span: SpanRecord
    result: str
    duration_seconds: float


def started(span: SpanRecord, redactor: Redactor) -> Told | None:
    """Return the name and the fields of the event that the start of a span is; None if it is none."""
    if span.kind == "node":
        return "node.started", {}
    if span.kind != "run":
        return None
    known = span.attributes
    fields = {name: redactor.value(name, _parsed(known[key])) for key, name in _STARTS if key in known}
    selection = known.get(Attr.SELECTION)
    if selection:
        fields["selection"] = redactor.value("selection", _parsed(selection))
    return "pipeline.started", fields


def ended(span: SpanRecord, recording: Recording) -> Told | None:
    """Return the name and the fields of the event that the end of a span is; None if it is none."""
    good, bad = _ENDS[span.kind]
    is_good = span.result in _GOOD
    name = good if is_good else bad
    if not name:
        return None
    fields: dict[str, Any] = {"duration_seconds": _seconds(span.duration_seconds)}
    kind = span.kind
    if kind in ("load", "save"):
        fields["operation"] = kind
        if is_good:
            fields.update({key: span.end_attributes[each] for each, key in _SIZES if each in span.end_attributes})
    elif kind in ("node", "run"):
        fields["result"] = span.result
        if kind == "run" and Attr.NODE_DONE_COUNT in span.end_attributes:
            fields["nodes_done"] = span.end_attributes[Attr.NODE_DONE_COUNT]
    elif kind == "session.create":
        fields.update(_made(span, recording))
    if not is_good and kind != "session":
        # Where a cancelled run happened to be is not what ended it.
        with_traceback = kind in ("node", "run") and span.result != "cancellation"
        fields.update(_failure(span, recording.redactor, with_traceback=with_traceback))
    return name, fields


def closing(summary: Summary | None, outcome: Outcome) -> Told:
    """Return the name and the fields of the last line."""
    fields: dict[str, Any] = {}
    if summary is not None:
        fields = {"result": summary.result, "duration_seconds": summary.duration_seconds}
    fields.update(spans=outcome.spans, delivered=outcome.delivered, kept=outcome.kept, dropped=outcome.dropped)
    if outcome.place:
        fields["place"] = outcome.place
    return CLOSED, fields


def summary_of(span: SpanRecord) -> Summary:
    """Return what is remembered of a span that has ended."""
    return Summary(span, span.result, _seconds(span.duration_seconds))


def _made(span: SpanRecord, recording: Recording) -> dict[str, Any]:
    known = {**span.attributes, **span.end_attributes}
    commit = known.get(Attr.VCS_REVISION) or recording.provenance.get(Attr.VCS_REVISION)
    fields = {"project": recording.project_path.name, "env": known.get(Attr.ENV), "commit": commit}
    return {key: recording.redactor.value(key, value) for key, value in fields.items() if value}


def _failure(span: SpanRecord, redactor: Redactor, *, with_traceback: bool) -> dict[str, str]:
    if span.error is None:
        given = span.end_attributes.get(Attr.ERROR_TYPE)
        return {"error_type": redactor.text(given)} if isinstance(given, str) else {}
    kind, message, traceback = redactor.exception(span.error)
    fields = {"error_type": kind, "error": message}
    if with_traceback:
        fields["traceback"] = traceback
    return fields


def _seconds(seconds: float) -> float:
    return round(seconds, 6)


def _parsed(value: Any) -> Any:
    """Return what a text of JSON says; attributes have no mappings."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
