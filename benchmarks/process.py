"""Time whole processes, from start to exit code: two that only print, and one that runs a node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = {
    "pyproject.toml": '[tool.kedro]\npackage_name = "bare"\nproject_name = "bare"\nkedro_init_version = "1.7.0"\n',
    "conf/base/catalog.yml": "",
    "conf/base/parameters.yml": "number: 1\n",
    "conf/local/.gitkeep": "",
    "src/bare/__init__.py": "",
    "src/bare/settings.py": "",
    "src/bare/pipeline_registry.py": (
        "from ENGINE.pipeline import node, pipeline\n\n\n"
        "def same(x):\n    return x\n\n\n"
        "def register_pipelines():\n"
        "    return {'__default__': pipeline([node(same, 'params:number', 'out', name='same')])}\n"
    ),
}


def write_project(folder: Path, engine: str) -> None:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("ENGINE", engine))


def main(engine: str, *, quick: bool) -> None:
    environment = {**os.environ, "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), engine)
        for arguments in (["--version"], ["--help"], ["run"]):
            times = []
            for _ in range(1 if quick else 3):
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", engine, *arguments],
                    cwd=folder,
                    env=environment,
                    check=True,
                    capture_output=True,
                )
                times.append(time.perf_counter() - start)
            print(
                json.dumps({"name": f"process {' '.join(arguments)}", "value": round(min(times) * 1e3), "unit": "ms"})
            )


if __name__ == "__main__":
    main(sys.argv[1], quick="--quick" in sys.argv)
