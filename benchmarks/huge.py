"""A run of 100,000 nodes: what telemetry adds to its memory, and whether the history has every span of it."""

from __future__ import annotations

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, measure

OF_A_SESSION = 5
"""Spans that are no node's: the session, its creation, the context, the catalog, the run."""


def main(engine: str, *, quick: bool) -> None:
    work = Work(engine, nodes=200 if quick else 100_000)
    off, on = measure(work.but(telemetry=False)), measure(work)
    # A node, a load and a save each; the first one loads a parameter, which has no span.
    expected = 3 * work.nodes - 1 + OF_A_SESSION
    show("a run of 100,000 nodes: spans lost", expected - on["spans"], "spans", nodes=work.nodes, expected=expected)
    show(
        "a run of 100,000 nodes: memory added by telemetry", (on["peak"] - off["peak"]) / 2**20, "MiB", nodes=work.nodes
    )
    for name, found in (("off", off), ("on", on)):
        show(f"a run of 100,000 nodes: peak memory, telemetry {name}", found["peak"] / 2**20, "MiB", nodes=work.nodes)
        show(f"a run of 100,000 nodes: whole, telemetry {name}", found["total"], "s", nodes=work.nodes)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
