"""What is to be reached: at most so much, of Kedro's figure in the same round or of a unit."""

from __future__ import annotations

from dataclasses import dataclass

_PARALLEL = "parallel runner, fork:"
_HUGE = "a run of 100,000 nodes:"


@dataclass(frozen=True)
class Target:
    """One line of the table.

    Attributes:
        work: the figure's name.
        at_most: the largest ratio, or the largest value if there is none to compare with.
        peer: the figure of Kedro; the same name unless given, and none if empty.
    """

    work: str
    at_most: float
    peer: str | None = None

    @property
    def compared_with(self) -> str:
        return self.work if self.peer is None else self.peer

    @property
    def is_ratio(self) -> bool:
        return bool(self.compared_with)


def _processes() -> list[Target]:
    return [
        Target(f"process {name}, {environment}", at_most)
        for environment in ("minimal", "with pandas")
        for name, at_most in (("run", 0.35), ("--version", 0.15), ("--help", 0.15))
    ]


def _nodes() -> list[Target]:
    off, lines = "node of a chain, logging off", "node of a chain, all telemetry, JSON lines to a file"
    pipe = "node of a chain, default logging to a pipe"
    return [
        Target("node without a session, chain", 0.04),
        *(Target(f"{lines}, {when}", 0.12, f"{off}, {when}") for when in ("first run", "again")),
        *(Target(f"{off}, {when}", 0.04) for when in ("first run", "again")),
        *(Target(f"{pipe}, {when}", 0.015) for when in ("first run", "again")),
    ]


def _growths() -> list[Target]:
    return [
        Target(f"growth, {shape}, {runner}", 1.05, "")
        for runner in ("sequential", "thread")
        for shape in ("chain", "fan-out")
    ]


TARGETS = [
    *_processes(),
    *(Target(f"process run, {each}: libraries without need", 0, "") for each in ("minimal", "with pandas")),
    *_nodes(),
    *_growths(),
    Target("telemetry of a node, plain", 60, ""),
    Target("a chain of 10,000 nodes, built and run", 3, ""),
    Target(f"{_HUGE} memory added by telemetry", 64, ""),
    Target(f"{_HUGE} spans lost", 0, ""),
    Target(f"{_PARALLEL} node", 1, ""),
    Target(f"{_PARALLEL} twice as many nodes", 1.1, ""),
    Target("parallel runner, spawn: first node", 0.4),
    *(Target(f"100 MB from worker to worker, {kind}", 0.2) for kind in ("numpy", "pandas", "arrow")),
    Target("catalog of 1,000 from YAML", 0.15),
    Target("parameters of 1,000 from YAML", 0.15),
    Target("name in catalog, 20 patterns, first time", 0.2),
    Target("catalog.get, 20 patterns, first time", 0.2),
    Target("sum of 300 pipelines of 10 nodes", 0.03),
]
