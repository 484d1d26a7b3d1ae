"""The handler that a ``logging.yml`` may name: log lines in colour where somebody looks, plain ones elsewhere."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

__all__ = ["RichHandler"]

_PLAIN_FORMAT = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"
_RICH_ONLY = "rich_tracebacks"


class RichHandler(logging.Handler):
    """Writes through ``rich`` on a terminal where that package is installed, else plain lines that never wrap.

    Args:
        args: passed on to ``rich.logging.RichHandler``.
        kwargs: the same; those that start with ``rich_tracebacks_`` configure how tracebacks are shown.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        level = kwargs.pop("level", logging.NOTSET)
        super().__init__(level)
        rich = _rich_handler(*args, **kwargs) if sys.stderr.isatty() else None
        self._delegate = rich if rich is not None else _plain_handler()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        if self.formatter is not None:
            self._delegate.formatter = self.formatter
        self._delegate.emit(record)


def _plain_handler() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_PLAIN_FORMAT))
    return handler


def _rich_handler(*args: Any, **kwargs: Any) -> logging.Handler | None:
    """Return rich's handler on stderr, or None where rich is not installed."""
    try:
        rich_logging = importlib.import_module("rich.logging")
        console = importlib.import_module("rich.console").Console(stderr=True)
    except ImportError:
        return None
    options = {"console": console, "markup": False, "show_path": False, **kwargs}
    traceback_options = {key: options.pop(key) for key in list(options) if key.startswith(f"{_RICH_ONLY}_")}
    options.update({key.removeprefix("rich_"): value for key, value in traceback_options.items()})
    handler: logging.Handler = rich_logging.RichHandler(*args, **options)
    return handler
