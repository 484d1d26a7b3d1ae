"""Records the sessions of a block in a folder of its own, and reads that back."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.observability.redirection import LOG_FILE, Redirection, current_redirection
from pellucid.testing._clock import CountedIds
from pellucid.testing._spans import captured_span
from pellucid.testing._telemetry import Recorded, Telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextvars import Token

    from pellucid.testing._clock import FakeClock

_VARIABLES = ("OTEL_SDK_DISABLED", "TRACEPARENT", "TRACESTATE")
_COLLECT_SECONDS = 60.0


@contextmanager
def captured_telemetry(
    *,
    clock: FakeClock | None = None,
    incremental_ids: bool = False,
    level: str = "DEBUG",
    loggers: Sequence[str] = (),
) -> Iterator[Telemetry]:
    """Record every session that is made in the block, with any runner, for the test alone.

    Nothing of it goes to the project's ``.pellucid``, to stderr or over the network, whatever the project's settings
    and the variables of the environment say; redaction, limits and the resource are those of the project. In a capture
    within another, the inner one has it. A session that is still open at the end of the block is no longer recorded.

    Args:
        clock: of all spans and built-in events, so that durations are the same each time; None is the real one.
        incremental_ids: ids of traces and spans are 1, 2, 3 and so on, but for what worker processes make.
        level: of the log lines that are recorded: of the built-in events, of the project's package and of ``loggers``.
            All other loggers are heard from INFO on, or from this level on if it is higher, unless somebody has set a
            level for them.
        loggers: names of loggers that are heard from ``level`` on, too.
    """
    folder = Path(tempfile.mkdtemp(prefix="pellucid-test-"))
    redirection = Redirection(folder, level, tuple(loggers), clock=clock, ids=CountedIds() if incremental_ids else None)
    capture = _Capture(redirection)
    variables = {name: os.environ.pop(name) for name in _VARIABLES if name in os.environ}
    token = current_redirection.set(redirection)
    try:
        yield Telemetry(capture.read)
    finally:
        _reset(token)
        os.environ.update(variables)
        try:
            capture.keep()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _Capture:
    """Reads what was recorded in a folder; when the block has ended, what was read last.

    Args:
        redirection: of the block.
    """

    def __init__(self, redirection: Redirection) -> None:
        self._redirection = redirection
        self._kept: Recorded | None = None

    def read(self) -> Recorded:
        """Return what is recorded by now."""
        return self._found() if self._kept is None else self._kept

    def keep(self) -> None:
        """Record nothing more, and read for the last time."""
        for session in self._redirection.sessions:
            for recorder in _recorders(session):
                recorder.before_session_closed(session)
        self._kept = self._found()
        self._redirection.sessions.clear()

    def _found(self) -> Recorded:
        from pellucid.observability.flow import TOTALS_PATH, Backlog
        from pellucid.observability.history import HistoryError, HistoryStore
        from pellucid.observability.metrics import Totals, TotalsError, TotalsStore
        from pellucid.observability.options import Options

        redirection = self._redirection
        base = redirection.base
        sessions = redirection.sessions
        opened = sum(not getattr(session, "_is_closed", False) for session in sessions)
        if not sessions:
            return Recorded((), Totals(), (), 0, 0)
        options = redirection.applied(Options())
        try:
            # What a worker that was killed has left, and what came after the session was closed.
            Backlog(base, options).collect(_COLLECT_SECONDS)
            spans = HistoryStore(base / options.history.path).every_span()
            totals = TotalsStore(base / TOTALS_PATH).read()
            logs = _lines(base / LOG_FILE)
        except (OSError, HistoryError, TotalsError):  # of a disk that is full, or a folder that somebody took away
            return Recorded((), Totals(), (), len(sessions), opened)
        return Recorded(tuple(map(captured_span, spans)), totals, logs, len(sessions), opened)


def _recorders(session: Any) -> Iterator[Any]:
    from pellucid.observability.hooks.recorder import Recorder

    for plugin in session._hook_manager.get_plugins():  # noqa: SLF001 - Kedro's name, which plugins use
        if isinstance(plugin, Recorder):
            yield plugin


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(json.loads(line) for line in text.split("\n") if line)


def _reset(token: Token[Redirection | None]) -> None:
    try:
        current_redirection.reset(token)
    except ValueError:  # the block ends in another context than it began in, as with fixtures of asyncio
        current_redirection.set(None if token.old_value is token.MISSING else token.old_value)
