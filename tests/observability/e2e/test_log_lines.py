"""Log lines of whole runs, as a process of its own leaves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.backends import Answer, HttpBackend
from tests.support.logs import lines_of as lines_in
from tests.support.logs import log_file
from tests.support.observed import Observed, lines_of, observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

NODES = """
import logging
import threading
from pellucid.pipeline import node, pipeline

def chatty(raw):
    from structlog import get_logger
    get_logger("elsewhere").info("of structlog", password="sesame-open")
    thread = threading.Thread(target=logging.getLogger(__name__).info, args=("of a thread",))
    thread.start()
    thread.join()
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(chatty, "raw_orders", "report", name="chatty")])
"""

REFUSED = """
with KedroSession.create() as session:
    try:
        session.run(pipeline_name="{name}", node_names={nodes})
    except Exception:
        pass
"""

LISTENED = """
import logging
from pellucid.framework.hooks import hook_impl

class Listener(logging.Handler):
    def emit(self, record):
        print(record.name, record.getMessage(), sep=": ")

class Hooks:
    @hook_impl
    def before_pipeline_run(self):
        logging.getLogger("pellucid").addHandler(Listener())

with KedroSession.create() as session:
    session._hook_manager.register(Hooks())
    session.run()
"""


CLOSED = """
import logging
with KedroSession.create() as session:
    session.run()
logging.getLogger("project").warning("afterwards")
"""

HOOKS = """
import logging
from pellucid.framework.hooks import hook_impl

logger = logging.getLogger("project")

class First:
    @hook_impl(tryfirst=True)
    def before_session_closed(self):
        logger.warning("first")

class Last:
    @hook_impl(trylast=True)
    def before_session_closed(self):
        logger.warning("last")

class Around:
    @hook_impl(hookwrapper=True)
    def before_session_closed(self):
        yield
        logger.warning("wrapped")

HOOKS = (First(), Last(), Around())
"""


@pytest.fixture
def project(tmp_path: Path) -> Observed:
    made = observed_project(tmp_path / "project", nodes=NODES)
    made.configure("")
    return made


@pytest.mark.parametrize("kind", ["sequential", "thread", "fork", "spawn"])
def test_what_a_node_logs_in_any_way_has_its_ids_and_no_secrets(project: Observed, kind: str) -> None:
    code, _, err = project.run(kind)
    assert code == 0, err
    lines = {line["event"]: line for line in lines_of(err)}
    expected = {"node": "chatty", "run_id": lines["node.finished"]["run_id"], "pipeline": "__default__"}
    for event in ("of structlog", "of a thread"):
        assert {key: lines[event].get(key) for key in expected} == expected
        assert lines[event]["span_id"] == lines["node.finished"]["span_id"]
    assert (lines["of structlog"]["logger"], lines["of structlog"]["password"]) == ("elsewhere", "<redacted>")
    assert "sesame-open" not in err
    assert not [event for event in lines if event.startswith(("Loading", "Saving", "Completed"))]


def test_who_attaches_a_handler_hears_of_every_step(project: Observed) -> None:
    code, out, err = project.run(body=LISTENED)
    assert code == 0, err
    for text in (
        "pellucid.io.data_catalog: Loading 'raw_orders' (TextDataset)",
        "pellucid.io.data_catalog: Saving 'report' (TextDataset)",
        "pellucid.runner: Completed node: chatty",
        "pellucid.runner: Completed 1 out of 1 tasks",
    ):
        assert text in out.splitlines()


def test_what_hooks_log_at_the_end_is_in_all_places_and_afterwards_on_stderr(project: Observed) -> None:
    with HttpBackend() as backend:
        variables = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://127.0.0.1:{backend.port}/v1/logs"}
        project.project.module("settings", HOOKS)
        code, _, err = project.run(body=CLOSED, **variables)
        assert code == 0, err
        records = [record.body.string_value for request in backend.taken for record in request.logs]
    shown = err.splitlines()
    assert shown[-2].endswith("WARNING  project: wrapped")
    assert shown[-1].endswith("WARNING  project: afterwards")
    lines = lines_of("\n".join(shown[:-2]))
    assert lines_in(log_file(project.path)) == lines
    assert [line["event"] for line in lines] == records
    for event in ("first", "last"):
        (line,) = [each for each in lines if each["event"] == event]
        assert line["span_id"] == next(each["span_id"] for each in lines if each["event"] == "session.closed")


@pytest.mark.parametrize(("name", "nodes"), [("nightly", None), ("__default__", ["nobody"])])
def test_a_run_that_is_refused_is_one_line(project: Observed, name: str, nodes: Any) -> None:
    code, _, err = project.run(body=REFUSED.format(name=name, nodes=nodes))
    assert code == 0, err
    lines = lines_of(err)
    (refused,) = [line for line in lines if line["event"] == "pipeline.refused"]
    closed = lines[-1]
    assert closed["event"] == "telemetry.closed"
    assert (refused["level"], refused["pipeline"]) == ("ERROR", name)
    assert refused["error_type"] == "pellucid.exceptions.UnknownNameError"
    assert (nodes or [name])[0] in refused["error"]
    assert (refused["trace_id"], refused["run_id"]) == (closed["trace_id"], closed["run_id"])
    assert lines_in(log_file(project.path)) == lines


def test_the_last_line_is_delivered_too(project: Observed) -> None:
    with HttpBackend() as backend:
        code, _, err = project.run(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://127.0.0.1:{backend.port}/v1/logs")
        assert code == 0, err
        records = [record for request in backend.taken for record in request.logs]
    assert [record.event_name or record.body.string_value for record in records] == [
        line["event"] for line in lines_of(err)
    ]
    assert not list((project.path / ".pellucid" / "spool").glob("[ao]*/**/*.seg"))


def test_a_last_line_that_is_not_accepted_waits_for_the_next_run(project: Observed) -> None:
    with HttpBackend((Answer(200), Answer(503))) as backend:
        endpoint = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://127.0.0.1:{backend.port}/v1/logs"}
        for _ in range(2):
            code, _, err = project.run(**endpoint)
            assert code == 0, err
            backend.behave(Answer(200))
        closed = [
            record for request in backend.taken for record in request.logs if record.event_name == "telemetry.closed"
        ]
    assert len({record.trace_id for record in closed}) == 2
