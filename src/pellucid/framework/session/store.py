"""Keeps what is known of a session."""

from __future__ import annotations

import logging
import os
from collections import UserDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._util.texts import text_of
from pellucid._util.timestamps import unique_timestamp
from pellucid.exceptions import SessionStoreError

__all__ = ["BaseSessionStore", "JSONSessionStore"]

_DEEPEST = 50

if TYPE_CHECKING:
    _Record = UserDict[str, Any]
else:
    _Record = UserDict


class BaseSessionStore(_Record):
    """A mapping that is gone with the process; base of those that keep it.

    Args:
        path: the folder for stores that keep it.
        session_id: of the session.
    """

    def __init__(self, path: str, session_id: str) -> None:
        self._path = path
        self._session_id = session_id
        super().__init__(self.read())

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    def read(self) -> dict[str, Any]:
        """Return what was saved for this session; here nothing ever is."""
        return {}

    def save(self) -> None:
        """Keep the mapping; here it is not kept."""


class JSONSessionStore(BaseSessionStore):
    """A mapping that is kept as ``<path>/<session_id>.json``.

    What JSON does not know is kept as text. The file is replaced as a whole, so that a reader, and whoever looks
    after a crash, finds either the old or the new one.
    """

    @property
    def location(self) -> Path:
        """The file."""
        name = "".join(each if each.isalnum() or each in "-_." else f"%{ord(each):02x}" for each in self._session_id)
        return Path(self._path) / f"{name}.json"

    def read(self) -> dict[str, Any]:
        """Return what the file has; one that cannot be read is set aside, with a warning."""
        import json

        try:
            content = json.loads(self.location.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            return self._set_aside(error)
        return content if isinstance(content, dict) else self._set_aside(f"it holds a {type(content).__name__}")

    def _set_aside(self, problem: object) -> dict[str, Any]:
        aside = self.location.with_name(f"{self.location.name}.corrupt")
        try:
            self.location.replace(aside)
        except OSError as error:
            self._logger.warning("The session's file %s cannot be used: %s; %s", self.location, problem, error)
        else:
            self._logger.warning("The session's file cannot be used, and is now %s: %s", aside, problem)
        return {}

    def prepare(self) -> None:
        """Make the folder, so that what is wrong with it shows before a run rather than after.

        Raises:
            SessionStoreError: there can be no such folder, or nothing can be written to it.
        """
        folder = self.location.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._error(error) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise self._error("permission denied")

    def save(self) -> None:
        """Write the file.

        Raises:
            SessionStoreError: it cannot be written; the old one, if any, is still there.
        """
        import json

        text = json.dumps(_plain(self.data), indent=2, ensure_ascii=False)
        try:
            self._write(text)
        except OSError as error:
            raise self._error(error) from error

    def _error(self, problem: object) -> SessionStoreError:
        if isinstance(problem, OSError):
            problem = problem.strerror or problem
        return SessionStoreError(
            f"The record of this session cannot be saved as {self.location}: {problem}. "
            "SESSION_STORE_ARGS in settings.py says where it is kept ('path')."
        )

    def _write(self, text: str) -> None:
        self.location.parent.mkdir(parents=True, exist_ok=True)
        draft = self.location.with_name(f".{self.location.name}.{unique_timestamp()}.tmp")
        try:
            with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.location)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON can have it."""
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, float) and value - value == 0:
        return float(value)
    if depth < _DEEPEST:
        if isinstance(value, (dict, UserDict)):
            return {
                key if isinstance(key, str) else text_of(key): _plain(each, depth + 1) for key, each in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(each, depth + 1) for each in value]
    return text_of(value)
