"""All tests of this folder run whole projects in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that what only covers lines or another interpreter can do without."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
