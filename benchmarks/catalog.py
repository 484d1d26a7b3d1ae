"""Time a catalog of many entries, and the first look at names that one of 20 patterns matches."""

from __future__ import annotations

import importlib
import logging
import time

from benchmarks.support.figures import arguments, show


def main(engine: str, *, quick: bool) -> None:
    logging.disable(logging.CRITICAL)
    io = importlib.import_module(f"{engine}.io")
    size = 100 if quick else 1000
    entries = {f"entry_{i}": {"type": "MemoryDataset"} for i in range(size)}
    start = time.perf_counter()
    io.DataCatalog.from_config(entries)
    built = time.perf_counter() - start
    catalog = io.DataCatalog.from_config({f"{{layer}}_{i}.{{name}}": {"type": "MemoryDataset"} for i in range(20)})
    names = [f"raw_{i % 20}.table{i}" for i in range(size)]
    start = time.perf_counter()
    assert all(name in catalog for name in names)
    contained = time.perf_counter() - start
    fresh = io.DataCatalog.from_config({f"{{layer}}_{i}.{{name}}": {"type": "MemoryDataset"} for i in range(20)})
    start = time.perf_counter()
    for name in names:
        fresh.get(name)
    got = time.perf_counter() - start
    show("entry of a catalog, made", built / size * 1e6, "us", entries=size)
    show("name in catalog, 20 patterns, first time", contained / size * 1e6, "us", names=size)
    show("catalog.get, 20 patterns, first time", got / size * 1e6, "us", names=size)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
