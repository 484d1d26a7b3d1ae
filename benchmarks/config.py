"""Time reading a catalog and parameters from YAML, and a catalog of 10,000 entries in one file."""

from __future__ import annotations

import importlib
import logging
import tempfile
import time
from pathlib import Path

from benchmarks.support.figures import arguments, show

ENTRY = "table_{0}:\n  type: pandas.CSVDataset\n  filepath: data/{0}.csv\n  save_args:\n    index: false\n"
PARAMETER = "p{0}:\n  a: {0}\n  b: [1, 2.5, x]\n"


def write(folder: Path, size: int, of_a_file: int) -> None:
    """Write a configuration of so many entries and parameters."""
    base = folder / "base"
    for path in (base, folder / "local"):
        path.mkdir(parents=True)
    for first in range(0, size, of_a_file):
        part = range(first, min(first + of_a_file, size))
        (base / f"catalog_{first}.yml").write_text("".join(map(ENTRY.format, part)))
        (base / f"parameters_{first}.yml").write_text("".join(map(PARAMETER.format, part)))


def seconds(engine: str, folder: Path, key: str, size: int) -> float:
    config = importlib.import_module(f"{engine}.config")
    loader = config.OmegaConfigLoader(str(folder), base_env="base", default_run_env="local")
    start = time.perf_counter()
    assert len(loader[key]) == size
    return time.perf_counter() - start


def main(engine: str, *, quick: bool) -> None:
    logging.disable(logging.CRITICAL)
    size, turns = (50, 1) if quick else (1000, 2)
    with tempfile.TemporaryDirectory() as name:
        # In parts, since OmegaConf refuses to read a file of a thousand entries.
        write(Path(name, "parts"), size, 50)
        for key in ("catalog", "parameters"):
            best = min(seconds(engine, Path(name, "parts"), key, size) for _ in range(turns))
            show(f"{key} of 1,000 from YAML", best * 1e3, "ms", keys=size, files=size // 50)
        if engine == "pellucid":
            many = size * 10
            write(Path(name, "one"), many, many)
            show("catalog of 10,000 in one file", seconds(engine, Path(name, "one"), "catalog", many), "s", keys=many)


if __name__ == "__main__":
    given = arguments()
    main(given[0], quick=given[1])
