"""Random pipelines tell the same, whether their nodes are kept as one record or each span on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.support.framework import make_project

from pellucid.framework.hooks import hook_impl
from pellucid.framework.project import settings
from pellucid.framework.session import KedroSession
from pellucid.framework.startup import bootstrap_project
from pellucid.testing import FakeClock, captured_telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.records import SpanRecord

FUNCTIONS = """
import os, sys, threading
from pellucid.io import DataCatalog, MemoryDataset
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner

def same(value):
    return value

def in_list(value):
    return [value]

def none(value):
    return None

def fail(value):
    raise ValueError("it fails")

def interrupt(value):
    raise KeyboardInterrupt

def leave(value):
    sys.exit(3)

def chunks(value):
    yield from range(2)

def fork(value):
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return value

def run_another(value):
    SequentialRunner().run(pipeline([node(same, "a", "b", name="inner")]), DataCatalog({"a": MemoryDataset(1)}))
    return value

def start_thread(value):
    thread = threading.Thread(target=len, args=("",))
    thread.start()
    thread.join()
    return value

def create_pipeline(**kwargs):
    return pipeline([NODES])
"""
LIKELY = {"same": 10, "in_list": 4, "chunks": 1, "fork": 1, "run_another": 1, "start_thread": 1}
FATAL = ("none", "fail", "interrupt", "leave")
_VARYING = ("cpu", "memory", "queue", "session", "run_id", "run.id", "stacktrace")


class Others:
    """Somebody else who hears of spans: so that each is kept on its own."""

    @hook_impl
    def on_span_started(self, span: SpanRecord) -> None:
        """Do nothing."""


def _project(folder: Path, chance: np.random.Generator) -> None:
    count = int(chance.integers(2, 8))
    functions = [str(each) for each in chance.choice([name for name in LIKELY for _ in range(LIKELY[name])], count)]
    if chance.random() < 0.5:
        functions[-1] = str(chance.choice(FATAL))
    inputs = ["params:x", *(f"d{chance.integers(index)}" for index in range(1, count))]
    nodes = [
        f'node({function}, "{source}", "d{index}", name="n{index}")'
        for index, (function, source) in enumerate(zip(functions, inputs, strict=True))
    ]
    project = make_project(folder, parameters="x: 3\n")
    project.module("settings", "")
    project.pipeline("double", FUNCTIONS.replace("NODES", ", ".join(nodes)))
    if chance.random() < 0.3:
        project.write("conf/base/catalog.yml", "d1: {type: json.JSONDataset, filepath: data/d1.json}\n")
    bootstrap_project(folder)


def _recorded(others: object | None) -> tuple[str, list[Any], list[Any], Any]:
    settings.set("HOOKS", (others,) if others is not None else ())
    with captured_telemetry(clock=FakeClock(step_seconds=0.0), incremental_ids=True, level="DEBUG") as telemetry:
        error = ""
        try:
            with KedroSession.create() as session:
                session.run()
        except BaseException as caught:
            error = f"{type(caught).__name__}: {caught}"
        spans = [
            (each.name, each.kind, each.result, each.span_id, each.parent_id, _steady(each.attributes))
            for each in telemetry.spans
        ]
        lines = [(each["event"], each.get("node"), each.get("dataset"), each.get("span_id")) for each in telemetry.logs]
        return error, spans, lines, telemetry.series("dataset_operations_total")


def _steady(attributes: Any) -> list[tuple[str, str]]:
    return sorted((key, str(value)) for key, value in attributes.items() if not any(each in key for each in _VARYING))


def _compare(folder: Path, seed: int) -> None:
    _project(folder / f"p{seed}", np.random.default_rng(seed))
    assert _recorded(None) == _recorded(Others())


@pytest.mark.usefixtures("quiet_datasets")
@pytest.mark.parametrize("seed", range(12))
def test_random_pipelines(tmp_path: Path, seed: int) -> None:
    _compare(tmp_path, seed)


@pytest.mark.long
@pytest.mark.usefixtures("quiet_datasets")
def test_many_random_pipelines(tmp_path: Path) -> None:
    for seed in range(100, 400):
        _compare(tmp_path, seed)
