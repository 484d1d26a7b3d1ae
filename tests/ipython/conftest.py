"""Every test leaves the process as it found it."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.cli import make_project

from pellucid.framework.project import _state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def process_as_found(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what configuring a project does to the process."""
    for name in ("PELLUCID_ENV", "KEDRO_ENV", "PELLUCID_LOGGING_CONFIG", "KEDRO_LOGGING_CONFIG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    path, modules, variables = list(sys.path), set(sys.modules), dict(os.environ)
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    project = _state.process.project
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("demo_project", "plugin_", "own_")):
            del sys.modules[name]
    os.environ.clear()
    os.environ.update(variables)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    _state.process.project = project
    _state.process.logging_config, _state.process.root_handlers = {}, ()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for installed distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder
