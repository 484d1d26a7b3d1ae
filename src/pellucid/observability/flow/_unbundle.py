"""What is in a bundle, as frames of spans and metric events, each as it would have been on its own."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pellucid.observability.bundles import BadBundleError, pack_encoded, read
from pellucid.observability.recording import STREAM_METRICS, STREAM_SPANS
from pellucid.observability.spool import Frame, FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pellucid.observability.records import Result
    from pellucid.observability.tracing import SpansOfBundles

__all__ = ["Unbundling", "seal_bundle"]


class Unbundling:
    """Makes frames of bundles.

    Of what has only started come starts alone; what has ended in it by then says so.
    """

    @cached_property
    def _spans(self) -> SpansOfBundles:
        from pellucid.observability.tracing import SpansOfBundles

        return SpansOfBundles()

    def __call__(self, frame: Frame) -> Iterator[Frame]:
        """Yield what is in a bundle; one that cannot be read is one malformed span."""
        from pellucid.observability.metrics import event_of_node

        kind, _, key, time_ns, payload = frame
        try:
            contents = read(payload)
            spans = self._spans.of(contents)
        except BadBundleError:
            yield Frame(kind, STREAM_SPANS, key, time_ns, payload)
            return
        for span_id, _, body in spans:
            yield Frame(kind, STREAM_SPANS, span_id, time_ns, body)
        if contents.is_counted:
            event = event_of_node(contents.node, contents.datasets, is_start=kind == FrameKind.START)
            yield Frame(kind, STREAM_METRICS, key, time_ns, event)


def seal_bundle(start: bytes, time_ns: int, result: Result) -> bytes:
    """Return the end of a bundle that a dead process left open."""
    from pellucid.observability.tracing import SpansOfBundles, sealed_spans

    try:
        contents = read(start)
    except BadBundleError:
        return start
    labels = {each.dataset: each.label for each in contents.datasets}
    spans = sealed_spans(SpansOfBundles().of(contents), time_ns, result)
    return pack_encoded(spans, labels, is_counted=contents.is_counted)
