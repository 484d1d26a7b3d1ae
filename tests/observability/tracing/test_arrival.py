"""OpenTelemetry's API may be imported in the middle of a run, by a node."""

from __future__ import annotations

import importlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.otlp import ended_spans, read_frames, tree

from pellucid._util.arrival import Arrival

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

ROOT = Path(__file__).parents[3]

BEGIN = """
import os, sys, threading
from functools import partial
from pathlib import Path
from tests.support.otlp import Stage
stage = Stage(Path(sys.argv[1]))
assert "opentelemetry.trace" not in sys.modules
"""
IN_A_NODE = """
with stage.span("run", "RUN"), stage.span("node", "clean") as node:
    from tests.support import instrumented
    instrumented.query("a")
    {more}
with stage.span("node", "next"):
    pass
stage.close()
"""


def run(folder: Path, script: str) -> Any:
    """Run a script in an interpreter that has not loaded OpenTelemetry's API."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + script, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.processes
def test_a_library_that_arrives_in_a_node_nests_under_it(tmp_path: Path) -> None:
    more = """
    from opentelemetry import trace
    assert trace.get_current_span().get_span_context().span_id == int.from_bytes(node.span_id, "big")
    assert type(trace.__spec__.loader).__name__ == "SourceFileLoader"
    assert not any(type(each).__name__ == "Arrival" for each in sys.meta_path)
"""
    run(
        tmp_path,
        IN_A_NODE.format(more=more).replace('"next"):\n    pass', '"next", node):\n    instrumented.query("b")'),
    )

    found = tree(ended_spans(read_frames(tmp_path / "frames")))
    assert found == {"RUN": "", "clean": "RUN", "query a": "clean", "next": "clean", "query b": "next"}


@pytest.mark.processes
def test_a_thread_of_a_node_may_be_what_imports_it(tmp_path: Path) -> None:
    script = """
def work():
    from tests.support import instrumented
    instrumented.query("a")
with stage.span("run", "RUN"), stage.span("node", "clean"):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
stage.close()
"""
    run(tmp_path, script)

    assert tree(ended_spans(read_frames(tmp_path / "frames"))) == {"RUN": "", "clean": "RUN", "query a": "clean"}


@pytest.mark.processes
def test_the_sdk_is_loaded_with_the_first_span_and_the_api_never_by_us(tmp_path: Path) -> None:
    script = """
with stage.span("run", "RUN"), stage.span("node", "clean"):
    assert "opentelemetry.trace" not in sys.modules
    from tests.support import instrumented
    assert "opentelemetry.sdk.trace" not in sys.modules
    instrumented.query("a")
    assert "opentelemetry.sdk.trace" in sys.modules
stage.close()
"""
    run(tmp_path, script)


@pytest.mark.processes
def test_a_run_that_does_not_use_it_does_not_load_it(tmp_path: Path) -> None:
    script = """
with stage.span("run", "RUN"), stage.span("node", "clean"):
    pass
finders = len(sys.meta_path)
stage.close()
assert len(sys.meta_path) == finders - 1
assert "opentelemetry.trace" not in sys.modules and "opentelemetry.context" not in sys.modules
import opentelemetry.trace
assert opentelemetry.trace._TRACER_PROVIDER is None
"""
    run(tmp_path, script)


@pytest.mark.processes
def test_the_provider_may_be_chosen_by_variable(tmp_path: Path) -> None:
    script = """
os.environ["OTEL_PYTHON_TRACER_PROVIDER"] = "pellucid"
with stage.span("run", "RUN"), stage.span("node", "clean"):
    from tests.support import instrumented
    instrumented.query("a")
stage.close()
"""
    run(tmp_path, script)

    assert tree(ended_spans(read_frames(tmp_path / "frames"))) == {"RUN": "", "clean": "RUN", "query a": "clean"}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that has not been imported."""
    (tmp_path / "project_arriving.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "project_arriving"


def test_an_arrival_is_told_once(module: str) -> None:
    told: list[Any] = []
    arrival = Arrival(module, lambda: told.append(sys.modules[module].__dict__["value"]))
    arrival.install()
    importlib.import_module("this")
    assert told == []
    importlib.import_module(module)
    assert told == [1]
    assert arrival not in sys.meta_path
    importlib.reload(sys.modules[module])
    assert told == [1]


def test_what_is_there_already_does_not_arrive(module: str) -> None:
    importlib.import_module(module)
    arrival = Arrival(module, lambda: None)
    before = list(sys.meta_path)
    arrival.install()
    assert sys.meta_path == before
    arrival.remove()
    assert sys.meta_path == before


def test_two_may_wait_for_one_module(module: str) -> None:
    told: list[str] = []
    for name in ("a", "b"):
        Arrival(module, partial(told.append, name)).install()
    importlib.import_module(module)

    assert sorted(told) == ["a", "b"]


def test_a_module_that_is_not_found_is_not_found() -> None:
    arrival = Arrival("project_missing", lambda: None)
    arrival.install()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("project_missing")
    assert arrival in sys.meta_path
    arrival.remove()


def test_a_module_that_fails_has_not_arrived(module: str, tmp_path: Path) -> None:
    told: list[int] = []
    (tmp_path / f"{module}.py").write_text("raise RuntimeError('broken')\n")
    arrival = Arrival(module, lambda: told.append(1))
    arrival.install()
    with pytest.raises(RuntimeError, match="broken"):
        importlib.import_module(module)
    assert told == []
    arrival.remove()


class Closed:
    """A loader that takes no attributes."""

    __slots__ = ()

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        module.value = 2


@pytest.mark.parametrize("loader", [Closed(), SimpleNamespace()])
def test_a_loader_that_cannot_be_watched_is_left_alone(loader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    arrival = Arrival("project_closed", lambda: told.append(1))
    spec = SimpleNamespace(loader=loader)
    finders = [arrival, SimpleNamespace(), SimpleNamespace(find_spec=lambda *_: spec)]
    monkeypatch.setattr(sys, "meta_path", finders)

    assert arrival.find_spec("project_closed", None) is spec
    assert told == []
