"""Puts our log lines in the place of the runtime's plain ones, and takes them away again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pellucid.observability.logs._file import FileSink
from pellucid.observability.logs._log import EventLog, RecordHandler
from pellucid.observability.logs._sinks import SpoolSink, level_number, stderr_sink
from pellucid.observability.logs._steps import StepLines
from pellucid.observability.logs._warnings import WarningLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.logs._entry import Sink
    from pellucid.observability.recording import Recording

__all__ = ["Setup"]

# By these the handler is known that the runtime sets up where nobody else set up any.
_PLAIN_NAME = "stderr"
_PLAIN_FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


class Setup:
    """Stdlib logging while one session is recorded.

    Where the project or the program around it has set up logging, its handlers and levels are left as they are, and
    one handler is added. Where the runtime's plain lines go to stderr, ours go there instead.

    Attributes:
        log: where lines go.
        owns_stderr: whether lines for stderr are ours.
        steps: keeps the runtime's lines that say the same from being made.

    Args:
        recording: of the session.
        further: sinks besides the configured ones.
    """

    def __init__(self, recording: Recording, further: Sequence[Sink] = ()) -> None:
        self._root = logging.getLogger()
        self._replaced = [each for each in self._root.handlers if _is_plain(each)]
        peers = self._peers()
        self.owns_stderr: bool = bool(self._replaced) or any(each.owns_stderr for each in peers)
        options = recording.options.logging
        level = level_number(options.level)
        self.log = EventLog(recording, level, [*_sinks(recording, owns_stderr=self.owns_stderr), *further])
        self._handler = _SetupHandler(self, is_first=not peers)
        self.steps = StepLines(_is_ours)
        self._levels: list[tuple[logging.Logger, int, int]] = []
        self._added: list[logging.Logger] = []
        redirection = recording.redirection
        if redirection is not None:
            self._set_levels(level, (recording.package, *redirection.loggers))
            if self._root.level > max(level, logging.INFO):
                self._set_level(self._root, max(level, logging.INFO))
        elif self.owns_stderr:
            self._set_levels(level, ("pellucid", recording.package))
        self._warnings = WarningLines()
        if self.owns_stderr and redirection is None:
            self._warnings.open()
        self._add()

    def adopt(self, recording: Recording) -> None:
        """Go on in a forked process, with what it has of its own."""
        self.log.adopt(recording)

    def hear(self, logger: logging.Logger) -> None:
        """Have a logger of structlog's let its lines through, where nobody has set up levels for it.

        structlog shows all lines as long as nobody configures it; the level of the root logger would keep most back.
        """
        if self.owns_stderr and not logger.level and not _has_level_above(logger):
            self._set_levels(self.log.level, (logger.name,))

    def late(self) -> list[bytes]:
        """Return the OTLP log records that came when the spool was closed."""
        return [record for sink in self.log.sinks if isinstance(sink, SpoolSink) for record in sink.late]

    def undo(self, deadline: float) -> None:
        """Leave logging as it was found, but for what others changed meanwhile, and close what is ours."""
        self.steps.end()
        self._warnings.close()
        if self._handler not in self._root.handlers:  # somebody has set up logging anew
            self._replaced.clear()
        for logger in self._added:
            logger.removeHandler(self._handler)
        peers = self._peers()
        if peers:
            peers[0].take_over(self)
        else:
            self._restore()
        self.log.close(deadline)

    def _add(self) -> None:
        for each in self._replaced:
            self._root.removeHandler(each)
        # A logger that does not propagate, but has somebody who listens, is listened to as well.
        names = list(logging.Logger.manager.loggerDict)
        loggers = [logging.getLogger(name) for name in names if isinstance(_known(name), logging.Logger)]
        apart = [each for each in loggers if not each.propagate and _is_heard(each)]
        for logger in (self._root, *apart):
            logger.addHandler(self._handler)
            self._added.append(logger)

    def _set_levels(self, level: int, names: Sequence[str]) -> None:
        for name in names:
            if name:
                self._set_level(logging.getLogger(name), level)

    def _set_level(self, logger: logging.Logger, level: int) -> None:
        self._levels.append((logger, logger.level, level))
        logger.setLevel(level)

    def _restore(self) -> None:
        for each in self._replaced:
            self._root.addHandler(each)
        for logger, before, ours in self._levels:
            if logger.level == ours:
                logger.setLevel(before)

    def take_over(self, other: Setup) -> None:
        """Keep what another session's end must not bring back while this one goes on."""
        self._replaced += other._replaced
        self._levels = other._levels + self._levels
        self._handler.is_first = True

    def _peers(self) -> list[Setup]:
        return [each.setup for each in self._root.handlers if isinstance(each, _SetupHandler)]


class _SetupHandler(RecordHandler):
    """Knows whose it is, so that sessions that overlap find each other."""

    def __init__(self, setup: Setup, *, is_first: bool) -> None:
        super().__init__(setup.log, is_first=is_first)
        self.setup = setup


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler, _SetupHandler)


def _has_level_above(logger: logging.Logger) -> bool:
    """Tell whether a logger gets its level from another one than the root."""
    above = logger.parent
    while above is not None and above.parent is not None:
        if above.level:
            return True
        above = above.parent
    return False


def _known(name: str) -> object:
    return logging.Logger.manager.loggerDict.get(name)


def _is_heard(logger: logging.Logger) -> bool:
    return any(not isinstance(each, logging.NullHandler) for each in logger.handlers)


def _is_plain(handler: logging.Handler) -> bool:
    format_ = getattr(handler.formatter, "_fmt", None)
    return type(handler) is logging.StreamHandler and handler.name == _PLAIN_NAME and format_ == _PLAIN_FORMAT


def _sinks(recording: Recording, *, owns_stderr: bool) -> list[Sink]:
    options = recording.options.logging
    sinks: list[Sink] = []
    stderr = stderr_sink(options.stderr) if owns_stderr else None
    if stderr is not None:
        sinks.append(stderr)
    if options.file is not None:
        path = recording.path(options.file)
        sinks.append(FileSink(path, options.file_bytes, options.file_count, rotates=not recording.is_worker))
    if options.otlp.endpoint:
        sinks.append(SpoolSink(recording))
    return sinks
