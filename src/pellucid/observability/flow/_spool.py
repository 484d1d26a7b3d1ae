"""The spool of a project, with the limits that are configured."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pellucid.observability.flow._unbundle import Unbundling
from pellucid.observability.spool import Limits, Segment, SpoolFolder

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.options import SpoolOptions
    from pellucid.observability.spool import OutboxQueue

_SUFFIX = ".seg"


def folder_of(path: Path, options: SpoolOptions) -> SpoolFolder:
    """Return the spool at a path."""
    limits = Limits(options.segment_bytes, options.total_bytes, options.age_days, options.roll_seconds)
    return SpoolFolder(path, limits, unbundle=Unbundling())


def sampled_in(segment: Segment) -> int:
    """Return how many spans of a segment are to be delivered, if spans are."""
    from pellucid.observability.flow._batches import part_of

    return len(part_of(segment, "traces").records)


@contextmanager
def closed_after(segments: Iterator[Segment]) -> Iterator[Iterator[Segment]]:
    """Let go of the lock that an iteration holds, also one that is left before its end."""
    try:
        yield segments
    finally:
        if isinstance(segments, Generator):
            segments.close()


@contextmanager
def held(queue: OutboxQueue, wait_seconds: float) -> Iterator[Iterator[Segment]]:
    """Hold the lock of a queue for the length of a block, and give the segments in it, oldest first, each once.

    Raises:
        SpoolBusy: somebody else holds it for so long.
        OSError: of the disk.
    """
    with closed_after(queue.items(wait_seconds)) as segments:
        # The iteration frees the lock when it is asked for one more than there are: it is kept at the first.
        if next(segments, None) is None:
            yield iter(())
            return
        root = queue.path.parent.parent
        names = [name for name in sorted(names_in(queue)) if not (root / "active" / name).exists()]
        yield (queue.segment(name) for name in names)


def names_in(queue: OutboxQueue) -> set[str]:
    """Return the names of the segments in a queue."""
    return {each.name for each in queue.path.glob(f"*{_SUFFIX}")}
