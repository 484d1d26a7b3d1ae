"""What became of the spans of a session: told by where its files are."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pellucid.observability.flow._batches import part_of
from pellucid.observability.flow._ledger import Ledger
from pellucid.observability.recording import STREAM_SPANS, Outcome
from pellucid.observability.spool import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.flow._collect import Collected
    from pellucid.observability.flow._parts import Writer
    from pellucid.observability.spool import SpoolFolder


def outcome_of(session_id: str, collected: Collected, writer: Writer, spool: SpoolFolder, *, is_sent: bool) -> Outcome:
    """Return the outcome of a session.

    What is neither kept nor in quarantine was accepted: when this process sent it, or when another one of the same
    project did.

    Args:
        session_id: of the session.
        collected: what this process collected of it.
        writer: of its main process.
        spool: of the project.
        is_sent: whether spans are delivered anywhere.

    Raises:
        OSError: of the disk.
    """
    lost = writer.dropped.get(STREAM_SPANS, 0)
    # Another process may have collected what this one wrote.
    total = max(sum(collected.spans.values()), writer.written.get(STREAM_SPANS, 0))
    place = str(spool.path)
    if not is_sent:
        return Outcome(spans=total + lost, dropped=lost, place=place)
    ledger = Ledger(spool.path / "settled" / "traces")
    kept = refused = 0
    for name, count in _in(spool, "outbox/traces", session_id):
        kept += count - min(count, sum(each.records for each in ledger.settled(name).values()))
    for _, count in _in(spool, "active", session_id):
        kept += count
    for name, count in _in(spool, "quarantine", session_id):
        refused += count if ".traces." in name else 0
    sampled = total - (sum(collected.spans.values()) - sum(collected.sent.values()))
    delivered = max(0, sampled - kept - refused)
    return Outcome(sampled + lost, delivered, kept, refused + lost, is_sent=True, place=place)


def _in(spool: SpoolFolder, folder: str, session_id: str) -> Iterator[tuple[str, int]]:
    """Yield the files of a session in a folder, and how many spans of each are to be delivered."""
    for path in sorted((spool.path / folder).glob("*.seg")):
        segment = Segment(spool.path, path)
        with contextlib.suppress(FileNotFoundError):
            if segment.header.get("session_id") == session_id:
                yield segment.name, len(part_of(segment, "traces").records)
