"""A project to work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.framework import ProjectFolder, make_project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return make_project(tmp_path / "project")
