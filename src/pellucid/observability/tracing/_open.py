"""What tracing keeps with a span of the runtime while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pellucid.observability.recording import Recording
    from pellucid.observability.records import SpanRecord
    from pellucid.observability.tracing._context import Attached
    from pellucid.observability.tracing._encoding import Redacts

ATTACHED = "tracing"


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

    def enclosing(self) -> SpanRecord | None:
        """Return the span of the runtime that what happens here belongs to."""
        ...


class OpenSpan:
    """A span of the runtime that is open.

    Attributes:
        scene: of its recording.
        pid: of the process that it was opened in.
        payload: of its start.
        attached: what made it the current one of OpenTelemetry.
    """

    __slots__ = ("attached", "payload", "pid", "scene")

    def __init__(self, scene: Scene, pid: int, payload: bytes) -> None:
        self.scene = scene
        self.pid = pid
        self.payload = payload
        self.attached: Attached | None = None

    def __reduce__(self) -> tuple[type[object], tuple[()]]:
        return object, ()
