"""Who started a session, from which commit and by which command."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 5.0
_COMMIT = "# branch.oid "
_SHORT = 7
_USER_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")


class GitQuestion:
    """Asks git for the commit of a folder; goes on meanwhile, and waits when the answer is read.

    Args:
        project_path: a folder; where neither it nor one above has a ``.git``, git is not started.
    """

    def __init__(self, project_path: Path) -> None:
        self._answer: dict[str, dict[str, Any]] | None = None
        self._path = project_path
        self._deadline = time.monotonic() + _TIMEOUT_SECONDS
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes] | None:
        is_repository = any((folder / ".git").exists() for folder in (self._path, *self._path.parents))
        if not is_repository and "GIT_DIR" not in os.environ:
            return None
        import subprocess

        command = ["git", "-C", str(self._path), "--no-optional-locks", "status", "--porcelain=v2", "--branch"]
        try:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            _logger.debug("git cannot be started: %s", error)
            return None

    def answer(self) -> dict[str, dict[str, Any]]:
        """Return ``{"git": {"commit_sha": …, "dirty": …}}``, or nothing where git does not know."""
        if self._answer is None:
            self._answer = self._read()
        return dict(self._answer)

    def _read(self) -> dict[str, dict[str, Any]]:
        process, self._process = self._process, None
        if process is None:
            return {}
        try:
            output, _ = process.communicate(timeout=max(self._deadline - time.monotonic(), 0.1))
        except Exception as error:
            _logger.debug("git does not answer: %s", error)
            process.kill()
            process.communicate()
            return {}
        return _parsed(output.decode(errors="replace")) if process.returncode == 0 else {}


def _parsed(status: str) -> dict[str, dict[str, Any]]:
    lines = status.splitlines()
    commit = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), "")
    if not commit or commit.startswith("("):
        return {}
    return {"git": {"commit_sha": commit[:_SHORT], "dirty": any(not line.startswith("#") for line in lines)}}


def _describe_git(project_path: Path) -> dict[str, dict[str, Any]]:
    """Return the short hash of a folder's commit, and whether files differ from it; nothing without git."""
    return GitQuestion(project_path).answer()


def _jsonify_cli_context(ctx: Any) -> dict[str, Any]:
    """Return what a click context says of the command: args, params, command_name, command_path."""
    return {
        "args": ctx.args,
        "params": ctx.params,
        "command_name": ctx.command.name,
        "command_path": " ".join(["pellucid", *sys.argv[1:]]),
    }


def cli_context() -> dict[str, Any]:
    """Return ``{"cli": …}`` for the command that is being run, or nothing outside of one."""
    click = sys.modules.get("click")
    if click is None:
        return {}
    ctx = click.get_current_context(silent=True)
    return {} if ctx is None else {"cli": _jsonify_cli_context(ctx)}


def username() -> dict[str, str]:
    """Return ``{"username": …}``, or nothing where the system does not know."""
    try:
        return {"username": _name_of_user()}
    except Exception as error:
        _logger.debug("The user's name is not known: %s", error)
        return {}


def _name_of_user() -> str:
    """Return what ``getpass.getuser`` does, which is slow to import."""
    named = next(filter(None, map(os.environ.get, _USER_VARIABLES)), None)
    if named is not None:
        return named
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
