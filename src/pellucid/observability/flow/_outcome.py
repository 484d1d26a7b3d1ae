"""What became of the spans of a session: told by where its files are."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pellucid._util.rows import Row
from pellucid.observability.flow._ledger import Ledger
from pellucid.observability.flow._spool import sampled_in
from pellucid.observability.recording import STREAM_SPANS, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.flow._collect import Collected
    from pellucid.observability.flow._parts import Writer
    from pellucid.observability.spool import Segment, SpoolFolder


class Fate(Row):
    """What this process knows of spans that are gone.

    Attributes:
        accepted: of the session, by the backend.
        out_of_bounds: of any session, removed because there were too many or too old ones.
        lost: of the session, never written.
    """

    accepted: int = 0
    out_of_bounds: int = 0
    lost: int = 0


def outcome_of(
    session_id: str, collected: Collected, writer: Writer, spool: SpoolFolder, fate: Fate, *, is_sent: bool
) -> Outcome:
    """Return the outcome of a session.

    What is neither kept nor in quarantine, and was not removed by this process, was accepted: when this process sent
    it, or when another one of the same project did.

    Args:
        session_id: of the session.
        collected: what this process collected of it.
        writer: of its main process.
        spool: of the project.
        fate: of what is gone.
        is_sent: whether spans are delivered anywhere; none of them are if none were sampled.

    Raises:
        OSError: of the disk.
    """
    # Copied, as a collection that was given up on may still go on.
    collected = replace(collected, spans=dict(collected.spans), sent=dict(collected.sent))
    lost = fate.lost
    # What was collected may come again, if it could not be removed.
    active = {name: _count(segment) for name, segment in _in(spool, "active", session_id, collected)}
    # Another process may have collected what this one wrote.
    total = max(sum(collected.spans.values()) + sum(active.values()), writer.written.get(STREAM_SPANS, 0))
    place = str(spool.path)
    sampled = total - (sum(collected.spans.values()) - sum(collected.sent.values()))
    if not is_sent or (total and not sampled):
        return Outcome(spans=total + lost, dropped=lost, place=place)
    ledger = Ledger(spool.path / "settled" / "traces")
    kept = sum(active.values())
    refused = 0
    for name, count in collected.sent.items():
        if (spool.path / "outbox" / "traces" / name).exists():
            kept += count - min(count, sum(each.records for each in ledger.settled(name).values()))
    for name, segment in _in(spool, "outbox/traces", session_id, collected):
        kept += 0 if name in active else _count(segment)  # it is in both folders for a moment
    for name, segment in _in(spool, "quarantine", session_id):
        refused += _count(segment) if ".traces." in name else 0
    gone = max(0, sampled - kept - refused)
    removed = min(max(0, gone - fate.accepted), fate.out_of_bounds)
    return Outcome(
        spans=sampled + lost,
        delivered=gone - removed,
        kept=kept,
        dropped=lost + removed,
        quarantined=refused,
        is_sent=True,
        place=place,
    )


def waits_for_history(session_id: str, spool: SpoolFolder) -> bool:
    """Tell whether something of a session is not in the history yet, as another process or a lock is in the way.

    Raises:
        OSError: of the disk.
    """
    return any(True for folder in ("active", "outbox/history") for _ in _in(spool, folder, session_id))


def _count(segment: Segment) -> int:
    try:
        return sampled_in(segment)
    except FileNotFoundError:
        return 0


def _in(
    spool: SpoolFolder, folder: str, session_id: str, collected: Collected | None = None
) -> Iterator[tuple[str, Segment]]:
    """Yield the files of a session in a folder, without those that this process collected."""
    for path in sorted((spool.path / folder).glob("*.seg")):
        if collected is not None and path.name in collected.spans:
            continue
        segment = spool.segment(path)
        with contextlib.suppress(FileNotFoundError):
            if segment.header.get("session_id") == session_id:
                yield segment.name, segment
