"""What telemetry adds: to a node with a load and a save in memory, to the end of the session, to the start of a run.

On and off in turns, the second run of a process, log lines going to a file. "Plain" is what a project gets that
configures nothing; "no lines" has the runtime's and telemetry's own lines switched off on both sides. "Without" leaves
one part of telemetry out.
"""

from __future__ import annotations

from typing import Any

from benchmarks.support.figures import arguments, show
from benchmarks.support.projects import Work, again, measure


def pairs(work: Work, turns: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(measure(work.but(telemetry=False)), measure(work)) for _ in range(turns)]


def added(found: list[tuple[dict[str, Any], dict[str, Any]]], *keys: str) -> float:
    """Return the least with telemetry, less the least without: what disturbed a run is in neither."""
    off, on = (min(again(run, *keys) for run in runs) for runs in zip(*found, strict=True))
    return on - off


def compare(name: str, work: Work, turns: int) -> None:
    """Show what telemetry costs a node; the end of the session is shared out to the nodes."""
    found = pairs(work, turns)
    for of, keys in {
        "": ("wall", "close"),
        ": processor": ("cpu", "close cpu"),
        ", in the run": ("wall",),
        ", in the run: processor": ("cpu",),
        ", end of the session": ("close",),
    }.items():
        value = added(found, *keys) / work.nodes * 1e6
        show(f"telemetry of a node, {name}{of}", value, "us", nodes=work.nodes, turns=turns)


def main(engine: str, *, quick: bool) -> None:
    turns = 1 if quick else 3
    work = Work(engine, nodes=20 if quick else 2000, times=2)
    compare("plain", work, turns)
    compare("no lines", work.but(lines=False), turns)
    for part in ("tracing", "metrics", "logging"):
        found = pairs(work.but(without=part), turns)
        value = added(found, "cpu", "close cpu") / work.nodes * 1e6
        show(f"telemetry of a node, without {part}: processor", value, "us", nodes=work.nodes, turns=turns)
    found = pairs(work.but(nodes=1, times=1), turns)
    for what, key in (("start", "before"), ("end", "close")):
        off, on = (min(run[key] for run in runs) for runs in zip(*found, strict=True))
        show(f"telemetry of a session of one node: {what}", (on - off) * 1e3, "ms", turns=turns)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
