"""How the time of a run grows with the number of its nodes: the exponent, 1 where a node costs the same in any run.

Processor time of the second run in a process, with the end of its session: what the first one imports would make the
small size look dearer than it is.
"""

from __future__ import annotations

import math

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, again, measure

SIZES = {"pellucid": (1000, 10_000), "kedro": (250, 1000)}
"""Kedro's larger runs would take minutes each."""


def main(engine: str, *, quick: bool) -> None:
    sizes = (10, 40) if quick else SIZES[engine]
    for runner in ("sequential", "thread"):
        for shape in ("chain", "fan-out"):
            work = Work(engine, shape, runner=runner, times=2, lines=engine == "pellucid")
            low, high = (again(measure(work.but(nodes=size)), "cpu", "close cpu") for size in sizes)
            exponent = math.log(high / low) / math.log(sizes[1] / sizes[0])
            show(f"growth, {shape}, {runner}", exponent, "exponent", sizes=sizes, telemetry=engine == "pellucid")
            show(f"node of a large {shape}, {runner}", high / sizes[1] * 1e6, "us", nodes=sizes[1])


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
