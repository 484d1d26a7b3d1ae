"""Keeps why the last delivery of a signal failed, for whoever asks later."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pellucid._util.rows import Row

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.flow._deliver import Delivered

_MOST_BYTES = 4096
_AGAIN_SECONDS = 60.0
"""After so long the same failure is written down again, with its time."""


class Failure(Row):
    """Why a delivery failed, and when: in ISO 8601, UTC."""

    reason: str
    time: str


class LastFailure:
    """A small file with the last failure of one signal; there is none once a delivery succeeds.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = ""
        self._written_at = 0.0

    def note(self, done: Delivered) -> None:
        """Take account of a delivery.

        Raises:
            OSError: of the disk.
        """
        if done.is_busy:
            return
        if done.reason:
            self._write(done.reason)
        elif done.accepted:
            self._written = ""
            self._path.unlink(missing_ok=True)

    def read(self) -> Failure | None:
        """Return the last failure; None if there is none, or none that can be read."""
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(_MOST_BYTES))
            return Failure(str(found["reason"]), str(found["time"]))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def _write(self, reason: str) -> None:
        now = time.monotonic()
        if reason == self._written and now < self._written_at + _AGAIN_SECONDS:
            return
        moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, json.dumps({"time": moment, "reason": reason}).encode())
        finally:
            os.close(descriptor)
        self._written, self._written_at = reason, now
