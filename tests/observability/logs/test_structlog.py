"""What is logged with structlog goes where all lines go."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog
from tests.support.logs import inside, logged, recording_in, runtime_logging, span_of

from pellucid.observability.logs import captured_events, configure_structlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def structlog_as_found() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def test_its_lines_have_ids_and_fields(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        log = structlog.get_logger("demo.nodes")
        with inside(span_of("node", node="train")):
            log.info("read 100%", rows=3, node="forged", name="n", password="sesame")
            log.debug("not wanted")
            try:
                raise ValueError("no rows")
            except ValueError:
                log.exception("it failed")
    read, failed, _ = events
    assert (read["event"], read["node"], read["rows"], read["name"]) == ("read 100%", "train", 3, "n")
    assert (read["logger"], read["level"], read["password"]) == ("demo.nodes", "INFO", "<redacted>")
    assert (failed["event"], failed["error_type"], failed["error"]) == ("it failed", "ValueError", "no rows")


def test_it_is_left_as_it_was_found(tmp_path: Path) -> None:
    with runtime_logging(), logged(recording_in(tmp_path)):
        assert structlog.is_configured()
    assert not structlog.is_configured()


def test_what_the_project_configured_stays(tmp_path: Path) -> None:
    processors = [structlog.processors.KeyValueRenderer()]
    structlog.configure(processors=processors)
    with runtime_logging(), logged(recording_in(tmp_path)):
        assert structlog.get_config()["processors"] is processors
    assert structlog.get_config()["processors"] is processors


def test_what_the_project_configures_meanwhile_stays(tmp_path: Path) -> None:
    processors = [structlog.processors.KeyValueRenderer()]
    with runtime_logging(), logged(recording_in(tmp_path)):
        structlog.configure(processors=processors)
    assert structlog.get_config()["processors"] is processors


def test_it_can_be_configured_by_hand() -> None:
    configure_structlog()
    with runtime_logging(), captured_events(logging.WARNING) as events, inside(span_of("node", node="train")):
        structlog.get_logger("demo").warning("hello", rows=3)
    assert events == [
        {"rows": 3, "event": "hello", "level": "WARNING", "logger": "demo", "run_id": "run-1", "node": "train"}
    ]


def test_capturing_opens_the_loggers_of_the_runtime_and_closes_them() -> None:
    runtime = logging.getLogger("pellucid")
    before = runtime.level
    runtime.setLevel(logging.ERROR)
    with captured_events(logging.DEBUG) as events:
        logging.getLogger("pellucid.runner").debug("hello")
    assert runtime.level == logging.ERROR
    runtime.setLevel(before)
    assert [each["event"] for each in events] == ["hello"]


@pytest.mark.processes
def test_nothing_heavy_is_imported_and_what_the_project_imports_late_is_noticed(tmp_path: Path) -> None:
    code = """
import sys
before = set(sys.modules)  # a measurement of coverage has modules of its own
from pathlib import Path
from tests.support.logs import logged, recording_in, runtime_logging, span_of
heavy = ("structlog", "opentelemetry", "http.client", "ssl", "asyncio", "sqlite3", "prometheus_client")
with runtime_logging(), logged(recording_in(Path(sys.argv[1]), stderr="off")) as (hooks, events):
    hooks.on_span_started(span_of("run"))
    assert not set(heavy) & (set(sys.modules) - before), set(heavy) & (set(sys.modules) - before)
    import structlog
    hooks.on_span_started(span_of("node"))
    structlog.get_logger("demo").info("hello")
    hooks.on_span_started(span_of("node"))
assert "hello" in [each["event"] for each in events]
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, timeout=60)
