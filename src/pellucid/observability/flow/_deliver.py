"""Delivers the outbox of one signal: oldest first, and nothing is removed before the backend has it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.observability.export.otlp import Accepted, Barred, Refused, Retry, TooLarge
from pellucid.observability.flow._batches import Batch, grouped, part_of, pieces
from pellucid.observability.flow._ledger import Settled
from pellucid.observability.flow._parts import NO_TIME
from pellucid.observability.flow._spool import held, names_in
from pellucid.observability.spool import SpoolBusy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pellucid.observability.export.otlp import Answer, Signal
    from pellucid.observability.flow._batches import Part
    from pellucid.observability.flow._ledger import Ledger
    from pellucid.observability.flow._pace import Pace
    from pellucid.observability.flow._parts import Count, Sender
    from pellucid.observability.options import OtlpOptions
    from pellucid.observability.spool import OutboxQueue, Segment

_LONGEST_WAIT_SECONDS = 3600.0
_LEAST_SECONDS = 0.02
"""With less time left a request would only be cut off, and perhaps be delivered twice."""


@dataclass
class Delivered:
    """What became of the records of an outbox, in one go.

    Attributes:
        accepted: records that the backend took, by session.
        rejected: records that it took and dropped (OTLP's partial success).
        refused: records that it refused for good; they are in quarantine.
        is_busy: another process delivers this outbox.
        is_barred: nothing is taken until somebody changes something.
        reason: why there was an end before the end; empty if nothing is left.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    refused: int = 0
    is_busy: bool = False
    is_barred: bool = False
    reason: str = ""


class Delivery:
    """Sends what is in one outbox.

    Args:
        signal: what is in it.
        options: where to, and how.
        queue: the outbox.
        ledger: what was accepted of files that need several requests.
        pace: when the backend is tried again.
        send: sends one request.
        count: is told how many were delivered, dropped and put into quarantine.

    Attributes:
        accepted: records that the backend took so far, by session.
    """

    def __init__(
        self,
        signal: Signal,
        options: OtlpOptions,
        queue: OutboxQueue,
        ledger: Ledger,
        pace: Pace,
        send: Sender,
        count: Count,
    ) -> None:
        self.signal = signal
        self.pace = pace
        self.options = options
        self.queue = queue
        self.ledger = ledger
        self.send = send
        self.count = count
        self.accepted: Counter[str] = Counter()
        self._ends_at = float("inf")

    def end_at(self, moment: float) -> None:
        """Let nothing be sent after a moment of ``time.monotonic``, also by a call that is going on."""
        self._ends_at = min(self._ends_at, moment)

    def run(self, ends_at: float = float("inf"), *, is_last: bool = False) -> Delivered:
        """Deliver until nothing is left, the backend takes no more, or the time is over.

        Args:
            ends_at: of ``time.monotonic``.
            is_last: wait for a backend that asks for it, as long as there is time.
        """
        done = Delivered()
        self.end_at(ends_at)
        if not names_in(self.queue):
            return done
        due = self.pace.next_try(is_last=is_last)
        if due > time.monotonic() and not (is_last and due < self._ends_at):
            # Before any file is opened: nothing is to be sent now.
            done.reason = self.pace.reason
            return done
        wait_seconds = min(max(0.0, self.seconds_left), _LONGEST_WAIT_SECONDS) if is_last else 0.0
        try:
            with held(self.queue, wait_seconds) as segments:
                _Round(self, done, is_last=is_last).run(segments)
        except SpoolBusy:
            done.is_busy, done.reason = True, "another process is at it"
        return done

    @property
    def seconds_left(self) -> float:
        """How long something may still be sent."""
        return self._ends_at - time.monotonic()

    def slept_until(self, moment: float) -> bool:
        """Sleep until a moment of ``time.monotonic``; return False, at once, if the time is over before."""
        if moment >= self._ends_at:
            return False
        time.sleep(max(0.0, moment - time.monotonic()))
        return True


class _Round:
    """One go through the outbox, with the lock held."""

    def __init__(self, delivery: Delivery, done: Delivered, *, is_last: bool) -> None:
        self._delivery = delivery
        self._signal = delivery.signal
        self._queue = delivery.queue
        self._ledger = delivery.ledger
        self._pace = delivery.pace
        self._done = done
        self._is_last = is_last

    def run(self, segments: Iterable[Segment]) -> None:
        """Go on until nothing is left, or there is no final answer to a request."""
        self._ledger.sweep(names_in(self._queue))
        for parts in grouped(self._parts(segments)):
            if not self._files(Batch(self._signal, tuple(parts))):
                return

    def _parts(self, segments: Iterable[Segment]) -> Iterator[Part]:
        for segment in segments:
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile, by hand
                part = part_of(segment, self._signal)
                # What is not of this signal may be far more than what is sent, and waits for other files.
                segment.forget()
                yield part

    def _files(self, batch: Batch) -> bool:
        """Settle whole files; return False if there is no final answer for now."""
        if len(batch.parts) == 1:
            return self._file(batch)
        if batch.count:
            answer = self._answer(batch)
            if isinstance(answer, (Refused, TooLarge)):
                # One file may spoil a request for the others.
                return all(self._files(each) for each in batch.halves())
            if not isinstance(answer, Accepted):
                return False
            # Removed before it is counted: a process that is killed in between would send it again.
            left = [part for part in batch.parts if not self._removed(part)]
            self._took(batch, answer)
            return not left
        return not [part for part in batch.parts if not self._removed(part)]

    def _file(self, whole: Batch) -> bool:
        """Settle one file, in as many requests as it takes."""
        part = whole.parts[0]
        settled = self._ledger.settled(part.name)
        refusal = "refused" if any(each.is_refused for each in settled.values()) else ""
        batches = deque([whole] if part.is_small and part.records else pieces(part, self._signal))
        while batches:
            batch = batches.popleft()
            if batch.mark in settled:
                continue
            answer = self._answer(batch)
            if isinstance(answer, TooLarge):
                halves = batch.halves()
                batches.extendleft(reversed(halves))
                if halves:
                    continue
                answer = Refused(answer.reason)
            if isinstance(answer, Refused):
                refusal = answer.reason
                self._refused(batch, answer)
            elif isinstance(answer, Accepted):
                self._took(batch, answer)
            else:
                return False
            if batches:
                self._note(part.name, batch, is_refused=isinstance(answer, Refused))
        is_gone = self._removed(part, refusal=refusal)
        self._ledger.forget(part.name)
        return is_gone

    def _answer(self, batch: Batch) -> Answer | None:
        """Send a batch; return None if it may be sent again, but not now."""
        delivery, has_failed = self._delivery, False
        while True:
            due = self._pace.next_try(is_last=self._is_last and not has_failed)
            if due > time.monotonic() and not (self._is_last and delivery.slept_until(due)):
                self._done.reason = self._pace.reason
                return None
            if delivery.seconds_left < _LEAST_SECONDS:
                self._done.reason = self._pace.reason or NO_TIME
                return None
            seconds = min(delivery.seconds_left, delivery.options.timeout_seconds)
            answer = delivery.send(batch.body, delivery.options, self._signal, seconds)
            self._pace.note(answer)
            if not isinstance(answer, (Retry, Barred)):
                return answer
            has_failed = True
            if not self._is_last or self._pace.is_hopeless:
                self._done.reason, self._done.is_barred = answer.reason, isinstance(answer, Barred)
                return None

    def _took(self, batch: Batch, answer: Accepted) -> None:
        rejected = min(answer.rejected, batch.count)
        self._done.rejected += rejected
        if rejected:
            self._done.reason = answer.message
        for part in batch.parts:
            self._done.accepted[part.session_id] += len(part.records)
            self._delivery.accepted[part.session_id] += len(part.records)
        self._delivery.count(self._signal, {"delivered": batch.count - rejected, "dropped": rejected})

    def _refused(self, batch: Batch, answer: Refused) -> None:
        self._done.refused += batch.count
        self._done.reason = answer.reason
        self._delivery.count(self._signal, {"quarantined": batch.count})

    def _note(self, name: str, batch: Batch, *, is_refused: bool) -> None:
        # Without a note it is at worst sent again.
        with contextlib.suppress(OSError):
            self._ledger.note(name, batch.mark, Settled(batch.count, is_refused))

    def _removed(self, part: Part, *, refusal: str = "") -> bool:
        try:
            if refusal:
                self._queue.quarantine(part.segment, refusal)
            else:
                self._queue.remove(part.segment)
        except FileNotFoundError:
            pass
        except OSError as error:
            # It would be sent again and again.
            self._pace.stop(f"a delivered file cannot be removed: {error.strerror}")
            self._done.reason, self._done.is_barred = self._pace.reason, True
            return False
        return True
