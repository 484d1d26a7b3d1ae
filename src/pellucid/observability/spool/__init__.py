"""Durable frames in files of one process each, that outlive it, and are collected by whoever comes next."""

from __future__ import annotations

from pellucid.observability.spool._exclusion import SpoolBusy
from pellucid.observability.spool._folder import SpoolFolder, SpoolStatus
from pellucid.observability.spool._frames import BUNDLE, Frame, FrameKind, counted_in
from pellucid.observability.spool._limits import Limits
from pellucid.observability.spool._losses import Losses
from pellucid.observability.spool._outbox import Kept, OutboxQueue
from pellucid.observability.spool._segment import Segment
from pellucid.observability.spool._signs import Pulse
from pellucid.observability.spool._writer import SegmentWriter

__all__ = [
    "BUNDLE",
    "Frame",
    "FrameKind",
    "Kept",
    "Limits",
    "Losses",
    "OutboxQueue",
    "Pulse",
    "Segment",
    "SegmentWriter",
    "SpoolBusy",
    "SpoolFolder",
    "SpoolStatus",
    "counted_in",
]
