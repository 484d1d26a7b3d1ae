"""Log lines as dicts, for tests of pipelines."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pellucid.observability.current import current_span
from pellucid.observability.logs._log import EVENTS_LOGGER
from pellucid.observability.logs._processors import FIELDS, message_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["captured_events"]


class _CaptureHandler(logging.Handler):
    def __init__(self, events: list[dict[str, Any]]) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record).get(FIELDS)
        given = dict(fields) if isinstance(fields, dict) else {}
        if record.name == EVENTS_LOGGER:
            self._events.append(given)
            return
        span = current_span.get()
        ids = {} if span is None else {"run_id": span.scope.run_id, "node": span.node, "dataset": span.dataset}
        known = {"event": message_of(record), "level": record.levelname, "logger": record.name}
        self._events.append({**given, **known, **{key: each for key, each in ids.items() if each}})


@contextmanager
def captured_events(level: int = logging.INFO) -> Iterator[list[dict[str, Any]]]:
    """Collect all log lines of this process, the built-in events among them, for as long as the context lasts.

    Args:
        level: from which on; the runtime's loggers are opened up to it.

    Returns:
        The list that grows: one dict for each line, with ``event``, ``level``, ``logger`` and its fields.
    """
    events: list[dict[str, Any]] = []
    capture = _CaptureHandler(events)
    root, runtime = logging.getLogger(), logging.getLogger("pellucid")
    before = runtime.level
    if runtime.getEffectiveLevel() > level:
        runtime.setLevel(level)
    places = (root, logging.getLogger(EVENTS_LOGGER))
    for place in places:
        place.addHandler(capture)
    try:
        yield events
    finally:
        for place in places:
            place.removeHandler(capture)
        runtime.setLevel(before)
