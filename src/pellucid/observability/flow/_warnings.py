"""Tells people that something does not arrive: once for each signal of a session."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pellucid.observability.flow._parts import NO_TIME
from pellucid.observability.flow._spool import names_in

if TYPE_CHECKING:
    from pellucid.observability.flow._deliver import Delivered, Delivery

_NOUNS = {"traces": "spans", "logs": "log records"}
_PATIENCE_SECONDS = 60.0
"""How long a backend may fail before it is told of in the middle of a session."""

_logger = logging.getLogger("pellucid.telemetry")


class DeliveryWarnings:
    """Warns of what the backend refuses, at once, and of what it does not take, at the end or when that goes on."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def note(self, delivery: Delivery, done: Delivered) -> None:
        """Take account of a delivery."""
        noun = _NOUNS[delivery.signal]
        if done.refused:
            lost = f"{done.refused} {noun} were refused by the backend for good, and are in quarantine"
            self._warn(delivery, lost, done.reason)
        elif done.rejected:
            self._warn(delivery, f"{done.rejected} {noun} were dropped by the backend", done.reason)
        elif done.reason and (done.is_barred or delivery.pace.failing_seconds > _PATIENCE_SECONDS):
            self._kept(delivery, done.reason)

    def end(self, delivery: Delivery) -> None:
        """Take account of the end of the session."""
        if names_in(delivery.queue):
            self._kept(delivery, delivery.pace.reason or NO_TIME)

    def _kept(self, delivery: Delivery, reason: str) -> None:
        place = delivery.queue.path.parent.parent
        self._warn(delivery, f"The {_NOUNS[delivery.signal]} are kept in {place}, not delivered", reason)

    def _warn(self, delivery: Delivery, what: str, reason: str) -> None:
        if delivery.signal not in self._told:
            self._told.add(delivery.signal)
            _logger.warning("%s: %s", what, reason)
