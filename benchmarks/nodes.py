"""Time a node of a chain in memory: sequential runner, no hooks, logging off."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time


def increase(value: int) -> int:
    return value + 1


def chain(engine: str, length: int) -> float:
    """Run a chain of nodes; return the seconds that it took."""
    pipelines = importlib.import_module(f"{engine}.pipeline")
    io = importlib.import_module(f"{engine}.io")
    runner = importlib.import_module(f"{engine}.runner")
    nodes = [pipelines.node(increase, f"d{i}", f"d{i + 1}", name=f"n{i}") for i in range(length)]
    pipeline = pipelines.pipeline(nodes)
    catalog = io.DataCatalog({"d0": io.MemoryDataset(0)})
    start = time.perf_counter()
    result = runner.SequentialRunner().run(pipeline, catalog)
    seconds = time.perf_counter() - start
    assert result[f"d{length}"].load() == length
    return seconds


def main(engine: str, *, quick: bool) -> None:
    logging.disable(logging.CRITICAL)
    chain(engine, 10)
    for length in (20,) if quick else (100, 1000):
        microseconds = min(chain(engine, length) for _ in range(1 if quick else 3)) / length * 1e6
        print(json.dumps({"name": f"node in a chain of {length}", "value": round(microseconds, 1), "unit": "us"}))


if __name__ == "__main__":
    main(sys.argv[1], quick="--quick" in sys.argv)
