"""What the spans of others ask of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.tracing._shared import Redacts


class Scene(Protocol):
    """The open spans of a recording, for the spans of others that nest under them."""

    recording: Recording

    @property
    def redactor(self) -> Redacts:
        """What hides secrets."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether something is recorded, in this process."""
        ...

    def holds(self, span: SpanRecord) -> bool:
        """Tell whether a span is one of the open ones."""
        ...

    def enclosing(self) -> SpanRecord | None:
        """Return the span of the runtime that what happens here belongs to."""
        ...
