"""Time a node of a chain in a session: with logging off and by default, with telemetry and without.

Each figure is there twice: for a process that runs once, where the first node pays what is imported for it, and for the
best of further sessions in the same process, which is what a node itself costs.
"""

from __future__ import annotations

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, again, measure


def main(engine: str, *, quick: bool) -> None:
    work = Work(engine, nodes=20 if quick else 100, times=2 if quick else 4)
    off, pipe = "node of a chain, logging off", "node of a chain, default logging to a pipe"
    variants = {off: work.but(lines=False), pipe: work.but(to="pipe")}
    if engine == "pellucid":
        variants = {
            off: work.but(lines=False, telemetry=False),
            "node of a chain, all telemetry, JSON lines to a file": work,
            pipe: work.but(to="pipe"),
        }
    for name, each in variants.items():
        found = [measure(each) for _ in range(1 if quick else 2)]
        conditions = {"nodes": work.nodes, "telemetry": engine == "pellucid" and each.telemetry, "least_of": len(found)}
        for what, seconds in {
            "first run": [one["wall"] for one in found],
            "again": [again(one, "wall") for one in found],
            "again: processor": [again(one, "cpu") for one in found],
        }.items():
            show(f"{name}, {what}", min(seconds) / work.nodes * 1e6, "us", **conditions)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
