"""Projects on disk, and ways to call the command line in them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pellucid import exceptions
from pellucid.framework.cli.cli import KedroCLI

PACKAGE = "demo_project"
FRAMES_OF_PELLUCID = str(Path(exceptions.__file__).parent)

NODES = """
import os
import signal
import sys
import time


def same(x):
    print(f"value {x!r}")
    return x


def boom(x):
    error = RuntimeError(f"boom {x}")
    error.__notes__ = ["a note of the user"]  # what add_note does, on every Python
    raise error


def leave(x):
    sys.exit(0)


def die(x):
    os.kill(os.getpid(), signal.SIGKILL)


def wait(x):
    print("waiting", flush=True)
    [time.sleep(0.1) for _ in range(600)]  # in steps, so that no signal falls into the moment before a long one


def interrupt(x):
    raise KeyboardInterrupt


def params(parameters):
    import json

    print("parameters " + json.dumps(parameters, sort_keys=True))
"""

REGISTRY = """
from pellucid.pipeline import node, pipeline

from . import nodes


def register_pipelines():
    good = pipeline([
        node(nodes.same, "params:a", "x", name="first", tags=["tagged"]),
        node(nodes.same, "x", "y_out", name="second"),
        node(nodes.same, "y_out", "z", name="third"),
    ])
    return {
        "__default__": good,
        "good": good,
        "empty": pipeline([]),
        "show": pipeline([node(nodes.params, "parameters", None, name="show")]),
        **{
            name: pipeline([node(getattr(nodes, name), "params:a", "out", name=f"{name}_node")])
            for name in ("boom", "leave", "die", "wait", "interrupt")
        },
    }
"""

CATALOG = """
"{name}_out":
  type: pickle.PickleDataset
  filepath: data/{name}.pkl
x:
  type: pickle.PickleDataset
  filepath: data/x.pkl
"""


def make_project(root: Path, *, section: str = "pellucid", **files: str) -> Path:
    """Write a project, and return its folder; ``files`` are texts of modules of its package, by name."""
    package = root / "src" / PACKAGE
    for folder in (package, root / "conf" / "base", root / "conf" / "local", root / "data"):
        folder.mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        f'[tool.{section}]\npackage_name = "{PACKAGE}"\nproject_name = "Demo"\n'
        + ('kedro_init_version = "1.7.0"\n' if section == "kedro" else "")
    )
    (root / "conf" / "base" / "catalog.yml").write_text(CATALOG)
    (root / "conf" / "base" / "parameters.yml").write_text("a: 1\n")
    modules = {"__init__": "", "settings": "", "nodes": NODES, "pipeline_registry": REGISTRY, **files}
    for name, text in modules.items():
        (package / f"{name}.py").write_text(textwrap.dedent(text))
    return root


def invoke(folder: Path, *args: str, typed: str | None = None) -> Result:
    """Call the command line in this process, as if it were started in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(KedroCLI(folder), list(args), input=typed, prog_name="pellucid")
    finally:
        os.chdir(before)


def start(folder: Path, *args: str, **kwargs: Any) -> subprocess.Popen[str]:
    """Start the command line in a process of its own."""
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **kwargs}
    return subprocess.Popen([sys.executable, "-m", "pellucid", *args], cwd=folder, **options)


def unmeasured() -> dict[str, str]:
    """Return the environment without what measures coverage, which handles signals and imports modules itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def pellucid(folder: Path, *args: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        **kwargs,
    )


def install_plugin(site: Path, name: str, entry_points: str, code: str, *, module: str | None = None) -> None:
    """Write a distribution with one module, as pip would install it, to a folder that is on ``sys.path``."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    (site / f"{module or name.replace('-', '_')}.py").write_text(textwrap.dedent(code))
