"""Signs of life: when a process, and a session of several, was last heard of."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pellucid.observability.spool._layout import ACTIVE, files_in, parse
from pellucid.observability.spool._liveness import give_sign, is_dead, is_own
from pellucid.observability.spool._sealing import examine
from pellucid.observability.spool._segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pellucid.observability.spool._sealing import Findings


class LastSigns:
    """When sessions that were killed were last heard of.

    Their processes died together, at the last sign of life of any of them.

    Args:
        root: the folder of the spool.
        paths: the last segment of each process.
    """

    def __init__(self, root: Path, paths: Iterable[Path]) -> None:
        self._root = root
        self._paths = tuple(paths)
        self._sessions: dict[Path, str] = {}
        self._ends: dict[str, int] = {}

    def of(self, path: Path, found: Findings) -> int:
        """Return when what a dead process left open has ended.

        Args:
            path: its last segment.
            found: what is in that.

        Raises:
            OSError: of the disk.
        """
        session = self._session(path)
        if session and session not in self._ends:
            self._ends[session] = max(self._signs(session), default=0)
        return max(found.last_ns, self._ends.get(session, 0))

    def _signs(self, session: str) -> Iterator[int]:
        for path in self._paths:
            if self._session(path) == session:
                with contextlib.suppress(FileNotFoundError):
                    found = examine(path)
                    # One that ended in order says nothing of when the others were killed.
                    yield 0 if found.is_finished else found.last_ns

    def _session(self, path: Path) -> str:
        """Return the session of a dead process."""
        found = self._sessions.get(path)
        if found is None:
            # One of this process must not even be opened.
            is_left = is_dead(path, parse(path.name).pid)
            found = self._sessions[path] = _session_of(Segment(self._root, path)) if is_left else ""
        return found


class Pulse:
    """Gives signs for all living processes of a session.

    Args:
        root: the folder of the spool.
        session_id: of the session.
    """

    def __init__(self, root: Path, session_id: str) -> None:
        self._root = root
        self._session_id = session_id
        self._processes: dict[str, bool] = {}  # by name, whether it is of the session

    def beat(self, now_ns: int) -> None:
        """Give a sign for each.

        Args:
            now_ns: by the clock that their frames have their times from.

        Raises:
            OSError: of the disk.
        """
        entries = [self._root / ACTIVE / entry.name for entry in files_in(self._root / ACTIVE)]
        last = {parse(path.name).process: path for path in entries}
        for process, path in last.items():
            with contextlib.suppress(FileNotFoundError):
                if self._is_ours(process, path):
                    give_sign(path, now_ns)

    def _is_ours(self, process: str, path: Path) -> bool:
        # One of this process must not even be opened.
        if is_own(path.stat()):
            return True
        if is_dead(path, parse(path.name).pid):
            return False
        if process not in self._processes:
            self._processes[process] = _session_of(Segment(self._root, path)) == self._session_id
        return self._processes[process]


def _session_of(segment: Segment) -> str:
    try:
        found = segment.header.get("session_id")
    except FileNotFoundError:
        return ""
    return found if isinstance(found, str) else ""
