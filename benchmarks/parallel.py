"""Nodes that do nothing in worker processes: time a node with fork, and the time until the first one with spawn."""

from __future__ import annotations

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, measure

SIZES = {"pellucid": (200, 400), "kedro": (25, 50)}
"""Kedro takes more for a node the more there are: a quarter of a second with 200."""


def start_method(engine: str, name: str) -> dict[str, str]:
    return {f"{engine.upper()}_MP_CONTEXT": name}


def main(engine: str, *, quick: bool) -> None:
    quiet = engine == "pellucid"  # with all telemetry; the other with its logging off
    fork = Work(engine, "independent", runner="parallel", lines=quiet, variables=start_method(engine, "fork"))
    each = []
    for size in (4, 8) if quick else SIZES[engine]:
        best = (
            min(measure(fork.but(nodes=size))["wall"] for _ in range(1 if quick or engine != "pellucid" else 2))
            / size
            * 1e3
        )
        each.append(best)
    small, large = (4, 8) if quick else SIZES[engine]
    show("parallel runner, fork: node", each[0], "ms", nodes=small)
    show("parallel runner, fork: node of twice as many", each[1], "ms", nodes=large)
    show("parallel runner, fork: twice as many nodes", each[1] / each[0], "times a node's time", sizes=[small, large])
    spawn = Work(engine, "first", 1, "parallel", lines=quiet, variables=start_method(engine, "spawn"))
    found = [measure(spawn) for _ in range(1 if quick else 2)]
    first = min(one["returned"]["stamped"] - one["began"] for one in found)
    show("parallel runner, spawn: first node", first * 1e3, "ms")


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
