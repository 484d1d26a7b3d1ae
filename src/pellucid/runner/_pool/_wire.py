"""The messages between a pool and its workers: one byte for the kind, eight for the task, then a body.

Parent to worker: a plan (once, unless it was inherited by fork), then tasks. Worker to parent: the kinds
below.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

_HEAD = struct.Struct("!Bq")
_TASK = struct.Struct("!qd")


class Kind(enum.IntEnum):
    """What a worker says."""

    NEEDS_PLAN = 1
    READY = 2
    UNFIT = 3  # setting up raised; the body is the error
    DONE = 4  # the body is the pickled value, or nothing for None
    FAILED = 5  # the body is the error


@dataclass(frozen=True)
class Message:
    """One message of a worker."""

    kind: Kind
    index: int
    body: bytes


def encode(kind: Kind, index: int = 0, body: bytes = b"") -> bytes:
    """Return the bytes of a message."""
    return _HEAD.pack(kind, index) + body


def decode(message: bytes) -> Message:
    """Return the message of these bytes; raises ``ValueError`` or ``struct.error`` if they are none."""
    kind, index = _HEAD.unpack_from(message)
    return Message(Kind(kind), index, message[_HEAD.size :])


def encode_task(index: int, waited: float) -> bytes:
    """Return the bytes by which a worker is told to do a task, and for how many seconds it has waited."""
    return _TASK.pack(index, waited)


def decode_task(message: bytes) -> tuple[int, float]:
    """Return the number of the task to do, and the seconds that it has waited."""
    index, waited = _TASK.unpack(message)
    return index, waited
