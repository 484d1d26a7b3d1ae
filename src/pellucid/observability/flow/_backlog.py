"""What is kept in a project, and delivering it now: for the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pellucid._util.texts import text_of
from pellucid.observability.flow._deliver import Delivered
from pellucid.observability.flow._ending import deliver_and_publish
from pellucid.observability.flow._parts import NO_TIME
from pellucid.observability.flow._rooms import SIGNALS, Rooms
from pellucid.observability.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pellucid.observability.export.otlp import Signal
    from pellucid.observability.flow._deliver import Delivery
    from pellucid.observability.flow._failures import Failure
    from pellucid.observability.options import Options, OtlpOptions
    from pellucid.observability.spool import SpoolStatus

_T = TypeVar("_T")

_POLL_SECONDS = 0.02
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Kept:
    """What is kept of a project.

    Attributes:
        spool: the files.
        records: how many records wait to be delivered, by signal.
        path: of the spool.
        failures: why the last delivery of a signal failed, and when, where it did.
    """

    spool: SpoolStatus
    records: Mapping[str, int]
    path: Path
    failures: Mapping[str, Failure] = field(default_factory=dict)


@dataclass(frozen=True)
class Replayed:
    """What became of what was kept, by signal.

    Attributes:
        delivered: records that the backend accepted, of each signal that has one.
        refused: records that it refused for good, or dropped by itself.
        kept: records that still wait; those of a signal without a backend, too.
        reasons: why they do, or why they were refused; those of parts that failed are among them.
    """

    delivered: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left of what is to be delivered, nothing was refused, and no other part failed."""
        is_left = any(self.kept.get(each) for each in self.delivered)
        return not (is_left or any(self.refused.values()) or self.reasons.keys() - set(SIGNALS))


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
        return Kept(status, self._waiting(), self._rooms.spool.path, self._rooms.last_failures())

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

    def replay(self, deadline_seconds: float, *, refused: bool = False) -> Replayed:
        """Collect and deliver now, all signals at once, and write and push the metrics page that is configured.

        Args:
            deadline_seconds: for everything together.
            refused: try also what the backend has refused for good before; of signals that are delivered.

        Raises:
            OSError: of the disk.
        """
        ends_at = time.monotonic() + deadline_seconds
        reasons: dict[str, str] = {}
        for signal in self.endpoints if refused else ():
            self._rooms.spool.outbox(signal).take_back()
        if not self._collect(ends_at):
            reasons["spool"] = "another process is collecting"
        done: dict[str, Delivered] = {}

        def deliver(delivery: Delivery, until: float) -> None:
            found = guarded(delivery.signal, self._rooms.deliver, delivery, until, is_last=True)
            if found is not None:
                done[delivery.signal] = found

        def guarded(part: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T | None:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                reasons[part] = f"{type(error).__name__}: {text_of(error, _LONGEST_REASON)}"
                return None

        deliver_and_publish(self._rooms, ends_at, deliver=deliver, guarded=guarded)
        return self._replayed(dict(done), reasons)

    def _replayed(self, done: Mapping[str, Delivered], reasons: dict[str, str]) -> Replayed:
        kept = self._waiting()
        for signal in SIGNALS:
            if signal in done:
                why = done[signal].reason
            else:
                why = NO_TIME if signal in self.endpoints else "no endpoint is configured"
                why = why if kept[signal] else ""
            if why:
                reasons.setdefault(signal, why)
        for part, count in self._recording.guard.faults.items():
            reasons.setdefault(part, f"{count} faults")
        nothing = Delivered()
        found = {signal: done.get(signal, nothing) for signal in self.endpoints}
        return Replayed(
            delivered={signal: each.accepted.total() - each.rejected for signal, each in found.items()},
            refused={signal: each.refused + each.rejected for signal, each in found.items()},
            kept=kept,
            reasons=reasons,
        )

    def _waiting(self) -> dict[str, int]:
        return {signal: self._rooms.waiting(signal) for signal in SIGNALS}
