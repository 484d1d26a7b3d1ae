"""Takes built-in events and other people's log records to all places that lines go to."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import RunTerminated
from pellucid.observability.current import current_span
from pellucid.observability.logs._duplicates import is_duplicate
from pellucid.observability.logs._ends import EndLines, EndRecords, is_common
from pellucid.observability.logs._entry import CORE_FIELDS, EVENTS_LOGGER, Entry, LineSink, timestamp
from pellucid.observability.logs._events import LEVELS, REFUSED, ended, event_of_end, event_of_start, refused, started
from pellucid.observability.logs._file import FileSink
from pellucid.observability.logs._open import OpenSpans
from pellucid.observability.logs._processors import FIELDS, identity, message_of, processors_for
from pellucid.observability.logs._sinks import SpoolSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.logs._entry import Sink
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord

__all__ = ["EventLog", "RecordHandler"]

_PACKAGE = "pellucid"
_PART = "logging"
_PROJECT_PART = "logging of the project"
_DEEPEST = 3
_MOST_KINDS = ("load", "save")


class EventLog:
    """The lines of one session in this process.

    Args:
        recording: of the session.
        level: the number of the level from which on there are lines.
        sinks: where they go.
    """

    def __init__(self, recording: Recording, level: int, sinks: Sequence[Sink]) -> None:
        self.recording = recording
        self.level = level
        self.sinks = tuple(sinks)
        self.is_closed = False
        self._logger, self._package = logging.getLogger(EVENTS_LOGGER), logging.getLogger(_PACKAGE)
        self._open = OpenSpans()
        self._chain = processors_for(recording.session_id, lambda: self.recording.redactor, self._open.enclosing)
        self._lines, self._records = EndLines(recording), EndRecords(recording)
        takers = [each.write_line for each in self.sinks if isinstance(each, LineSink)]
        self._spools = tuple(each for each in self.sinks if isinstance(each, SpoolSink))
        self._is_quick = level <= logging.INFO and len(takers) + len(self._spools) == len(self.sinks)
        self._takers = tuple(takers)
        self._thread = threading.local()  # how deep it logs from inside of logging

    def adopt(self, recording: Recording) -> None:
        """Go on with the services of a forked process."""
        self.recording = recording
        self._lines, self._records = EndLines(recording), EndRecords(recording)
        self._open.leave_nodes()
        for sink in self.sinks:
            if isinstance(sink, SpoolSink):
                sink.recording = recording
            elif isinstance(sink, FileSink):
                sink.rotates = not recording.is_worker

    def started(self, span: SpanRecord) -> None:
        """Log the event that the start of a span is, if it is one; of loads and saves there is none."""
        if span.kind in _MOST_KINDS:
            self._let_go(span.parent)
            return
        self._open.started(span)
        name = event_of_start(span)
        if name and LEVELS[name] >= self.level:
            self.tell(name, span.started_ns, span, started(span, self.recording.redactor))

    def opened(self, span: SpanRecord) -> None:
        """Take note of a span whose start is not logged."""
        self._open.started(span)

    def closed(self, span: SpanRecord) -> None:
        """Take note of the end of a span whose line is `line_of` it."""
        self._open.ended(span)

    def ended(self, span: SpanRecord) -> None:
        """Log the event that the end of a span is, if it is one."""
        if span.kind not in _MOST_KINDS:
            self._open.ended(span)
        if is_common(span) and self._put_end(span):
            return
        self._let_go(span if span.kind == "node" else span.parent)
        name = event_of_end(span)
        if name and LEVELS[name] >= self.level:
            self.tell(name, span.ended_ns, span, ended(span, self.recording))

    def refused(self, error: BaseException, run_id: str, pipeline: str) -> None:
        """Log that a run does not start.

        Args:
            error: why.
            run_id: of the run.
            pipeline: its name.
        """
        if LEVELS[REFUSED] >= self.level:
            span, now_ns = self._open.of_run(run_id, pipeline), self.recording.clock.now_ns()
            self.tell(REFUSED, now_ns, span, refused(error, self.recording.redactor))

    def tell(self, name: str, time_ns: int, span: SpanRecord | None, fields: dict[str, Any]) -> None:
        """Log a built-in event.

        Args:
            name: of the event.
            time_ns: nanoseconds since the epoch.
            span: that it is about.
            fields: redacted.
        """
        level = LEVELS[name]
        if level < self.level:
            return
        event = {
            "timestamp": timestamp(time_ns),
            "level": logging.getLevelName(level),
            "event": name,
            "logger": EVENTS_LOGGER,
            **identity(span, self.recording.session_id, self.recording.redactor),
            **fields,
        }
        self._put(Entry(event, level, time_ns, span, name))
        others = self._others()
        if others:
            self._tell_others(others, name, level, event)

    def record(self, record: logging.LogRecord) -> None:
        """Log what somebody logged; never raises but for Ctrl-C and the signals that end a run."""
        depth = getattr(self._thread, "depth", 0)
        if record.levelno < self.level or depth >= _DEEPEST or self.is_closed:
            return
        self._thread.depth = depth + 1
        try:
            self._record(record)
        except (KeyboardInterrupt, RunTerminated):
            raise
        except BaseException as error:
            self._note(_PART, error)
        finally:
            self._thread.depth = depth

    def close(self, deadline: float) -> None:
        """Write what waits, and let go of all places; one that loses lines by this is told of to those after it."""
        self.is_closed = True
        for number, sink in enumerate(self.sinks):
            self.recording.guard.call(_PART, sink.close, deadline)
            if notice := self.recording.guard.call(_PART, self._notice_of, sink):
                self._warn(notice, self.sinks[number + 1 :])

    def _record(self, record: logging.LogRecord) -> None:
        span = current_span.get()
        if is_duplicate(record, span):
            return
        event: Any = {"event": message_of(record), "_record": record}
        for process in self._chain:
            event = process(None, record.levelname, event)
        ordered = {key: event.pop(key) for key in CORE_FIELDS if key in event}
        self._put(Entry({**ordered, **event}, record.levelno, int(record.created * 1e9), self._open.enclosing()))

    def _put(self, entry: Entry) -> None:
        has_notice = False
        for sink in self.sinks:
            has_notice |= sink.write(entry)
        if has_notice:
            self._tell_notices()

    def line_of(self, span: SpanRecord, node: str = "", dataset: str = "") -> bytes | None:
        """Return the line of the end of a span that succeeded, to be taken by `take`; what else is to be kept of it is.

        Args:
            span: a node, load or save.
            node: its name, as JSON has it, if that is known.
            dataset: its dataset's name, likewise.

        Returns:
            None where somebody wants more than lines, or there is something strange about it; then nothing was done.
        """
        if not self._is_quick or self._logger.handlers or self._package.handlers:
            return None
        line = self._lines.of(span, node, dataset)
        if line is not None and self._spools:
            record = self._records.of(span)
            if record is not None:
                for spool in self._spools:
                    spool.write_record(record)
        return line

    def _put_end(self, span: SpanRecord) -> bool:
        """Log the end of a span without its fields; return whether that could be done."""
        line = self.line_of(span)
        if line is None:
            return False
        parent = span.parent
        if parent is not None and span.kind == "save" and parent.holds_saves:
            parent.lines += line
            return True
        if span.lines:
            line, span.lines = span.lines + line, b""
        self.take(line)
        return True

    def take(self, lines: bytes) -> None:
        """Write lines of JSON to all places but the spool."""
        has_notice = False
        for take in self._takers:
            if take(lines):
                has_notice = True
        if has_notice:
            self._tell_notices()

    def _let_go(self, node: SpanRecord | None) -> None:
        """Write what is held back with a node."""
        if node is not None and node.lines:
            lines, node.lines = node.lines, b""
            self.take(lines)

    def _tell_notices(self) -> None:
        for sink in self.sinks:
            if notice := self._notice_of(sink):
                self._warn(notice, self.sinks)

    def _notice_of(self, sink: Sink) -> str:
        """Return what is to be told of a place that loses lines; nothing if the spool beside it has told of that."""
        notice = sink.take_notice()
        if notice and isinstance(sink, FileSink) and self.recording.guard.faults.get("spool"):
            spool = self.recording.path(self.recording.options.spool.path)
            return "" if spool.parent in sink.path.parents else notice
        return notice

    def _warn(self, notice: str, sinks: Sequence[Sink]) -> None:
        """Tell places about one that loses lines."""
        time_ns = self.recording.clock.now_ns()
        redactor = self.recording.redactor
        event = {
            "timestamp": timestamp(time_ns),
            "level": "WARNING",
            "event": redactor.text(notice),
            "logger": "pellucid.telemetry",
            **identity(None, self.recording.session_id, redactor),
        }
        entry = Entry(event, logging.WARNING, time_ns, None)
        for sink in sinks:
            sink.write(entry)

    def _others(self) -> list[logging.Handler]:
        """Return the handlers that somebody has attached to the events' logger or to that of the package.

        Those of the root logger are not among them: they hear of the same from the runtime's own lines, and one event
        is to be one line.
        """
        found: list[logging.Handler] = []
        current: logging.Logger | None = self._logger
        while current is not None and current.parent is not None:
            found += [each for each in current.handlers if not isinstance(each, RecordHandler)]
            current = current.parent if current.propagate else None
        return found

    def _tell_others(self, others: list[logging.Handler], name: str, level: int, event: dict[str, Any]) -> None:
        logger = self._logger
        if not logger.isEnabledFor(level):
            return
        from pellucid.observability.logs._sentences import sentence

        text = sentence(name, event)
        record = logger.makeRecord(logger.name, level, __file__, 0, text, (), None, name, {FIELDS: event})
        for handler in others:
            if level < handler.level:
                continue
            try:
                handler.handle(record)
            except Exception as error:  # of somebody's handler
                self._note(_PROJECT_PART, error)

    def _note(self, part: str, error: BaseException) -> None:
        try:
            self.recording.guard.note(part, error)
        except Exception:  # of somebody's handler, by which the fault was to be told
            faults = self.recording.guard.faults
            faults[_PROJECT_PART] = faults.get(_PROJECT_PART, 0) + 1


class RecordHandler(logging.Handler):
    """What stdlib logging calls; it takes no lock, as a fork or a signal may come while one is held.

    Args:
        log: where records go.
        is_first: whether records that belong to no session go there, too.
    """

    def __init__(self, log: EventLog, *, is_first: bool = True) -> None:
        super().__init__(log.level)
        self.log = log
        self.is_first = is_first

    def createLock(self) -> None:  # noqa: N802 - the name is stdlib's
        """Have none."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Log a record, unless it is one of ours or of another session."""
        if record.name == EVENTS_LOGGER and FIELDS in vars(record):
            return False
        span = current_span.get()
        is_here = self.is_first if span is None else span.scope.session_id == self.log.recording.session_id
        if is_here:
            self.log.record(record)
        return is_here

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record."""
        self.handle(record)
