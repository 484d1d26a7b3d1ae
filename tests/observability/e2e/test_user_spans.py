"""Spans that a project opens itself hang where they belong, in every runner and start method."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.support.observed import KINDS, Observed, below, lines_of, observed_project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes

AT_THE_TOP = """
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

tracer = trace.get_tracer("project", "1")

def work(name):
    with tracer.start_as_current_span(f"outer {name}", attributes={"name": name}):
        with tracer.start_as_current_span(f"inner {name}"):
            pass
    with tracer.start_as_current_span(f"later {name}"):
        pass

def left(raw):
    work("left")
    return raw

def right(raw):
    work("right")
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(left, "raw_orders", "one", name="left"), node(right, "params:factor", "two", name="right")])
"""

IN_THE_FUNCTION = (
    AT_THE_TOP.replace("from opentelemetry import trace\n", "")
    .replace('tracer = trace.get_tracer("project", "1")\n', "")
    .replace(
        "def work(name):\n",
        'def work(name):\n    from opentelemetry import trace\n    tracer = trace.get_tracer("project", "1")\n',
    )
)

INSTRUMENTED = """
from opentelemetry import trace
from pellucid.io.core import AbstractDataset

tracer = trace.get_tracer("database")

class Database(AbstractDataset):
    def __init__(self, value):
        self.value = value

    def load(self):
        with tracer.start_as_current_span(f"query {self.value}"):
            return self.value

    def save(self, data):
        with tracer.start_as_current_span(f"insert {data}"):
            pass

    def _describe(self):
        return {"value": self.value}
"""

DATABASE_CATALOG = """
first:
  type: observed_project.database.Database
  value: 1
second:
  type: observed_project.database.Database
  value: 2
sum:
  type: observed_project.database.Database
  value: 3
"""

DATABASE_NODES = """
from pellucid.pipeline import node, pipeline

def add(first, second):
    return first + second

def create_pipeline(**kwargs):
    return pipeline([node(add, ["first", "second"], "sum", name="add")])
"""


def one_node(body: str) -> str:
    """Return a module with one node, ``work``, of this body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"""
import asyncio, contextvars, multiprocessing, os, subprocess, sys, threading
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

tracer = trace.get_tracer("project")

def opened(name):
    with tracer.start_as_current_span(name):
        pass

async def awaited(name):
    with tracer.start_as_current_span(name):
        await asyncio.sleep(0)
        await asyncio.gather(inner(name + " a"), inner(name + " b"))

async def inner(name):
    with tracer.start_as_current_span(name):
        await asyncio.sleep(0)

def work(raw):
{lines}
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(work, "raw_orders", "one", name="work")])
"""


def parents(project: Observed, err: str) -> dict[str, str]:
    """Return the parents of the spans that are not the runtime's; fails if not all are told of in the end."""
    spans = project.everything()
    (closed,) = (line for line in lines_of(err) if line["event"] == "telemetry.closed")
    assert closed["spans"] == len(spans)
    assert closed["dropped"] == 0
    assert len({span.trace_id for span in spans}) == 1
    assert [span.name for span in spans if not span.parent_span_id] == ["session observed_project"]
    found = below(spans)
    own = {span.name for span in spans if "pellucid.kind" not in span.attributes}
    return {name: parent for name, parent in found.items() if name in own}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nodes", [AT_THE_TOP, IN_THE_FUNCTION], ids=["imported at the top", "imported in the node"])
def test_they_nest_under_their_node(tmp_path: Path, kind: str, nodes: str) -> None:
    project = observed_project(tmp_path / "project", nodes=nodes)
    code, _, err = project.run(kind)
    assert code == 0, err
    assert parents(project, err) == {
        f"{name} {node}": parent
        for node in ("left", "right")
        for name, parent in (("outer", node), ("inner", f"outer {node}"), ("later", node))
    }
    (span,) = (each for each in project.everything() if each.name == "outer left")
    assert span.scope == ("project", "1")
    assert span.attributes["name"] == "left"


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_in_a_dataset_nests_under_the_load_or_save(tmp_path: Path, kind: str) -> None:
    project = observed_project(tmp_path / "project", nodes=DATABASE_NODES, catalog=DATABASE_CATALOG)
    project.project.module("database", INSTRUMENTED)
    code, _, err = project.run(kind)
    assert code == 0, err
    assert parents(project, err) == {"query 1": "load first", "query 2": "load second", "insert 3": "save sum"}


