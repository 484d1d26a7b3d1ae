"""What can become of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.exceptions import WorkerLostError


@dataclass(frozen=True)
class Done:
    """The task ``index`` returned ``value``."""

    index: int
    value: object


@dataclass(frozen=True)
class Failed:
    """The task ``index`` raised ``error``, whose cause is its traceback in the worker."""

    index: int
    error: BaseException


@dataclass(frozen=True)
class Lost:
    """The worker process ended while the task ``index`` was at work."""

    index: int
    error: WorkerLostError


Outcome = Done | Failed | Lost
