"""Takes many segments into one file, in an order of its own, and says so before each: a process to be killed."""

from __future__ import annotations

import sys
from pathlib import Path
from zlib import crc32

from tests.support.metrics import node_span, payloads_of, segment_of, soon, span_of

from pellucid.observability.metrics import TotalsStore


def payloads_of_segment(number: int) -> list[bytes]:
    """Return what is in a segment: a run of one pipeline for each, and nodes that many have in common."""
    run = span_of("run", pipeline=f"p{number % 7}", at=number, seconds=number % 50, number=number + 1)
    return payloads_of(Path(), run, *(node_span(pipeline="shared", node=f"n{each}", at=number) for each in range(3)))


def main() -> None:
    """Take the segments of a range, once each."""
    path, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    store = TotalsStore(path)
    for number in sorted(range(count), key=lambda each: crc32(f"{seed} {each}".encode())):
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        store.take(segment_of(f"segment-{number}", payloads_of_segment(number)), deadline=soon(60))


if __name__ == "__main__":
    main()
