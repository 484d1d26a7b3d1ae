"""What every log line goes through: functions with the signature of structlog's processors.

They expect the ``LogRecord`` under ``_record``, as structlog's ``ProcessorFormatter`` gives it, and so they can be used
there, too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated
from pellucid.observability.current import current_span
from pellucid.observability.logs._entry import CORE_FIELDS, timestamp
from pellucid.observability.logs._open import innermost

if TYPE_CHECKING:
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.redaction import Redactor

__all__ = [
    "FIELDS",
    "Processor",
    "add_fields",
    "add_origin",
    "identifying",
    "identity",
    "message_of",
    "processors_for",
    "redacting",
]

EventDict = MutableMapping[str, Any]
Processor = Callable[[Any, str, EventDict], EventDict]

FIELDS = "pellucid_fields"
"""The attribute of a ``LogRecord`` that carries further fields of its line, as a mapping."""

_BARE = tuple(vars(logging.makeLogRecord({})))
_STANDARD = frozenset((*_BARE, "message", "asctime", "taskName", FIELDS))
_CORE = frozenset(CORE_FIELDS)
_LONGEST_KEY = 200
_LONGEST_STACK = 16 * 1024  # characters; the frames that say most are the last ones


def add_origin(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add time, level and logger."""
    record: logging.LogRecord = event["_record"]
    event["timestamp"] = timestamp(int(record.created * 1e9))
    event["level"] = str(record.levelname)
    event["logger"] = str(record.name)
    return event


def add_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Add what the caller gave as ``extra``; a name that is taken gets the prefix ``extra.``."""
    record = event["_record"]
    attributes = vars(record)
    given: Any = attributes.get(FIELDS)
    if len(attributes) > len(_BARE):
        _add(event, {key: value for key, value in attributes.items() if key not in _STANDARD})
    if issubclass(type(given), dict):
        _add(event, dict(dict.items(given)))
    return event


def _add(event: EventDict, fields: dict[Any, Any]) -> None:
    for key, value in fields.items():
        is_text = issubclass(type(key), str)  # what its class says itself is not asked
        name = str.__getitem__(key, slice(0, _LONGEST_KEY)) if is_text else f"<{type(key).__qualname__}>"
        event[f"extra.{name}" if name in _CORE or name in event else name] = value


def _here() -> SpanRecord | None:
    return innermost(current_span.get())


def identifying(
    session_id: str,
    redactor: Callable[[], Redactor],
    enclosing: Callable[[], SpanRecord | None] = _here,
) -> Processor:
    """Return the processor that adds the ids of the span that is going on.

    Args:
        session_id: for lines that belong to no span.
        redactor: called for each line, as more secrets may be known by then.
        enclosing: returns the span that is going on.
    """

    def add_identity(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event.update(identity(enclosing(), session_id, redactor()))
        return event

    return add_identity


def redacting(redactor: Callable[[], Redactor]) -> Processor:
    """Return the processor that hides secrets, bounds values, and turns an exception into fields.

    Args:
        redactor: called for each line, as more secrets may be known by then.
    """

    def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
        current = redactor()
        record = event.pop("_record")
        for key in [each for each in event if each not in _CORE]:
            value = current.value(key, event.pop(key))
            event[current.text(key)] = value
        for key in ("event", "logger", "level"):
            event[key] = current.text(event[key])
        error = _error_of(record)
        if error is not None:
            event["error_type"], event["error"], event["traceback"] = current.exception(error)
        if record.stack_info:
            event["stack"] = current.lines(str(record.stack_info), _LONGEST_STACK)
        return event

    return redact


def processors_for(
    session_id: str,
    redactor: Callable[[], Redactor],
    enclosing: Callable[[], SpanRecord | None] = _here,
) -> tuple[Processor, ...]:
    """Return all of them, in order."""
    return add_origin, identifying(session_id, redactor, enclosing), add_fields, redacting(redactor)


def identity(span: SpanRecord | None, session_id: str, redactor: Redactor) -> dict[str, str]:
    """Return the fields that tell where a line belongs."""
    if span is None:
        return {"session_id": session_id}
    scope = span.scope
    fields = {
        "trace_id": scope.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "session_id": scope.session_id,
        "run_id": scope.run_id,
    }
    if scope.pipeline:
        fields["pipeline"] = redactor.text(scope.pipeline)
    if span.node:
        fields["node"] = redactor.text(span.node)
    if span.dataset:
        fields["dataset"] = redactor.text(span.dataset)
    return fields


def message_of(record: logging.LogRecord) -> str:
    """Return the text of a record, or what stands for it where its arguments refuse to have one."""
    try:
        return str(record.getMessage())
    except (KeyboardInterrupt, RunTerminated):
        raise
    except BaseException as error:  # of a hostile object: anything
        given, kind = record.msg, type(record.msg)
        template = str.__getitem__(given, slice(None)) if issubclass(kind, str) else f"<{kind.__qualname__}>"
        return f"{template} <arguments that raise {type(error).__name__}>"


def _error_of(record: logging.LogRecord) -> BaseException | None:
    info: Any = record.exc_info
    if issubclass(type(info), tuple) and tuple.__len__(info) > 1:
        info = tuple.__getitem__(info, 1)
    return info if issubclass(type(info), BaseException) else None
