"""Which runs are going on in other processes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pellucid.observability.recording import STREAM_METRICS

if TYPE_CHECKING:
    from pellucid.observability.spool import SpoolFolder


def running_elsewhere(spool: SpoolFolder) -> Counter[str]:
    """Return how many runs other living processes are at, by pipeline; a killed one is at none.

    Raises:
        OSError: of the disk.
    """
    from pellucid.observability.metrics import run_started

    started = (run_started(payload) for payload in spool.open_elsewhere(STREAM_METRICS))
    return Counter(pipeline for pipeline in started if pipeline is not None)
