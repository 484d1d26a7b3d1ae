"""Every test of the framework leaves the process as it found it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.framework import ProjectFolder, make_project

from pellucid.framework.project import _state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def untouched_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    process, root = _state.process, logging.getLogger()
    before = (process.project, process.logging_config, process.root_handlers, root.handlers[:], root.level)
    process.logging_config, process.root_handlers = {}, ()
    modules, path, python_path = set(sys.modules), sys.path[:], os.environ.get("PYTHONPATH")
    for name in ("KEDRO_ENV", "PELLUCID_ENV", "KEDRO_LOGGING_CONFIG", "PELLUCID_LOGGING_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    # A tool that measures tests deals with it in its own way.
    on_sigterm = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, on_sigterm)
    process.project, process.logging_config, process.root_handlers = before[:3]
    for handler in set(root.handlers) - set(before[3]):
        handler.close()
    root.handlers[:] = before[3]
    root.setLevel(before[4])
    sys.path[:] = path
    for name in [each for each in sys.modules if each not in modules and each.startswith("project_")]:
        del sys.modules[name]
    if python_path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = python_path


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return make_project(tmp_path / "project")
