"""Runs the project in the current folder in sessions, and prints what the clocks said.

Called as ``python -m benchmarks.support.child ENGINE RUNNER TIMES``, in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

RUNNERS = {
    "sequential": ("SequentialRunner", {}),
    "thread": ("ThreadRunner", {"max_workers": 2}),
    "parallel": ("ParallelRunner", {"max_workers": 2}),
}


def run(engine: str, runner: str, times: int) -> dict[str, Any]:
    """Run the project, several times if so told, each in a session of its own.

    Returns:
        seconds, bytes, and what nodes returned that is of use, of the first run; the same of further ones in ``again``;
        how many spans the history of the last one has.
    """
    begun = time.perf_counter()
    importlib.import_module(f"{engine}.framework.startup").bootstrap_project(Path.cwd())
    runs = []
    for _ in range(times):
        shutil.rmtree(".pellucid", ignore_errors=True)  # what an earlier run left there is not to be sorted by this one
        runs.append(_in_a_session(engine, runner))
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        **runs[0],
        "before": runs[0]["before"] - begun,
        "total": done - begun,
        "peak": peak * (1 if sys.platform == "darwin" else 1024),
        "again": runs[1:],
        "spans": spans_kept() if engine == "pellucid" else 0,
    }


def _in_a_session(engine: str, runner: str) -> dict[str, Any]:
    name, options = RUNNERS[runner]
    by = getattr(importlib.import_module(f"{engine}.runner"), name)(**options)
    session = importlib.import_module(f"{engine}.framework.session").KedroSession.create(project_path=Path.cwd())
    results = session.run(runner=by)
    closing, closing_cpu = time.perf_counter(), time.process_time()
    session.close()
    closed, closed_cpu = time.perf_counter(), time.process_time()
    (wall, cpu, day), (ended_wall, ended_cpu, _) = sys.modules["bench.settings"].WATCH.clocks[-2:]
    return {
        "before": wall,
        "wall": ended_wall - wall,
        "cpu": ended_cpu - cpu,
        "close": closed - closing,
        "close cpu": closed_cpu - closing_cpu,
        "began": day,
        "returned": {each: results[each].load() for each in ("stamped", "made", "used") if each in results},
    }


def spans_kept() -> int:
    """Count the spans that the project's history has, now that nothing is measured any more."""
    from pellucid.observability.history import HistoryStore

    path = Path(".pellucid/history.db")
    return len(HistoryStore(path).every_span()) if path.exists() else 0


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
