"""Moves finished segments on: to the history, to the totals, and to the outbox of each signal that is delivered."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pellucid.observability.flow._spool import closed_after, sampled_in
from pellucid.observability.recording import STREAM_LOGS, STREAM_SPANS
from pellucid.observability.spool import FrameKind, SpoolBusy, counted_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pellucid.observability.flow._parts import Consumer, Seal
    from pellucid.observability.spool import Segment, SpoolFolder


@dataclass
class Collected:
    """What was moved on.

    Attributes:
        segments: files that are no longer in ``active``.
        spans: how many spans there were in each file of the session that was asked for.
        sent: of these, how many are to be delivered.
        waiting: files that a consumer could not take; they are asked again.
        is_busy: another process is at it.
    """

    segments: int = 0
    spans: dict[str, int] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    is_busy: bool = False

    def add(self, other: Collected) -> None:
        """Add what was moved on another time."""
        self.segments += other.segments
        self.spans.update(other.spans)
        self.sent.update(other.sent)
        self.waiting = other.waiting


class Collection:
    """Collects for all sessions of a project.

    A file that a consumer fails to take waits in a queue of that consumer, where the bounds of the spool hold, too; the
    other consumers and the outboxes get it all the same.

    Args:
        folder: the spool.
        consumers: by name.
        seal: ends what a dead process left open.
        session_id: whose spans are counted in the result.
        note: is told each fault of a consumer.
    """

    def __init__(
        self,
        folder: SpoolFolder,
        consumers: Mapping[str, Consumer],
        seal: Seal,
        session_id: str,
        note: Callable[[str, BaseException], object],
    ) -> None:
        self._folder = folder
        self._consumers = consumers
        self._seal = seal
        self._session_id = session_id
        self._note = note

    def run(self, ends_at: float = float("inf")) -> Collected:
        """Move on what no living process writes to; nothing while another process is at it.

        Args:
            ends_at: of ``time.monotonic``; what is left then is left to whoever comes next.

        Raises:
            OSError: of the disk.
        """
        done = Collected()
        try:
            self._again(done, ends_at)
            with closed_after(self._folder.finished(self._seal)) as segments:
                for segment in segments:
                    self._one(segment, done)
                    if time.monotonic() >= ends_at:
                        break
        except SpoolBusy:
            done.is_busy = True
        return done

    def _one(self, segment: Segment, done: Collected) -> None:
        for name, consumer in self._consumers.items():
            if not self._is_taken(name, consumer, segment):
                segment.link_to(name)
                done.waiting += 1
        counts = _counts(segment)
        to_traces = segment.header.get("traces") is True and counts[STREAM_SPANS] > 0
        if segment.header.get("session_id") == self._session_id:
            done.spans[segment.name] = counts[STREAM_SPANS]
            done.sent[segment.name] = sampled_in(segment) if to_traces else 0
        if to_traces:
            segment.link_to("traces")
        if segment.header.get("logs") is True and counts[STREAM_LOGS]:
            segment.link_to("logs")
        segment.remove()
        done.segments += 1

    def _again(self, done: Collected, ends_at: float) -> None:
        """Ask consumers again for what they could not take; one that still cannot is left alone for this time."""
        for name, consumer in self._consumers.items():
            queue = self._folder.outbox(name)
            with closed_after(queue.items()) as segments:
                for segment in segments:
                    if time.monotonic() >= ends_at:
                        return
                    if not self._is_taken(name, consumer, segment):
                        done.waiting += queue.kept().segments
                        break
                    queue.remove(segment)

    def _is_taken(self, name: str, consumer: Consumer, segment: Segment) -> bool:
        try:
            consumer.take(segment)
        except FileNotFoundError:
            return not segment.size_bytes  # removed meanwhile, by hand
        except Exception as error:
            self._note(name, error)
            return False
        return True


def _counts(segment: Segment) -> Counter[int]:
    """Return how much has ended in a segment, by stream."""
    end = FrameKind.END
    alike: Counter[tuple[int, bytes]] = Counter()  # what a frame counts as, its first byte says
    for kind, stream, _, _, payload in segment.as_kept().frames():
        if kind == end:
            alike[stream, payload[:1]] += 1
    counts: Counter[int] = Counter()
    for (stream, first), times in alike.items():
        counted, number = counted_in(stream, first)
        counts[counted] += number * times
    return counts
