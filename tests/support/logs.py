"""A recording with log lines, spans to be told, and logging as the runtime sets it up."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.observability.current import current_span
from pellucid.observability.hooks.logging import LoggingHooks
from pellucid.observability.options import LoggingOptions, Options
from pellucid.observability.recording import Outcome, Recording
from pellucid.observability.records import RunScope, SpanRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pellucid.observability.logs import Entry, Sink
    from pellucid.observability.records import Kind

PLAIN = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
SCOPE = RunScope("session-1", "run-1", "__default__", bytes(range(16)))
OWN_SCOPE = RunScope("session-1", "session-1", "", bytes(range(16)))
"""Of a session itself, and of its run, if it is one for a single run."""
NOON_NS = 1_700_000_000_000_000_000


class MemorySink:
    """Keeps the fields of each line."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.dropped = 0

    def write(self, entry: Entry) -> bool:
        """Keep a line."""
        self.events.append(dict(entry.event))
        return False

    def take_notice(self) -> str:
        """Return nothing."""
        return ""

    def close(self, deadline: float) -> None:
        """Keep what there is."""


@dataclass
class FrameList:
    """A spool that keeps ends in memory."""

    ends: list[tuple[int, bytes, bytes]] = field(default_factory=list)

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        raise AssertionError("logs have no starts")

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        self.ends.append((stream, key, payload))

    def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
        self.ends += [(stream, key, payload) for _, stream, key, payload in records]


def recording_in(folder: Path, *, is_worker: bool = False, **logging_options: Any) -> Recording:
    """Return a recording whose project is in a folder."""
    options = Options(logging=LoggingOptions(**logging_options))
    return Recording(options, folder, "demo", "session-1", is_worker=is_worker)


def span_of(kind: Kind, seconds: float = 0.25, **given: Any) -> SpanRecord:
    """Return a span that took a while; ``seconds`` of 0 leaves it open."""
    attributes = given.pop("attributes", {})
    scope = given.pop("scope", OWN_SCOPE if kind == "session" else SCOPE)
    started_ns = given.pop("started_ns", NOON_NS)
    span = SpanRecord(kind, kind, scope, b"\x01" * 8, b"", started_ns, attributes, **given)
    span.ended_ns = started_ns + int(seconds * 1e9)
    return span


@contextmanager
def inside(span: SpanRecord | None) -> Iterator[None]:
    """Make a span the current one."""
    token = current_span.set(span)
    try:
        yield
    finally:
        current_span.reset(token)


def plain_handler() -> logging.StreamHandler[Any]:
    """Return the handler that the runtime sets up by default."""
    handler = logging.StreamHandler(sys.stderr)
    handler.name = "stderr"
    handler.setFormatter(logging.Formatter(PLAIN))
    return handler


@contextmanager
def runtime_logging() -> Iterator[logging.StreamHandler[Any]]:
    """Have logging as the runtime sets it up, and nothing else."""
    root = logging.getLogger()
    names = ("", "pellucid", "demo")
    before, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    handler = plain_handler()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in names[1:]:
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        yield handler
    finally:
        root.handlers[:] = before
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def logged(
    recording: Recording, sinks: Sequence[Sink] = (), outcome: Outcome | None = None
) -> Iterator[tuple[LoggingHooks, list[dict[str, Any]]]]:
    """Have the plugin at work; yield it, and the events it logs."""
    memory = MemorySink()
    hooks = LoggingHooks((memory, *sinks))
    hooks.on_recording_started(recording)
    try:
        yield hooks, memory.events
    finally:
        hooks.on_recording_ended(recording, outcome or Outcome())


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the events in a file of JSON lines, each of which must be one."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def log_file(folder: Path) -> Path:
    """Return where the lines of a project go by default."""
    return folder / ".pellucid/logs/pellucid.jsonl"