LOGGING = """
import logging
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

logger = logging.getLogger("a.library")
tracer = trace.get_tracer("project", "1")

def work(name):
    with tracer.start_as_current_span(f"outer {name}"):
        logger.warning("in outer")
        with tracer.start_as_current_span(f"inner {name}"):
            logger.warning("in inner")
        logger.warning("back in outer")
    logger.warning("in node")

def left(raw):
    work("left")
    return raw

def right(raw):
    work("right")
    return raw

def create_pipeline(**kwargs):
    return pipeline([node(left, "raw_orders", "one", name="left"), node(right, "params:factor", "two", name="right")])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_logged_in_them_carries_their_ids(tmp_path: Path, kind: str) -> None:
    project = observed_project(tmp_path / "project", nodes=LOGGING)
    code, _, err = project.run(kind)
    assert code == 0, err
    names = {span.span_id.hex(): span.name for span in project.everything()}
    told = {
        (each["node"], each["event"], names[each["span_id"]]) for each in lines_of(err) if each["logger"] == "a.library"
    }
    assert told == {
        (node, event, name)
        for node in ("left", "right")
        for event, name in (
            ("in outer", f"outer {node}"),
            ("in inner", f"inner {node}"),
            ("back in outer", f"outer {node}"),
            ("in node", node),
        )
    }


BODIES = {
    "a thread": (
        "thread = threading.Thread(target=opened, args=['x'])\nthread.start()\nthread.join()",
        {"x": "work"},
    ),
    "a thread with a copied context": (
        (
            "with tracer.start_as_current_span('around'):\n"
            "    thread = threading.Thread(target=contextvars.copy_context().run, args=[opened, 'x'])\n"
            "    thread.start()\n    thread.join()"
        ),
        {"around": "work", "x": "around"},
    ),
    "a pool of threads": (
        "with ThreadPoolExecutor(2) as pool:\n    list(pool.map(opened, ['x', 'y', 'z']))",
        {"x": "work", "y": "work", "z": "work"},
    ),
    "asyncio": (
        "asyncio.run(awaited('x'))",
        {"x": "work", "x a": "x", "x b": "x"},
    ),
    "a process that is forked": (
        (
            "process = multiprocessing.get_context('fork').Process(target=opened, args=['x'])\n"
            "process.start()\nprocess.join()\nassert process.exitcode == 0\nopened('y')"
        ),
        {"x": "work", "y": "work"},
    ),
    "a process forked in a span": (
        (
            "with tracer.start_as_current_span('around'):\n"
            "    process = multiprocessing.get_context('fork').Process(target=opened, args=['x'])\n"
            "    process.start()\n    process.join()\n    assert process.exitcode == 0"
        ),
        {"around": "work", "x": "around"},
    ),
    "a span that stays open": (
        "tracer.start_span('x')\nopened('y')",
        {"x": "work", "y": "work"},
    ),
    "a context that stays attached": (
        "from opentelemetry import context\ncontext.attach(trace.set_span_in_context(tracer.start_span('x')))",
        {"x": "work"},
    ),
}


@pytest.mark.parametrize("kind", ["sequential", "async", "thread"])
@pytest.mark.parametrize("body", BODIES)
def test_whatever_a_node_does_they_are_no_orphans(tmp_path: Path, kind: str, body: str) -> None:
    text, expected = BODIES[body]
    project = observed_project(tmp_path / "project", nodes=one_node(text))
    code, _, err = project.run(kind)
    assert code == 0, err
    assert parents(project, err) == expected


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("body", ["a thread", "a thread with a copied context", "a pool of threads", "asyncio"])
def test_nor_in_worker_processes(tmp_path: Path, kind: str, body: str) -> None:
    text, expected = BODIES[body]
    project = observed_project(tmp_path / "project", nodes=one_node(text))
    code, _, err = project.run(kind)
    assert code == 0, err
    assert parents(project, err) == expected


OWN_PROVIDER = """
import atexit, json, os
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

class ToFile(SpanExporter):
    def export(self, spans):
        with Path("own.jsonl").open("a") as file:
            for span in spans:
                parent = span.parent
                file.write(json.dumps([span.name, format(parent.span_id, "016x") if parent else ""]) + "\\n")
        return SpanExportResult.SUCCESS

def set_provider():
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ToFile()))
    trace.set_tracer_provider(provider)
"""

PLACES = {
    "at the import of settings": ("settings", "from observed_project.own import set_provider\nset_provider()\n"),
    "in a hook": (
        "settings",
        (
            "from pellucid.framework.hooks import hook_impl\n"
            "class Sets:\n    @hook_impl\n    def before_pipeline_run(self):\n"
            "        from observed_project.own import set_provider\n        set_provider()\n"
            "HOOKS = (Sets(),)\n"
        ),
    ),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["sequential", "async", "thread", "fork"])
def test_a_project_keeps_a_provider_of_its_own(tmp_path: Path, kind: str, place: str) -> None:
    """Its spans go where it wants, and hang under the node."""
    project = observed_project(tmp_path / "project", nodes=AT_THE_TOP)
    project.project.module("own", OWN_PROVIDER)
    project.project.module(*PLACES[place])
    code, _, err = project.run(kind)
    assert code == 0, err
    assert parents(project, err) == {}
    nodes = {span.name: span.span_id.hex() for span in project.everything()}
    own = dict(json.loads(line) for line in (project.path / "own.jsonl").read_text().splitlines())
    assert {name: parent for name, parent in own.items() if not name.startswith("inner")} == {
        f"{name} {node}": nodes[node] for name in ("outer", "later") for node in ("left", "right")
    }
    assert set(own) == {f"{name} {node}" for name in ("outer", "inner", "later") for node in ("left", "right")}


def test_after_the_session_nothing_is_recorded(tmp_path: Path) -> None:
    project = observed_project(tmp_path / "project", nodes=AT_THE_TOP)
    body = """
from opentelemetry import trace
tracer = trace.get_tracer("script")
with tracer.start_as_current_span("before"):
    pass
for _ in range(2):
    with KedroSession.create() as session:
        session.run()
    with tracer.start_as_current_span("between"):
        pass
"""
    code, _, err = project.run(body=body)
    assert code == 0, err
    names = [span.name for span in project.everything()]
    assert not {"before", "between"} & set(names)
    assert len(names) == len(set(names)) * 2
    assert sum(line["spans"] for line in lines_of(err) if line["event"] == "telemetry.closed") == len(names)
