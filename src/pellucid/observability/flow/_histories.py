"""The run histories of a project: its environments may keep theirs in different files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pellucid.observability.history import HistoryStore
    from pellucid.observability.recording import Recording
    from pellucid.observability.spool import Segment

_BUSY_SECONDS = 1.0
"""How long other processes are waited for."""


class Histories:
    """Takes each segment into the history that its own session was configured with, whoever collects it.

    Args:
        recording: of this session.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._stores: dict[Path, HistoryStore] = {}

    @property
    def own(self) -> HistoryStore:
        """The one of this session."""
        return self._at(self._recording.options.history.path)

    def take(self, segment: Segment) -> None:
        """Add the spans of a segment, once; those of a session that was to have no history are left out."""
        place = segment.header.get("history")
        if isinstance(place, str) and place:
            self._at(Path(place)).take(segment.as_kept())
        elif place is True and self._recording.options.history.enabled:
            # Its header cannot be read.
            self.own.take(segment.as_kept())

    def _at(self, path: Path) -> HistoryStore:
        from pellucid.observability.history import HistoryStore

        if path not in self._stores:
            self._stores[path] = HistoryStore(self._recording.path(path), busy_seconds=_BUSY_SECONDS)
        return self._stores[path]
