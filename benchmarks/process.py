"""Whole processes, from their start to their exit code: wall and processor time, peak memory, and what they import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.support.engines import ONE_NODE
from benchmarks.support.figures import arguments, environment, show
from benchmarks.support.projects import clean_environment

FILES = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "bare"\nproject_name = "bare"\nkedro_init_version = "1.7.0"\n',
    "conf/base/catalog.yml": "",
    "conf/base/parameters.yml": "number: 1\n",
    "conf/local/.gitkeep": "",
    "src/bare/__init__.py": "",
    "src/bare/settings.py": "",
    "src/bare/pipeline_registry.py": (
        "from ENGINE.pipeline import node, pipeline\n\n\n"
        "def same(x):\n    return x\n\n\n"
        "def register_pipelines():\n"
        "    return {'__default__': pipeline([node(same, 'params:number', 'out', name='same')])}\n"
    ),
}
HEAVY = (
    *("grpc", "google.protobuf", "jinja2", "multiprocessing", "numpy", "omegaconf", "opentelemetry", "pandas"),
    *("prometheus_client", "pyarrow", "requests", "rich", "structlog"),
)
"""What one node in memory, run and recorded, has no use for."""


def write_project(folder: Path, engine: str) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ENGINE", engine))


def commands(engine: str) -> dict[str, list[str]]:
    """Return the arguments of Python for each process by name."""
    if engine in ONE_NODE:
        return {"run": ["-c", ONE_NODE[engine]]}
    return {name: ["-m", engine, name] for name in ("--version", "--help", "run")}


def once(arguments: list[str], folder: Path, engine: str) -> tuple[float, float, float]:
    """Run Python; return seconds of wall clock and of processor time, and bytes."""
    start = time.perf_counter()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=clean_environment(engine), stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}:\n{(folder / 'output').read_text()[-4000:]}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def imports(arguments: list[str], folder: Path, engine: str) -> dict[str, int]:
    """Run Python; return the microseconds that each module took by itself."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        env=clean_environment(engine),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", done.stderr, flags=re.MULTILINE)
    return {name: int(took) for took, name in found}


def show_process(name: str, arguments: list[str], folder: Path, engine: str, turns: int) -> None:
    found = [once(arguments, folder, engine) for _ in range(turns)]
    of = f"process {name}, {environment()}"
    show(of, min(each[0] for each in found) * 1e3, "ms", least_of=turns)
    show(f"{of}: processor", min(each[1] for each in found) * 1e3, "ms", least_of=turns)
    show(f"{of}: peak memory", min(each[2] for each in found) / 2**20, "MiB")
    modules = imports(arguments, folder, engine)
    heavy = sorted({each for each in HEAVY for module in modules if f"{module}.".startswith(f"{each}.")})
    show(f"{of}: time of imports", sum(modules.values()) / 1e3, "ms")
    show(f"{of}: modules", len(modules), "modules")
    show(f"{of}: libraries without need", len(heavy), "libraries", which=heavy)


def main(engine: str, *, quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), engine)
        for name, arguments in commands(engine).items():
            if not quick:
                once(arguments, Path(folder), engine)  # compiles what is imported
            show_process(name, arguments, Path(folder), engine, 1 if quick else 3)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
