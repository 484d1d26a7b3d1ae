"""Identifiers of sessions, runs and versions."""

from __future__ import annotations

import os
import time

TIMESTAMP_FORMAT = "%Y-%m-%dT%H.%M.%S.%fZ"
"""How the part of an identifier up to and with ``Z`` reads, in the terms of ``datetime.strptime`` (UTC)."""


def unique_timestamp() -> str:
    """Return an identifier such as ``2026-11-22T03.00.00.123456Z-789b1f0c5a7d3e2``.

    Text order is the order of time, to the nanosecond (three of the digits after the ``Z``); 48 random bits tell
    apart what several processes draw in the same nanosecond. Safe as a file name, also where case does not count.
    """
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    day = time.strftime("%Y-%m-%dT%H.%M.%S", time.gmtime(seconds))
    microseconds, rest = divmod(nanoseconds, 1000)
    return f"{day}.{microseconds:06d}Z-{rest:03d}{os.urandom(6).hex()}"
