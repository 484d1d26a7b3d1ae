"""Time the sum of many pipelines."""

from __future__ import annotations

import importlib
import time

from benchmarks.support.engines import increase
from benchmarks.support.figures import arguments, show


def seconds(engine: str, count: int) -> float:
    module = importlib.import_module(f"{engine}.pipeline")
    pipelines = [
        module.pipeline([module.node(increase, f"p{i}_{j}", f"p{i}_{j + 1}", name=f"n{i}_{j}") for j in range(10)])
        for i in range(count)
    ]
    start = time.perf_counter()
    total = sum(pipelines, start=module.pipeline([]))
    assert len(total.nodes) == 10 * count
    return time.perf_counter() - start


def main(engine: str, *, quick: bool) -> None:
    count = 10 if quick else 300
    whole = seconds(engine, count)
    show("sum of 300 pipelines of 10 nodes", whole * 1e3, "ms", pipelines=count)
    if engine == "pellucid":
        show(
            "sum of twice as many pipelines", seconds(engine, 2 * count) / whole, "times the time", pipelines=2 * count
        )


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
