"""Time what telemetry adds: a chain of nodes in memory with it and without it, the end of the session, the start.

Each run is a process of its own, on and off in turns, its log lines going to a file. A node loads one dataset and saves
another. "Plain" is what a project gets that configures nothing; "no log lines" has the runtime's and telemetry's own
lines switched off on both sides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

FILES = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "chain"\nproject_name = "chain"\nkedro_init_version = "1.7.0"\n',
    "conf/base/catalog.yml": "",
    "conf/base/parameters.yml": "number: 1\n",
    "conf/local/.gitkeep": "",
    "src/chain/__init__.py": "",
    "src/chain/settings.py": "",
    "src/chain/pipeline_registry.py": (
        "import os\n\nfrom pellucid.pipeline import node, pipeline\n\n\n"
        "def same(x):\n    return x\n\n\n"
        "def register_pipelines():\n"
        "    count = int(os.environ['CHAIN'])\n"
        "    first = [node(same, 'params:number', 'd0', name='n0')]\n"
        "    rest = [node(same, f'd{i - 1}', f'd{i}', name=f'n{i}') for i in range(1, count)]\n"
        "    return {'__default__': pipeline(first + rest)}\n"
    ),
}
QUIET = "version: 1\ndisable_existing_loggers: false\nroot: {level: ERROR}\nloggers: {pellucid: {level: ERROR}}\n"
VARIANTS = {"plain": "", "no log lines": QUIET}


class Chain:
    """A project with a chain of nodes, run in processes."""

    def __init__(self, folder: Path, logging: str) -> None:
        self.folder = folder
        self.logging = logging

    def run(self, count: int, *, is_on: bool) -> dict[str, float]:
        """Run it once; return seconds of wall clock and of processor time."""
        project = self.folder / f"{count}-{is_on}-{time.monotonic_ns()}"
        files = {**FILES}
        options = ["logging: {level: ERROR}"] if self.logging else []
        files["conf/base/observability.yml"] = "\n".join(options if is_on else ["enabled: false"])
        if self.logging:
            files["conf/logging.yml"] = self.logging
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        command = [sys.executable, "-W", "ignore", __file__, "--child"]
        with (project / "stderr").open("w") as errors:
            done = subprocess.run(
                command,
                cwd=project,
                env={**os.environ, "CHAIN": str(count)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                check=True,
            )
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def started(self, *, is_on: bool) -> float:
        """Return the seconds from the start of a process until its only node runs."""
        return self.run(1, is_on=is_on)["before"]


def child() -> None:
    """Run the project here."""
    begun = time.perf_counter()
    from pellucid.framework.hooks import hook_impl
    from pellucid.framework.project import settings
    from pellucid.framework.session import KedroSession
    from pellucid.framework.startup import bootstrap_project

    class Watch:
        """Looks at the clocks at both ends of the run itself."""

        def __init__(self) -> None:
            self.clocks: list[tuple[float, float]] = []

        @hook_impl(trylast=True)
        def before_pipeline_run(self) -> None:
            self.clocks.append((time.perf_counter(), time.process_time()))

        @hook_impl(tryfirst=True)
        def after_pipeline_run(self) -> None:
            self.clocks.append((time.perf_counter(), time.process_time()))

    bootstrap_project(Path.cwd())
    settings.set("HOOKS", (watch := Watch(),))
    session = KedroSession.create()
    session.run()
    closing = time.perf_counter(), time.process_time()
    session.close()
    closed = time.perf_counter(), time.process_time()
    (wall, cpu), (ended_wall, ended_cpu) = watch.clocks
    found = {
        "before": wall - begun,
        "wall": ended_wall - wall,
        "cpu": ended_cpu - cpu,
        "close wall": closed[0] - closing[0],
        "close cpu": closed[1] - closing[1],
    }
    print(json.dumps(found))


def figure(name: str, value: float, unit: str = "us") -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": unit}), flush=True)


def compare(chain: Chain, name: str, count: int, turns: int) -> None:
    """Print what a node costs with telemetry and without."""
    off, on = [], []
    for _ in range(turns):
        off.append(chain.run(count, is_on=False))
        on.append(chain.run(count, is_on=True))
    unit = 1e6 / count
    figure(f"{name}: a node of {count}, off", min(each["wall"] for each in off) * unit)
    figure(f"{name}: a node of {count}, on", min(each["wall"] for each in on) * unit)
    added = median(b["wall"] - a["wall"] for a, b in zip(off, on, strict=True))
    figure(f"{name}: added to a node of {count}", added * unit)
    figure(f"{name}: end of the session, for a node of {count}", min(each["close wall"] for each in on) * unit)


def main(*, quick: bool) -> None:
    turns = 1 if quick else 5
    with tempfile.TemporaryDirectory() as folder:
        for name, logging in VARIANTS.items():
            for count in (20,) if quick else (1000, 10_000):
                compare(Chain(Path(folder), logging), name, count, turns if count < 5000 else 2)
        chain = Chain(Path(folder), "")
        pairs = [(chain.started(is_on=False), chain.started(is_on=True)) for _ in range(turns)]
        figure("added to the start of a run", median(on - off for off, on in pairs) * 1e3, "ms")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child()
    else:
        main(quick="--quick" in sys.argv)
