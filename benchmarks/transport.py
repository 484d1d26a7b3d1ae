"""The way of 100 MB from the end of a node's function in a worker process to the start of the next node's."""

from __future__ import annotations

import importlib.util

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, measure

KINDS = {"numpy": "numpy", "pandas": "pandas", "arrow": "pyarrow"}


def main(engine: str, *, quick: bool) -> None:
    size = 8_000 if quick else 100_000_000
    for kind, module in KINDS.items():
        if not importlib.util.find_spec(module):
            continue
        variables = {"BENCH_DATA": kind, "BENCH_BYTES": str(size), f"{engine.upper()}_MP_CONTEXT": "fork"}
        work = Work(engine, "transport", 2, "parallel", lines=engine == "pellucid", variables=variables)
        found = [measure(work)["returned"] for _ in range(1 if quick else 2)]
        (best, same) = min((one["used"][0] - one["made"][0], one["used"][1] == one["made"][1]) for one in found)
        show(f"100 MB from worker to worker, {kind}", best * 1e3, "ms", bytes=size, same_worker=same, start="fork")


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
