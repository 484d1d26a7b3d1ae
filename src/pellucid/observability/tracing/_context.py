"""Whether OpenTelemetry is loaded, and what is asked of it only then."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "opentelemetry.trace"
_CONTEXT = "opentelemetry.context"
_SUPPRESS = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")


def is_loaded() -> bool:
    """Tell whether OpenTelemetry's API is loaded."""
    return API in sys.modules


@contextlib.contextmanager
def suppressed() -> Iterator[None]:
    """Keep instrumentations of OpenTelemetry from recording what is done in a block: for exporters."""
    if _CONTEXT not in sys.modules:
        yield
        return
    from opentelemetry import context

    quiet = context.get_current()
    for name in _SUPPRESS:
        key = getattr(context, name, None)
        if key is not None:
            quiet = context.set_value(key, value=True, context=quiet)
    token = context.attach(quiet)
    try:
        yield
    finally:
        context.detach(token)
