"""Log lines: built-in events and everybody's records, in one form, with the ids of the span they belong to."""

from pellucid.observability.logs._entry import CORE_FIELDS, EVENTS_LOGGER, Entry, LineSink, Sink
from pellucid.observability.logs._events import CLOSED, LEVELS, Summary, closing, is_of_session, summary_of
from pellucid.observability.logs._file import FileSink
from pellucid.observability.logs._json import json_line
from pellucid.observability.logs._log import EventLog, RecordHandler
from pellucid.observability.logs._node_lines import NodeLines
from pellucid.observability.logs._processors import (
    FIELDS,
    add_fields,
    add_origin,
    identifying,
    processors_for,
    redacting,
)
from pellucid.observability.logs._record import encode_record, severity_number
from pellucid.observability.logs._setup import Setup
from pellucid.observability.logs._structlog import StructlogBridge, configure_structlog, to_stdlib

__all__ = [
    "CLOSED",
    "CORE_FIELDS",
    "EVENTS_LOGGER",
    "FIELDS",
    "LEVELS",
    "Entry",
    "EventLog",
    "FileSink",
    "LineSink",
    "NodeLines",
    "RecordHandler",
    "Setup",
    "Sink",
    "StructlogBridge",
    "Summary",
    "add_fields",
    "add_origin",
    "closing",
    "configure_structlog",
    "encode_record",
    "identifying",
    "is_of_session",
    "json_line",
    "processors_for",
    "redacting",
    "severity_number",
    "summary_of",
    "to_stdlib",
]
