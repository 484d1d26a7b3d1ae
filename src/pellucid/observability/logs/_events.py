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

__all__ = [
    "CLOSED",
    "LEVELS",
    "REFUSED",
    "SIZES",
    "Summary",
    "closing",
    "ended",
    "event_of_end",
    "event_of_start",
    "is_of_session",
    "refused",
    "started",
    "summary_of",
]

LEVELS: Mapping[str, int] = MappingProxyType({each.name: int(logging.getLevelName(each.level)) for each in EVENTS})
"""The level of each built-in event, by its name."""
REFUSED = "pipeline.refused"
"""The event of a run that does not start."""
CLOSED = "telemetry.closed"
"""The event that is the last line."""

_GOOD = ("success", "skip")
_BEGINNINGS: Mapping[str, str] = MappingProxyType({"run": "pipeline.started", "node": "node.started"})
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
SIZES = ((Attr.DATASET_BYTES, "bytes"), (Attr.DATASET_ROWS, "rows"))
"""What tells how large a dataset is: the attribute of the span, and the field of the event."""
_STARTS = ((Attr.PARAMETERS, "parameters"), (Attr.RUNNER, "runner"), (Attr.NODE_COUNT, "nodes"))


@dataclass(frozen=True)
class Summary:
    """What is remembered of a run, or of a session without one, for the last line."""

    span: SpanRecord
    result: str
    duration_seconds: float


def is_of_session(span: SpanRecord) -> bool:
    """Tell whether a span belongs to the session itself; in one for many runs, each run has a trace of its own."""
    return span.scope.run_id == span.scope.session_id


def event_of_start(span: SpanRecord) -> str:
    """Return the name of the event that the start of a span is; empty if it is none."""
    return _BEGINNINGS.get(span.kind, "")


def event_of_end(span: SpanRecord) -> str:
    """Return the name of the event that the end of a span is; empty if it is none."""
    if span.kind == "session" and not is_of_session(span):
        return ""
    good, bad = _ENDS[span.kind]
    return good if span.result in _GOOD else bad


def started(span: SpanRecord, redactor: Redactor) -> dict[str, Any]:
    """Return the fields of the event that the start of a span is."""
    if span.kind != "run":
        return {}
    known = span.attributes
    fields = {name: redactor.value(name, _parsed(known[key])) for key, name in _STARTS if key in known}
    selection = known.get(Attr.SELECTION)
    if selection:
        fields["selection"] = redactor.value("selection", _parsed(selection))
    return fields


def ended(span: SpanRecord, recording: Recording) -> dict[str, Any]:
    """Return the fields of the event that the end of a span is."""
    fields: dict[str, Any] = {"duration_seconds": _seconds(span)}
    kind, is_good = span.kind, span.result in _GOOD
    if kind in ("load", "save"):
        fields["operation"] = kind
        if is_good:
            fields.update({key: span.end_attributes[each] for each, key in SIZES if each in span.end_attributes})
    elif kind in ("node", "run", "session"):
        fields["result"] = span.result
        if kind == "run" and Attr.NODE_DONE_COUNT in span.end_attributes:
            fields["nodes_done"] = span.end_attributes[Attr.NODE_DONE_COUNT]
    elif kind == "session.create":
        fields.update(_made(span, recording))
    if not is_good and kind != "session":
        # Where a cancelled run happened to be is not what ended it.
        with_traceback = kind in ("node", "run") and span.result != "cancellation"
        fields.update(_failure(span, recording.redactor, with_traceback=with_traceback))
    return fields


def refused(error: BaseException, redactor: Redactor) -> dict[str, Any]:
    """Return the fields of the event that a run does not start."""
    kind, message, _ = redactor.exception(error)
    return {"error_type": kind, "error": message}


def closing(summary: Summary | None, outcome: Outcome) -> dict[str, Any]:
    """Return the fields of the last line."""
    fields: dict[str, Any] = {}
    if summary is not None:
        fields = {"result": summary.result, "duration_seconds": summary.duration_seconds}
    fields.update(spans=outcome.spans, delivered=outcome.delivered, kept=outcome.kept, dropped=outcome.dropped)
    if outcome.quarantined:
        fields["quarantined"] = outcome.quarantined
    if outcome.place:
        fields["place"] = outcome.place
    return fields


def summary_of(span: SpanRecord) -> Summary:
    """Return what is remembered of a span that has ended."""
    return Summary(span, span.result, _seconds(span))


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


def _seconds(span: SpanRecord) -> float:
    return round(span.duration_seconds, 6)


def _parsed(value: Any) -> Any:
    """Return what a text of JSON says; attributes have no mappings."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
