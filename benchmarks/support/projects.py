"""Projects that are made for one run, and run in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "benchmarks" / "project"
QUIET = "version: 1\ndisable_existing_loggers: false\nroot: {level: ERROR}\nloggers: {ENGINE: {level: ERROR}}\n"


def clean_environment(engine: str) -> dict[str, str]:
    """Return the variables of processes that are measured: none that sends telemetry somewhere or says how to log."""
    foreign = ("OTEL_", "PELLUCID_", "KEDRO_", "TRACE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {"BENCH_ENGINE": engine, "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1", "PYTHONPATH": python_path()}
    return {**kept, **own}


def python_path() -> str:
    """Return the variable by which processes find the benchmarks, before whatever was there."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([str(ROOT), *filter(None, given)]))


@dataclass(frozen=True)
class Work:
    """What is to be run.

    Attributes:
        engine: pellucid or kedro.
        shape: of the pipeline.
        nodes: how many it has.
        runner: sequential, thread or parallel.
        telemetry: whether pellucid's is on.
        without: a part of telemetry that is switched off, by its key in the settings; empty for none.
        lines: whether anything is logged; as each engine does by default, then.
        times: how often it is run in the same process, one session after another.
        to: where log lines go, a file or a pipe that is read.
        variables: more of the environment.
    """

    engine: str
    shape: str = "chain"
    nodes: int = 100
    runner: str = "sequential"
    telemetry: bool = True
    without: str = ""
    lines: bool = True
    times: int = 1
    to: str = "file"
    variables: Mapping[str, str] | None = None

    @property
    def keeps_spans(self) -> bool:
        return self.engine == "pellucid" and self.telemetry and self.without not in {"tracing", "history"}

    def but(self, **changed: Any) -> Work:
        return replace(self, **changed)


@contextmanager
def _project(work: Work) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder, "project")
        shutil.copytree(TEMPLATE, project, ignore=shutil.ignore_patterns("__pycache__", ".pellucid"))
        options = [] if work.telemetry else ["enabled: false"]
        options += [f"{work.without}: {{enabled: false}}"] if work.without else []
        if not work.lines:
            (project / "conf/logging.yml").write_text(QUIET.replace("ENGINE", work.engine))
            options += ["logging: {level: ERROR}"] if work.telemetry else []
        (project / "conf/base/observability.yml").write_text("\n".join(options))
        yield project


def measure(work: Work) -> dict[str, Any]:
    """Run it once in a process of its own; return what that tells.

    Raises:
        SystemExit: telemetry was on, and spans are missing: what was measured is not what it is called.
    """
    variables = {"BENCH_SHAPE": work.shape, "BENCH_NODES": str(work.nodes), **(work.variables or {})}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.support.child", work.engine, work.runner]
    command.append(str(work.times))
    with _project(work) as project:
        environment = {**clean_environment(work.engine), **variables}
        if not work.lines:
            environment["KEDRO_LOGGING_CONFIG"] = str(project / "conf/logging.yml")
        found = _last_line(command, project, environment, to_pipe=work.to == "pipe")
    if bool(found["spans"]) != work.keeps_spans:
        raise SystemExit(
            f"The history has {found['spans']} spans after {work}. "
            f"Is pellucid installed in {sys.prefix}, with its entry points?"
        )
    return found


def again(found: dict[str, Any], *keys: str) -> float:
    """Return the least sum of some times in further runs in the same process: what the first one imports is there."""
    return float(min(sum(each[key] for key in keys) for each in found["again"]))


def _last_line(command: list[str], folder: Path, environment: dict[str, str], *, to_pipe: bool) -> dict[str, Any]:
    """Run a command; return the last line of its output, which is after all log lines, as JSON."""
    with (folder / "output").open("w+") as file:
        target = subprocess.PIPE if to_pipe else file
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=target, stderr=subprocess.STDOUT, text=True, check=False
        )
        if not to_pipe:
            file.seek(0)
        text = done.stdout if to_pipe else file.read()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{text[-4000:]}")
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found
