"""Where the sessions of a block are recorded instead: for tests, in a folder of their own and nowhere else."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.observability.options import HistoryOptions, OtlpOptions, SpoolOptions

if TYPE_CHECKING:
    from pellucid.observability.options import Options
    from pellucid.observability.records import Clock, Ids

__all__ = ["LOG_FILE", "Redirection", "current_redirection"]

LOG_FILE = Path("logs.jsonl")
"""Where the log lines are, in the folder."""

_FOR_EVER_DAYS = 40_000.0
_NO_BOUND_BYTES = 1 << 36
_SEGMENT_BYTES = 64 * 1024 * 1024
_EXIT_SECONDS = 60.0


@dataclass(eq=False)
class Redirection:
    """What is different for a session that is recorded for a test; travels to worker processes.

    Attributes:
        base: the folder that everything is kept in.
        level: from which on log lines are kept.
        loggers: names of loggers that are heard from that level on, beside that of the project's package; all others
            are from INFO on.
        clock: of all records; None is the real one.
        ids: of all records; None makes them at random.
        sessions: those that were recorded; known in the process that made them.
    """

    base: Path
    level: str = "DEBUG"
    loggers: tuple[str, ...] = ()
    clock: Clock | None = None
    ids: Ids | None = None
    sessions: list[Any] = field(default_factory=list, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "sessions": []}

    def applied(self, options: Options) -> Options:
        """Return options by which everything is recorded, all of it is kept, and nothing is sent or shown.

        Args:
            options: of the project, whose limits, resource and redaction stay.
        """
        tracing = replace(options.tracing, enabled=True, sampler="always_on", sampler_argument="", otlp=OtlpOptions())
        metrics = replace(options.metrics, enabled=True, scrape=False, textfile=None, pushgateway=None)
        logging = replace(
            options.logging,
            enabled=True,
            level=self.level,
            stderr="off",
            file=LOG_FILE,
            file_bytes=_NO_BOUND_BYTES,
            file_count=0,
            otlp=OtlpOptions(),
        )
        spool = replace(
            SpoolOptions(), segment_bytes=_SEGMENT_BYTES, total_bytes=_NO_BOUND_BYTES, age_days=_FOR_EVER_DAYS
        )
        return replace(
            options,
            enabled=True,
            exit_budget_seconds=_EXIT_SECONDS,
            tracing=tracing,
            metrics=metrics,
            logging=logging,
            spool=spool,
            history=HistoryOptions(keep_days=_FOR_EVER_DAYS, keep_runs=_NO_BOUND_BYTES),
        )


current_redirection: ContextVar[Redirection | None] = ContextVar("pellucid_redirection", default=None)
"""Looked at when a session is made: by what it is recorded; None is as the project is configured."""
