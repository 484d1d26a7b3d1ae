"""What is logged with structlog goes where all lines go."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import structlog
from tests.support.logs import inside, logged, recording_in, runtime_logging, span_of

from pellucid.observability.logs import FIELDS, configure_structlog

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


def test_it_can_be_configured_by_hand(caplog: pytest.LogCaptureFixture) -> None:
    configure_structlog()
    structlog.get_logger("demo").warning("hello", rows=3)
    assert caplog.record_tuples == [("demo", logging.WARNING, "hello")]
    assert vars(caplog.records[0])[FIELDS] == {"rows": 3}


def test_loggers_outside_of_the_package_are_heard_as_without_us(tmp_path: Path) -> None:
    names = ("elsewhere", "elsewhere.quiet.below")
    quiet = logging.getLogger("elsewhere.quiet")
    quiet.setLevel(logging.ERROR)
    with runtime_logging(), logged(recording_in(tmp_path)) as (_, events):
        for name in names:
            structlog.get_logger(name).debug("too low", name=name)
            structlog.get_logger(name).info("hello", name=name)
        structlog.get_logger().info("hello", name="mine")
    quiet.setLevel(logging.NOTSET)
    assert [(each["logger"], each["name"]) for each in events[:-1]] == [("elsewhere", "elsewhere"), (__name__, "mine")]
    assert [logging.getLogger(name).level for name in (*names, __name__)] == [logging.NOTSET] * 3


def test_levels_that_somebody_else_set_up_stay(tmp_path: Path) -> None:
    with runtime_logging():
        logging.getLogger().handlers[:] = [logging.NullHandler()]
        with logged(recording_in(tmp_path)) as (_, events):
            structlog.get_logger("elsewhere").info("not wanted")
            structlog.get_logger("elsewhere").warning("hello")
            assert logging.getLogger("elsewhere").level == logging.NOTSET
    assert [each["event"] for each in events[:-1]] == ["hello"]


@pytest.mark.processes
def test_nothing_heavy_is_imported_and_what_a_node_imports_is_configured_at_once(tmp_path: Path) -> None:
    code = """
import sys
before = set(sys.modules)  # a measurement of coverage has modules of its own
from pathlib import Path
from tests.support.logs import logged, recording_in, runtime_logging, span_of
heavy = ("structlog", "opentelemetry", "http.client", "ssl", "asyncio", "sqlite3", "prometheus_client")
with runtime_logging(), logged(recording_in(Path(sys.argv[1]), stderr="off")) as (hooks, events):
    hooks.on_span_started(span_of("run"))
    assert not set(heavy) & (set(sys.modules) - before), set(heavy) & (set(sys.modules) - before)
    hooks.on_span_started(span_of("node"))
    from structlog import get_logger
    get_logger("demo").info("hello", password="sesame")
    get_logger().info("in the main module")
assert not any(type(each).__name__ == "Arrival" for each in sys.meta_path)
told = {each["event"]: each for each in events}
assert told["hello"]["password"] == "<redacted>", told
assert told["in the main module"]["logger"] == "__main__", told
"""
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, timeout=60)
