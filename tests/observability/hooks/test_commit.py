"""The commit of a project, read from its repository's files."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from pellucid.observability.hooks._commit import commit_of

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "work/main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_commit_and_branch_are_those_that_git_tells(repository: Path) -> None:
    project = repository / "projects" / "one"
    project.mkdir(parents=True)
    assert commit_of(project) == (git(repository, "rev-parse", "HEAD"), "work/main")


def test_a_packed_reference_is_found(repository: Path) -> None:
    git(repository, "pack-refs", "--all")
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD"), "work/main")


def test_a_commit_that_is_checked_out_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert commit_of(repository) == (git(repository, "rev-parse", "HEAD"), "")


def test_a_worktree_has_its_own_head(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "side")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "second")
    assert commit_of(tmp_path / "other") == (git(tmp_path / "other", "rev-parse", "HEAD"), "side")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("", ("", "")),
        ("nonsense", ("", "")),
        ("ref: refs/heads/none", ("", "none")),
        ("ref: refs/heads/bad", ("", "bad")),
        ("\xff\xfe", ("", "")),
    ],
)
def test_a_broken_repository_is_none(head: str, found: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "refs" / "heads" / "bad").write_text("not a commit")
    (tmp_path / ".git" / "packed-refs").write_text("# comment\nbad refs/heads/none\n")
    (tmp_path / ".git" / "HEAD").write_text(head, encoding="latin-1")
    assert commit_of(tmp_path) == found


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert commit_of(tmp_path) == ("", "")
