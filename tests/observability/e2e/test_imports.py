"""A run imports nothing that it does not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.observed import observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

LOOK = """
with KedroSession.create() as session:
    session.run()
    during = set(sys.modules)
heavy = "asyncio grpc http.client opentelemetry prometheus_client requests sqlite3 ssl structlog".split()
print([name for name in heavy if name in during], [name for name in heavy if name in sys.modules])
"""


def test_a_run_that_sends_nothing_imports_no_library_of_telemetry(tmp_path: Path) -> None:
    observed = observed_project(tmp_path / "project")
    code, out, err = observed.run(body=LOOK)
    assert (code, out) == (0, "[] ['sqlite3']\n"), err


def test_what_is_switched_off_is_not_imported(tmp_path: Path) -> None:
    observed = observed_project(tmp_path / "project")
    look = LOOK + 'print([name for name in sys.modules if name.startswith("pellucid.observability.flow")])\n'
    code, out, err = observed.run(body=look, OTEL_SDK_DISABLED="true")
    assert (code, out) == (0, "[] []\n[]\n"), err
    assert not (observed.path / ".pellucid" / "history.db").exists()
