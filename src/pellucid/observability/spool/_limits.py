"""How much the spool keeps, and how long a segment is written to."""

from __future__ import annotations

import errno

from pellucid._util.values import values


@values(frozen=True)
class Limits:
    """What the spool may take up.

    Attributes:
        segment_bytes: a segment that has grown to this size is rolled over.
        total_bytes: of all files; a writer refuses frames beyond it, and what is oldest goes first, counted.
        age_days: what was written longer ago goes, counted.
        roll_seconds: a segment with ended things in it is rolled over when it is this old.
    """

    segment_bytes: int = 8 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    age_days: float = 7.0
    roll_seconds: float = 5.0


class SpoolFullError(OSError):
    """The spool holds as much as it may.

    Args:
        total_bytes: how much that is.
    """

    def __init__(self, total_bytes: int) -> None:
        super().__init__(errno.ENOSPC, f"the spool holds its limit of {total_bytes} bytes")
