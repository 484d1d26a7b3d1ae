"""Which commit a project is at, read from the files of its repository: no process is started for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["commit_of"]

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST = 4_000_000


def commit_of(project_path: Path) -> tuple[str, str]:
    """Return the commit and the branch that are checked out around a folder; empty texts where there are none."""
    try:
        folder = _repository(project_path)
        return ("", "") if folder is None else _head(folder)
    except (OSError, ValueError):
        return "", ""


def _repository(path: Path) -> Path | None:
    for folder in (path, *path.parents):
        found = folder / ".git"
        if found.is_dir():
            return found
        if found.is_file():  # a worktree or submodule
            _, _, target = found.read_text(encoding="utf-8").partition("gitdir:")
            return folder / target.strip()
    return None


def _head(folder: Path) -> tuple[str, str]:
    head = (folder / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return (head, "") if _HASH.fullmatch(head) else ("", "")
    name = head.partition(":")[2].strip()
    common = folder / "commondir"
    shared = folder / common.read_text(encoding="utf-8").strip() if common.is_file() else folder
    return _resolved(shared, name), name.removeprefix("refs/heads/")


def _resolved(folder: Path, name: str) -> str:
    loose = folder / name
    if loose.is_file():
        found = loose.read_text(encoding="utf-8").strip()
        return found if _HASH.fullmatch(found) else ""
    packed = folder / "packed-refs"
    if packed.is_file() and packed.stat().st_size <= _LONGEST:
        for line in packed.read_text(encoding="utf-8").splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name and _HASH.fullmatch(commit):
                return commit
    return ""
