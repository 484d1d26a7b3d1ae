"""A pool of processes that knows tasks by number, and nothing of pipelines."""

from __future__ import annotations

from pellucid.runner._pool._child import waited_seconds
from pellucid.runner._pool._outcomes import Done, Failed, Lost, Outcome
from pellucid.runner._pool._pool import WorkerPool

__all__ = ["Done", "Failed", "Lost", "Outcome", "WorkerPool", "waited_seconds"]
