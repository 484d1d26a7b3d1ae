"""Log records that there are when the spool is closed: what is said about the delivery itself."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pellucid.observability.hooks._opening import open_spool
from pellucid.observability.recording import STREAM_LOGS
from pellucid.observability.semconv import Attr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.recording import Recording

__all__ = ["LateRecords"]

_SCOPE = "pellucid"
_LEAST_SECONDS = 0.02  # with less time a request would only be cut off, and perhaps be delivered twice


class LateRecords:
    """Takes the place of the spool; what it is given is sent in a request of its own.

    Args:
        recording: of the session.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._ends: list[tuple[int, bytes, bytes]] = []

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        """Do nothing: log records have no start."""

    def start_all(self, key: bytes, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Do nothing: log records have no start."""

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        """Take a record."""
        if stream == STREAM_LOGS:
            self._ends.append((stream, key, payload))

    def end_all(self, key: bytes, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Take records."""
        for stream, payload in payloads:
            self.end(stream, key, payload)

    def settle(self) -> None:
        """Send them while there is time; what the backend does not take now is kept for the next delivery."""
        if self._ends and not self._is_settled_by_backend():
            writer = open_spool(self._recording)
            for each in self._ends:
                writer.end(*each)
            writer.close()
        self._ends.clear()

    def _is_settled_by_backend(self) -> bool:
        from pellucid.observability.export.otlp import Accepted, Refused, send
        from pellucid.observability.wire import encode_resource, logs_request

        recording = self._recording
        ends_at = recording.ends_at
        seconds = recording.options.exit_budget_seconds if ends_at is None else ends_at - time.monotonic()
        if seconds < _LEAST_SECONDS:
            return False
        resource = encode_resource({**recording.resource, Attr.PROCESS_PID: os.getpid()})
        body = logs_request(resource, [(_SCOPE, "", [payload for _, _, payload in self._ends])])
        return isinstance(send(body, recording.options.logging.otlp, "logs", seconds), (Accepted, Refused))
