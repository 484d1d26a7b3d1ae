"""Takes what is logged with structlog to stdlib logging, and so through the same processors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pellucid.observability.logs._processors import FIELDS

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["StructlogBridge", "configure_structlog", "to_stdlib"]


def to_stdlib(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for a stdlib logger; structlog's fields travel with the record.

    To be the last of structlog's processors.
    """
    passed = {str(key): event.pop(key) for key in ("exc_info", "stack_info", "stacklevel") if key in event}
    text = event.pop("event", "")
    return ("%s", text), {**passed, "extra": {FIELDS: dict(event)}}


def configure_structlog() -> None:
    """Configure structlog so that its lines are as all others; what was configured before is replaced."""
    import structlog

    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, to_stdlib],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


class StructlogBridge:
    """Configures structlog once the project has imported it, unless the project has configured it itself."""

    def __init__(self) -> None:
        self._is_settled = False
        self._is_ours = False

    def look(self) -> None:
        """See whether structlog was imported by now; costs next to nothing."""
        if self._is_settled or "structlog" not in sys.modules:
            return
        import structlog

        if not hasattr(structlog, "is_configured"):  # it is being imported by another thread
            return
        self._is_settled = True
        if not structlog.is_configured():
            configure_structlog()
            self._is_ours = True

    def undo(self) -> None:
        """Leave structlog unconfigured, if that is how it was found, and if nobody configured it since."""
        if not self._is_ours:
            return
        import structlog

        if to_stdlib in structlog.get_config()["processors"]:
            structlog.reset_defaults()
        self._is_ours = self._is_settled = False
