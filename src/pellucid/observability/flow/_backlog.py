"""What is kept in a project, and delivering it now: for the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.observability.flow._rooms import Rooms
from pellucid.observability.flow._together import Together
from pellucid.observability.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pellucid.observability.export.otlp import Signal
    from pellucid.observability.flow._deliver import Delivered
    from pellucid.observability.options import Options, OtlpOptions
    from pellucid.observability.spool import SpoolStatus

_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Kept:
    """What is kept of a project.

    Attributes:
        spool: the files.
        records: how many records wait to be delivered, by signal.
        path: of the spool.
    """

    spool: SpoolStatus
    records: Mapping[str, int]
    path: Path


@dataclass(frozen=True)
class Replayed:
    """What became of what was kept, by signal.

    Attributes:
        delivered: records that the backend accepted.
        refused: records that it refused for good, or dropped by itself.
        kept: records that still wait.
        reasons: why they do, or why they were refused; those of parts that failed are among them.
    """

    delivered: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left, and nothing was refused."""
        return not any(self.kept.values()) and not any(self.refused.values())


class Backlog:
    """What processes of a project have left.

    Args:
        project_path: the root of the project.
        options: in force.
        package: the project's package.
    """

    def __init__(self, project_path: Path, options: Options, package: str = "") -> None:
        self._recording = Recording(options=options, project_path=project_path, package=package, session_id="")
        self._rooms = Rooms(self._recording)

    @property
    def endpoints(self) -> Mapping[Signal, OtlpOptions]:
        """Where each signal is delivered that is."""
        return self._rooms.signals

    def status(self) -> Kept:
        """Return what is kept.

        Raises:
            OSError: of the disk.
        """
        status = self._rooms.spool.status()
        waiting = {signal: self._rooms.waiting(signal) for signal in ("traces", "logs")}
        return Kept(status, waiting, self._rooms.spool.path)

    def collect(self, deadline_seconds: float) -> bool:
        """Move what ended and dead processes left into the history and the totals; deliver nothing.

        Args:
            deadline_seconds: for everything together.

        Returns:
            whether it was done; if not, another process is at it.

        Raises:
            OSError: of the disk.
        """
        return self._collect(time.monotonic() + deadline_seconds)

    def _collect(self, ends_at: float) -> bool:
        while self._rooms.collect(ends_at).is_busy:
            if time.monotonic() + _POLL_SECONDS >= ends_at:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def replay(self, deadline_seconds: float) -> Replayed:
        """Collect and deliver now.

        Args:
            deadline_seconds: for everything together.

        Raises:
            OSError: of the disk.
        """
        ends_at = time.monotonic() + deadline_seconds
        reasons: dict[str, str] = {}
        if not self._collect(ends_at):
            reasons["spool"] = "another process is collecting"
        done: dict[str, Delivered] = {}

        def deliver_all() -> None:
            for each in self._rooms.deliveries:
                done[each.signal] = each.run(ends_at, is_last=True)

        Together([deliver_all]).wait_until(ends_at)
        reasons.update({signal: each.reason for signal, each in done.items() if each.reason})
        for part, count in self._recording.guard.faults.items():
            reasons[part] = f"{count} faults"
        return Replayed(
            delivered={signal: each.accepted.total() - each.rejected for signal, each in done.items()},
            refused={signal: each.refused + each.rejected for signal, each in done.items()},
            kept={signal: self._rooms.waiting(signal) for signal in ("traces", "logs")},
            reasons=reasons,
        )
