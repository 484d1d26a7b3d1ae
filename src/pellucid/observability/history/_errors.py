"""What goes wrong with the run history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.exceptions import PellucidError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class HistoryError(PellucidError):
    """The run history cannot be used at the moment."""


class NewerHistoryError(HistoryError):
    """The run history was written by a later version; nothing of it is changed.

    Args:
        path: the file.
        version: of its schema.
        known: the latest version that is understood here.
    """

    def __init__(self, path: Path, version: int, known: int) -> None:
        self.path, self.version, self.known = path, version, known
        super().__init__(
            f"The run history {path} has schema version {version}; this pellucid understands up to version {known}. "
            "It was left as it is. Use the later pellucid that wrote it, or move the file away to begin a new one."
        )


class NoSuchRunError(HistoryError, LookupError):
    """No run fits what was asked for, or more than one does.

    Args:
        text: what was asked for.
        candidates: run ids that fit, if several do.
        nearest: run ids that look like it, if none does.
    """

    def __init__(self, text: str, candidates: Sequence[str] = (), nearest: Sequence[str] = ()) -> None:
        self.text, self.candidates, self.nearest = text, tuple(candidates), tuple(nearest)
        super().__init__(_told(text, self.candidates, self.nearest))


def _told(text: str, candidates: Sequence[str], nearest: Sequence[str]) -> str:
    if candidates:
        return f"Several runs begin with '{text}': {', '.join(candidates)}. Give more of the id."
    if text == "last":
        return "There is no run in the history yet."
    if text == "last-failed":
        return "There is no run in the history that did not succeed."
    if not nearest:
        return f"There is no run '{text}'. See 'pellucid runs list'."
    return f"There is no run '{text}'. Did you mean {' or '.join(repr(each) for each in nearest)}?"
