"""How much the spool keeps, and how long a segment is written to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
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
