"""Takes what is logged with structlog to stdlib logging, and so through the same processors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pellucid._util.arrival import Arrival
from pellucid.observability.logs._processors import FIELDS

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, MutableMapping

    from pellucid.observability.guard import Guard

__all__ = ["StructlogBridge", "configure_structlog", "to_stdlib"]

_MODULE = "structlog"
_PART = "logging"


def to_stdlib(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for a stdlib logger; structlog's fields travel with the record.

    To be the last of structlog's processors.
    """
    passed = {str(key): event.pop(key) for key in ("exc_info", "stack_info", "stacklevel") if key in event}
    text = event.pop("event", "")
    return ("%s", text), {**passed, "extra": {FIELDS: dict(event)}}


def configure_structlog(hear: Callable[[logging.Logger], None] | None = None) -> None:
    """Configure structlog so that its lines are as all others; what was configured before is replaced.

    Args:
        hear: called with each stdlib logger that is logged with, before it decides by its level.
    """
    import structlog

    # This module asks on behalf of whoever logs, whose name the logger gets.
    factory = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, to_stdlib],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=factory if hear is None else _HeardLoggers(factory, hear),
        cache_logger_on_first_use=False,
    )


class _HeardLoggers:
    """Makes stdlib loggers, each of which somebody hears of."""

    def __init__(self, make: Callable[..., logging.Logger], hear: Callable[[logging.Logger], None]) -> None:
        self._make = make
        self._hear = hear

    def __call__(self, *given: Any) -> logging.Logger:
        logger = self._make(*given)
        self._hear(logger)
        return logger


class StructlogBridge:
    """Configures structlog as soon as the project imports it, unless the project has configured it itself.

    Args:
        hear: as for ``configure_structlog``.
        guard: takes what goes wrong in the middle of that import.
    """

    def __init__(self, hear: Callable[[logging.Logger], None], guard: Guard) -> None:
        self._hear = hear
        self._arrival = Arrival(_MODULE, lambda: guard.call(_PART, self.look))
        self._is_settled = False
        self._is_ours = False

    def open(self) -> None:
        """Begin."""
        self.look()
        if not self._is_settled:
            self._arrival.install()

    def look(self) -> None:
        """See whether structlog was imported by now; costs next to nothing."""
        if self._is_settled or _MODULE not in sys.modules:
            return
        import structlog

        if not hasattr(structlog, "is_configured"):  # it is being imported by another thread
            return
        self._is_settled = True
        if not structlog.is_configured():
            configure_structlog(self._hear)
            self._is_ours = True

    def undo(self) -> None:
        """Leave structlog unconfigured, if that is how it was found, and if nobody configured it since."""
        self._arrival.remove()
        self._is_settled = True
        if not self._is_ours:
            return
        import structlog

        if to_stdlib in structlog.get_config()["processors"]:
            structlog.reset_defaults()
        self._is_ours = False
