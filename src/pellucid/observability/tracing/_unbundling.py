"""The spans that are in a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.observability.options import TracingOptions
from pellucid.observability.tracing._encoding import LOST, SpanEncoder, seal

if TYPE_CHECKING:
    from pellucid.observability.bundles import Contents
    from pellucid.observability.records import Result, RunScope

__all__ = ["SpansOfBundles", "sealed_spans"]

_NO_LIMIT = 1 << 31


class _AsItIs:
    """Hides nothing: what is in a bundle was looked at when it was written."""

    version = 0

    def text(self, text: str) -> str:
        return text

    def lines(self, text: str, length: int) -> str:
        return text[:length]

    def attribute(self, key: str, value: Any) -> Any:
        del key
        return value

    def exception(self, error: BaseException) -> tuple[str, str, str]:
        return type(error).__name__, "", ""


class SpansOfBundles:
    """Encodes the spans of bundles, each as it would have been on its own."""

    def __init__(self) -> None:
        options = TracingOptions(attribute_count_limit=_NO_LIMIT, attribute_value_length_limit=_NO_LIMIT)
        self._encoder = SpanEncoder(_AsItIs(), options)
        # One object of each, by which the encoder knows what it has encoded before.
        self._scopes: dict[RunScope, RunScope] = {}

    def of(self, contents: Contents) -> list[tuple[bytes, bool, bytes]]:
        """Return of each span its id, whether it has ended, and its bytes; the node's comes last."""
        if contents.encoded:
            return [*contents.encoded]
        encoder, found = self._encoder, []
        scope = self._scopes.setdefault(contents.node.scope, contents.node.scope)
        for span in (*contents.datasets, contents.node):
            span.scope = scope
            start = encoder.start(span)
            is_ended = span.ended_ns > 0
            found.append((span.span_id, is_ended, encoder.end(span, start) if is_ended else start))
        return found


def sealed_spans(
    spans: list[tuple[bytes, bool, bytes]], time_ns: int, result: Result = "error"
) -> list[tuple[bool, bytes]]:
    """Return spans of a bundle whose process died, those that were open as it left them: lost."""
    return [(True, body if is_ended else seal(body, time_ns, LOST, result)) for _, is_ended, body in spans]
