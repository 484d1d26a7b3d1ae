"""Puts together what the flow of one project needs, each part when it is first used."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.observability.flow._collect import Collection
from pellucid.observability.flow._exposition import Exposition
from pellucid.observability.flow._failures import LastFailure
from pellucid.observability.flow._forks import ForkGate
from pellucid.observability.flow._histories import Histories
from pellucid.observability.flow._ledger import Ledger
from pellucid.observability.flow._outcome import Fate, outcome_of, waits_for_history
from pellucid.observability.flow._running import running_elsewhere
from pellucid.observability.flow._spool import folder_of
from pellucid.observability.flow._totals import CountedTotals
from pellucid.observability.recording import STREAM_BUNDLES, STREAM_METRICS, STREAM_SPANS
from pellucid.observability.spool import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pellucid.observability.export.otlp import Signal
    from pellucid.observability.flow._collect import Collected
    from pellucid.observability.flow._deliver import Delivered, Delivery
    from pellucid.observability.flow._failures import Failure
    from pellucid.observability.flow._parts import Consumer, Writer
    from pellucid.observability.metrics import LiveState
    from pellucid.observability.options import OtlpOptions
    from pellucid.observability.recording import Outcome, Recording
    from pellucid.observability.records import Result

SIGNALS: tuple[Signal, ...] = ("traces", "logs")
"""What can be delivered."""
_BESIDE_THE_SPOOL = frozenset({"collect", "delivery", "history", "pruning", "totals"})
"""Parts that write where the spool does; the faults of others are their own: of a network, or of another folder."""
TOTALS_PATH = Path(".pellucid/metrics.db")
"""Where the totals of a project are, under its root."""


class Rooms:
    """The spool, the stores and the backends of a project, as one session has them configured.

    Args:
        recording: of the session.
        active: how many runs are going on, by pipeline.
        gate: keeps this process from being forked in the middle of what must not be left half done.

    Attributes:
        cut_off: ids of traces that this process ended, whatever its workers were at: what they left open was cancelled.
    """

    def __init__(
        self,
        recording: Recording,
        active: Callable[[], Mapping[str, int]] | None = None,
        gate: ForkGate | None = None,
    ) -> None:
        self._recording = recording
        self._gate = gate or ForkGate()
        self._active = active
        self.spool = folder_of(recording.path(recording.options.spool.path), recording.options.spool)
        self._pulse = Pulse(self.spool.path, recording.session_id)
        self.cut_off: set[bytes] = set()
        self._histories = Histories(recording)
        self._out_of_bounds = 0
        self.deliveries = tuple(self._delivery(signal, options) for signal, options in self.signals.items())
        failures = self.spool.path / "failures"
        self._last_failures = {signal: LastFailure(failures / f"{signal}.json") for signal in SIGNALS}

    @property
    def signals(self) -> dict[Signal, OtlpOptions]:
        """What is delivered, and where to."""
        options = self._recording.options
        given: dict[Signal, OtlpOptions] = {"traces": options.tracing.otlp, "logs": options.logging.otlp}
        is_on = {"traces": options.tracing.enabled, "logs": options.logging.enabled}
        return {signal: each for signal, each in given.items() if each.endpoint and is_on[signal]}

    @cached_property
    def totals(self) -> CountedTotals:
        """What was counted."""
        return CountedTotals(self._recording.path(TOTALS_PATH), self._recording.options.metrics.series_limit)

    @cached_property
    def collection(self) -> Collection:
        """What moves finished segments on; of each session to where its own options say, not this one's."""
        consumers: dict[str, Consumer] = {"history": self._histories, "totals": self.totals}
        return Collection(self.spool, consumers, self._seal, self._recording.session_id, self.note)

    @cached_property
    def exposition(self) -> Exposition:
        """The metrics page."""
        return Exposition(self._recording, self.totals, self._live, self._gate)

    def collect(self, ends_at: float) -> Collected:
        """Move on what is finished, and keep the spool within its bounds.

        Raises:
            OSError: of the disk.
        """
        with contextlib.suppress(OSError):
            self._pulse.beat(self._recording.clock.now_ns())
        done = self.collection.run(ends_at)
        dropped = self.spool.enforce_bounds()
        if dropped.get(STREAM_SPANS):
            self._out_of_bounds += dropped[STREAM_SPANS]
            uncounted = self.spool.uncollected.get(STREAM_SPANS, 0)
            self._count("traces", {"produced": uncounted, "dropped": dropped[STREAM_SPANS]})
        return done

    def count_lost(self, writer: Writer) -> None:
        """Count the spans that could not be written, and tell of those that only workers could not write."""
        lost, guard = self._lost(writer), self._recording.guard
        if lost and not guard.faults.get("spool"):
            guard.note("spool", OSError(f"{lost} spans could not be written"))
        if lost:
            self._count("traces", {"produced": lost, "dropped": lost})

    def _lost(self, writer: Writer) -> int:
        """Return how many spans of the session could not be written, by this process and others."""
        losses = self._recording.losses
        return writer.dropped.get(STREAM_SPANS, 0) + (losses.total if losses is not None else 0)

    def prune(self) -> None:
        """Forget runs and series that are older than they are to be kept.

        Raises:
            HistoryError: the history cannot be used.
            TotalsError: the totals cannot be used.
        """
        options = self._recording.options
        if options.history.enabled:
            self._histories.own.tidy(options.history.keep_days, options.history.keep_runs)
        if options.metrics.enabled:
            self.totals.prune(options.history.keep_days)

    def deliver(self, delivery: Delivery, ends_at: float = float("inf"), *, is_last: bool = False) -> Delivered:
        """Deliver one signal, and keep why it failed, if it did.

        Raises:
            OSError: of the disk.
        """
        done = delivery.run(ends_at, is_last=is_last)
        self._last_failures[delivery.signal].note(done)
        return done

    def last_failures(self) -> dict[str, Failure]:
        """Return why the last delivery of each signal failed, where it did."""
        found = {signal: each.read() for signal, each in self._last_failures.items()}
        return {signal: failure for signal, failure in found.items() if failure is not None}

    def waiting(self, signal: Signal) -> int:
        """Return how many records of a signal wait to be delivered.

        Raises:
            OSError: of the disk.
        """
        from pellucid.observability.flow._batches import part_of

        count = 0
        ledger = self._ledger(signal)
        # Looked at without its lock: somebody may deliver meanwhile.
        for path in sorted((self.spool.outbox(signal).path).glob("*.seg")):
            with contextlib.suppress(FileNotFoundError):
                part = part_of(self.spool.segment(path), signal)
                count += len(part.records) - sum(each.records for each in ledger.settled(path.name).values())
        return count

    def _ledger(self, signal: Signal) -> Ledger:
        return Ledger(self.spool.path / "settled" / signal)

    def note(self, part: str, error: BaseException) -> None:
        """Count a fault, and log the first one of a part, unless it is the disk's, of which the spool has told."""
        guard = self._recording.guard
        is_told = isinstance(error, OSError) and part in _BESIDE_THE_SPOOL and guard.faults.get("spool")
        if guard.faults.get(part) or is_told:
            guard.faults.setdefault(part, 0)
            guard.faults[part] += 1
        else:
            guard.caught(part, error)

    def outcome(self, collected: Collected, writer: Writer) -> Outcome:
        """Return what became of the session's spans."""
        session_id, history = self._recording.session_id, self._recording.options.history
        accepted = sum(each.accepted[session_id] for each in self.deliveries if each.signal == "traces")
        fate = Fate(accepted, self._out_of_bounds, self._lost(writer))
        found = outcome_of(session_id, collected, writer, self.spool, fate, is_sent="traces" in self.signals)
        has_history = history.enabled and self._recording.options.tracing.enabled
        if found.is_sent:
            return found
        if has_history and waits_for_history(session_id, self.spool):
            return replace(found, kept=found.spans - found.dropped)
        return replace(found, place=str(self._recording.path(history.path)) if has_history else "")

    def _seal(self, stream: int, start: bytes, time_ns: int) -> bytes:
        is_cut_off = any(each in start or each.hex().encode() in start for each in self.cut_off)
        return seal(stream, start, time_ns, "cancellation" if is_cut_off else "error")

    def _delivery(self, signal: Signal, options: OtlpOptions) -> Delivery:
        from pellucid.observability.export.otlp import send
        from pellucid.observability.flow._deliver import Delivery
        from pellucid.observability.flow._pace import Pace

        return Delivery(signal, options, self.spool.outbox(signal), self._ledger(signal), Pace(), send, self._count)

    def _count(self, signal: Signal, states: Mapping[str, int]) -> None:
        if signal == "traces" and self._recording.options.metrics.enabled:
            try:
                self.totals.count(states)
            except Exception as error:
                self.note("totals", error)

    def _live(self) -> LiveState:
        from pellucid.observability.metrics import LiveState

        active = running_elsewhere(self.spool)
        active.update({} if self._active is None else self._active())
        return LiveState(
            active=active,
            spool_bytes=self.spool.status().total_bytes,
            expected_interval_seconds=self._recording.options.expected_interval_seconds,
        )


def seal(stream: int, start: bytes, time_ns: int, result: Result = "error") -> bytes:
    """Return the end of what a dead process left open, at the time of its last sign of life."""
    if stream == STREAM_SPANS:
        from pellucid.observability.tracing import seal as seal_span

        return seal_span(start, time_ns, result=result)
    if stream == STREAM_BUNDLES:
        from pellucid.observability.flow._unbundle import seal_bundle

        return seal_bundle(start, time_ns, result)
    if stream == STREAM_METRICS:
        from pellucid.observability.metrics import seal as seal_event

        return seal_event(start, time_ns, result)
    return start
