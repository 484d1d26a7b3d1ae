"""Log records that come once the end has begun, when the spool is closed: what is said about the delivery itself."""

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

__all__ = ["send_late"]

_SCOPE = "pellucid"
_LEAST_SECONDS = 0.02  # with less time a request would only be cut off, and perhaps be delivered twice


def send_late(recording: Recording, records: Sequence[bytes]) -> None:
    """Send records in a request of their own, while there is time; what is not taken is kept for the next delivery.

    Args:
        recording: of the session.
        records: encoded.
    """
    if not records or _is_settled_by_backend(recording, records):
        return
    writer = open_spool(recording)
    for each in records:
        writer.end(STREAM_LOGS, recording.ids.span_id(), each)
    writer.close()


def _is_settled_by_backend(recording: Recording, records: Sequence[bytes]) -> bool:
    from pellucid.observability.export.otlp import Accepted, Refused, send
    from pellucid.observability.wire import encode_resource, logs_request

    ends_at = recording.ends_at
    seconds = recording.options.exit_budget_seconds if ends_at is None else ends_at - time.monotonic()
    if seconds < _LEAST_SECONDS:
        return False
    resource = encode_resource({**recording.resource, Attr.PROCESS_PID: os.getpid()})
    body = logs_request(resource, [(_SCOPE, "", [*records])])
    return isinstance(send(body, recording.options.logging.otlp, "logs", seconds), (Accepted, Refused))
