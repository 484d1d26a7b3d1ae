"""Time reading a catalog and parameters from YAML."""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path


def main(engine: str, *, quick: bool) -> None:
    config = importlib.import_module(f"{engine}.config")
    size = 50 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        base, local = Path(folder, "base"), Path(folder, "local")
        base.mkdir()
        local.mkdir()
        entry = "table_{0}:\n  type: pandas.CSVDataset\n  filepath: data/{0}.csv\n  save_args:\n    index: false\n"
        # In parts, as OmegaConf refuses to read a file of a thousand entries.
        for first in range(0, size, 50):
            part = range(first, first + 50)
            (base / f"catalog_{first}.yml").write_text("".join(entry.format(i) for i in part))
            (base / f"parameters_{first}.yml").write_text("".join(f"p{i}:\n  a: {i}\n  b: [1, 2.5, x]\n" for i in part))
        loader = config.OmegaConfigLoader(folder, base_env="base", default_run_env="local")
        for key in ("catalog", "parameters"):
            start = time.perf_counter()
            assert len(loader[key]) == size
            seconds = time.perf_counter() - start
            print(json.dumps({"name": f"{key} of {size} keys", "value": round(seconds * 1e3, 2), "unit": "ms"}))


if __name__ == "__main__":
    main(sys.argv[1], quick="--quick" in sys.argv)
