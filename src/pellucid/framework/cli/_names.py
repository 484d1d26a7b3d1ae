"""The names of a new project and of its parts."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass

_PROJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]+")
_REPO_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TAKEN = frozenset({"pellucid", "kedro"})


@dataclass(frozen=True)
class ProjectNames:
    """What a new project is called: for people, as a folder and distribution, and as a package."""

    project_name: str
    repo_name: str
    python_package: str


def names_from(project_name: str, repo_name: str | None = None, python_package: str | None = None) -> ProjectNames:
    """Return the three names of a project, the last two derived from the first where they are not given.

    Raises:
        ValueError: one of them cannot be used; the message says why.
    """
    name = project_name.strip()
    if not _PROJECT_NAME.fullmatch(name):
        raise ValueError(
            f"'{project_name}' cannot be the name of a project: it should have at least two letters, digits, blanks, "
            "'-' or '_', and begin with a letter or digit."
        )
    repo = repo_name or re.sub(r"[ ]+", "-", name).lower()
    if not _REPO_NAME.fullmatch(repo):
        raise ValueError(f"'{repo}' cannot be the name of a folder here: use letters, digits, '-', '_' and '.'.")
    package = python_package or re.sub(r"[ -]+", "_", name).lower()
    refuse_package_name(package)
    return ProjectNames(name, repo, package)


def refuse_package_name(package: str) -> None:
    """Raise ValueError, with the reason, unless a name can be that of a Python package of a project."""
    reason = None
    if not (package.isidentifier() and package.isascii()):
        reason = "it should have letters, digits and '_' alone, and begin with a letter"
    elif keyword.iskeyword(package):
        reason = "it is a word of the language Python"
    elif package in sys.stdlib_module_names:
        reason = "a module of Python's standard library has this name"
    elif package in _TAKEN:
        reason = "a library that the project needs has this name"
    if reason is not None:
        raise ValueError(f"'{package}' cannot be the name of a Python package: {reason}.")
