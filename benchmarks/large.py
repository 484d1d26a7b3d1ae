"""A run of many nodes, from the program's start to the end of the session: pipeline, catalog, run and telemetry."""

from __future__ import annotations

import math

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, measure

NODES = 10_000


def main(engine: str, *, quick: bool) -> None:
    name = "a chain of 10,000 nodes, built and run"
    if engine == "pellucid":
        found = measure(Work(engine, nodes=100 if quick else NODES))
        show(name, found["total"], "s", telemetry=True)
        show("a chain of 10,000 nodes: peak memory", found["peak"] / 2**20, "MiB", telemetry=True)
        return
    sizes = (20, 40) if quick else (500, 1500)
    small, large = (measure(Work(engine, nodes=size, lines=False))["cpu"] for size in sizes)
    exponent = math.log(large / small) / math.log(sizes[1] / sizes[0])
    show(name, large * (NODES / sizes[1]) ** exponent, "s", extrapolated_from=list(sizes), logging="off")


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
