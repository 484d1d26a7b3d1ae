"""What the plugins of a session share in one process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pellucid._util.values import values
from pellucid.observability.guard import Guard
from pellucid.observability.records import Clock, Ids
from pellucid.observability.redaction import Redactor, secrets_in, secrets_of_environment, secrets_of_headers
from pellucid.observability.spool import BUNDLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pellucid.observability.options import Options
    from pellucid.observability.records import Bundle, SpanRecord
    from pellucid.observability.redirection import Redirection
    from pellucid.observability.spool import Losses

__all__ = ["STREAM_BUNDLES", "STREAM_LOGS", "STREAM_METRICS", "STREAM_SPANS", "Outcome", "Recording", "Spool"]

STREAM_SPANS = 1
"""Frames whose payload is an OTLP ``Span``."""
STREAM_METRICS = 2
"""Frames whose payload is an event to count, as JSON."""
STREAM_LOGS = 3
"""Frames whose payload is an OTLP ``LogRecord``."""

STREAM_BUNDLES = BUNDLE | STREAM_SPANS
"""Frames whose payload is a node with its loads and saves."""


class Bundles(Protocol):
    """Makes bundles."""

    def expect(self, nodes: Sequence[Any]) -> None:
        """Take note of the nodes that are likely to come, in this order."""
        ...

    def begin(self, node: SpanRecord, loads: Sequence[str], saves: Sequence[str]) -> Bundle | None:
        """Return one for a node that begins, and for what it will load and save; None if it is no common one."""
        ...


class Spool(Protocol):
    """Where frames go; never raises."""

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        """Keep the start of something, known by eight bytes."""
        ...

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        """Keep the end of something, or something that has no start."""
        ...

    def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
        """Keep starts and ends, all or none of them: for each its kind, its stream, its key and its payload."""
        ...


class _NoSpool:
    """Keeps nothing."""

    def start(self, stream: int, key: bytes, payload: bytes) -> None:
        """Do nothing."""

    def end(self, stream: int, key: bytes, payload: bytes) -> None:
        """Do nothing."""

    def keep(self, records: Sequence[tuple[int, int, bytes, bytes]]) -> None:
        """Do nothing."""


@values(frozen=True)
class Outcome:
    """What became of what was recorded, at the end of a session.

    Attributes:
        spans: recorded by this session, in all its processes.
        delivered: of these, accepted by the backend.
        kept: of these, in the spool, for whoever comes next.
        dropped: of these, lost.
        quarantined: of these, refused by the backend for good; they are set aside in the spool.
        is_sent: whether anything is configured to be delivered anywhere.
        place: where the kept ones, or the history, are.
    """

    spans: int = 0
    delivered: int = 0
    kept: int = 0
    dropped: int = 0
    quarantined: int = 0
    is_sent: bool = False
    place: str = ""


@dataclass(eq=False)
class Recording:
    """The services of one session in one process; travels to a worker process by pickle, without the spool.

    Attributes:
        options: the settings in force.
        project_path: the root of the project.
        package: the project's package.
        session_id: of the session.
        resource: attributes of the resource, by their standard names.
        clock: of all records.
        ids: of all records.
        guard: calls what may fail.
        spool: where frames go.
        is_worker: whether this is a worker process.
        secrets: texts of the credentials configuration, not to be shown; filled when the catalog is built.
        provenance: attributes that tell the commit and branch of the project.
        problems: mistakes in the configuration, which keep nothing from running.
        redirection: where it is recorded instead, for a test.
        bundles: makes one of a node with its loads and saves; None where each is kept on its own.
        losses: counts what the other processes of the session could not keep; None before it has a spool.
        ends_at: of ``time.monotonic``: how long the end of the session may take; None before it comes.
    """

    options: Options
    project_path: Path
    package: str
    session_id: str
    resource: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    ids: Ids = field(default_factory=Ids)
    guard: Guard = field(default_factory=Guard)
    spool: Spool = field(default_factory=_NoSpool)
    is_worker: bool = False
    secrets: set[str] = field(default_factory=set, repr=False)
    provenance: dict[str, str] = field(default_factory=dict)
    problems: tuple[Any, ...] = ()
    redirection: Redirection | None = None
    losses: Losses | None = None
    bundles: Bundles | None = field(default=None, repr=False)
    ends_at: float | None = None
    _redactor: Redactor | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "spool": _NoSpool(), "guard": Guard(), "bundles": None, "_redactor": None}

    @property
    def redactor(self) -> Redactor:
        """What hides secrets, those of the credentials among them."""
        if self._redactor is None:
            self._redactor = Redactor(self.options.redaction, self.secrets | self._given_secrets())
        return self._redactor

    def hide(self, credentials: Any) -> None:
        """Hide every text that occurs as a value in a credentials configuration, from now on."""
        # The project may have set more variables by now.
        found = (secrets_in(credentials) | secrets_of_environment(os.environ)) - self.secrets
        if found:
            self.secrets |= found
            self.redactor.add_secrets(found)

    def _given_secrets(self) -> set[str]:
        """Return the secrets that the settings and the environment have."""
        options = self.options
        headers = [*options.tracing.otlp.headers.values(), *options.logging.otlp.headers.values()]
        return secrets_of_headers(headers) | secrets_of_environment(os.environ)

    def path(self, given: Path) -> Path:
        """Return a path of the options, made absolute."""
        return (self.project_path if self.redirection is None else self.redirection.base) / given

    def redirect(self, redirection: Redirection) -> None:
        """Record elsewhere, before anything was recorded."""
        self.redirection = redirection
        self.clock = redirection.clock or self.clock
        self.ids = redirection.ids or self.ids
