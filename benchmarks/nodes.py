"""Time a node in memory without a session: a chain and a fan-out, in one thread, no hooks, logging off."""

from __future__ import annotations

import logging

from benchmarks.support import engines
from benchmarks.support.figures import arguments, show


def main(engine: str, *, quick: bool) -> None:
    logging.disable(logging.CRITICAL)
    engines.seconds(engine, engines.chain(3))
    count, turns = (20, 1) if quick else (100, 5)
    for shape in (engines.chain, engines.fan_out):
        work = shape(count)
        best = min(engines.seconds(engine, work) for _ in range(turns))
        name = shape.__name__.replace("_", "-")
        show(f"node without a session, {name}", best / count * 1e6, "us", nodes=count, logging="off", least_of=turns)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
