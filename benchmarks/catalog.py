"""Time a catalog of many entries, and the first look at names that patterns match."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time


def main(engine: str, *, quick: bool) -> None:
    logging.disable(logging.CRITICAL)
    io = importlib.import_module(f"{engine}.io")
    size = 100 if quick else 2000
    entries = {f"entry_{i}": {"type": "MemoryDataset"} for i in range(size)}
    start = time.perf_counter()
    io.DataCatalog.from_config(entries)
    built = time.perf_counter() - start
    patterns = {f"{{layer}}_{i}.{{name}}": {"type": "MemoryDataset"} for i in range(20)}
    catalog = io.DataCatalog.from_config(patterns)
    names = [f"raw_{i % 20}.table{i}" for i in range(size)]
    start = time.perf_counter()
    assert all(name in catalog for name in names)
    contained = time.perf_counter() - start
    start = time.perf_counter()
    for name in names:
        catalog.get(name)
    got = time.perf_counter() - start
    for figure, seconds in (("entry of a catalog", built), ("name in catalog", contained), ("catalog.get", got)):
        print(json.dumps({"name": figure, "value": round(seconds / size * 1e6, 2), "unit": "us"}))


if __name__ == "__main__":
    main(sys.argv[1], quick="--quick" in sys.argv)
