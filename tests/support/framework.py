"""Small projects, written to a folder, for tests of the framework."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NUMBERS = itertools.count()

RECORDER = '''
from pellucid.framework.hooks import hook_impl

class Recorder:
    """Notes the names of the hooks in the order of their calls, and lets some of them raise."""

    def __init__(self):
        self.calls = []
        self.errors = []
        self.raising = {}

    def note(self, name, **arguments):
        self.calls.append(name)
        if "error" in arguments:
            self.errors.append(arguments["error"])
        if name in self.raising:
            raise self.raising[name]

    @hook_impl
    def after_session_created(self, session): self.note("after_session_created")
    @hook_impl
    def before_session_closed(self, session): self.note("before_session_closed")
    @hook_impl
    def before_context_created(self, session, run_id): self.note("before_context_created")
    @hook_impl
    def after_context_created(self, context): self.note("after_context_created")
    @hook_impl
    def on_context_error(self, error, session, run_id): self.note("on_context_error", error=error)
    @hook_impl
    def before_catalog_created(self, run_id): self.note("before_catalog_created")
    @hook_impl
    def after_catalog_created(self, catalog, conf_catalog, conf_creds, parameters, save_version, load_versions):
        self.catalog_arguments = (conf_catalog, conf_creds, parameters, save_version, load_versions)
        self.note("after_catalog_created")
    @hook_impl
    def on_catalog_error(self, error, run_id): self.note("on_catalog_error", error=error)
    @hook_impl
    def on_run_refused(self, error, run_id, pipeline_name): self.note("on_run_refused", error=error)
    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        self.run_params = run_params
        self.note("before_pipeline_run")
    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog): self.note("after_pipeline_run")
    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog): self.note("on_pipeline_error", error=error)

recorder = Recorder()
'''

SETTINGS = "from {package}.recorder import recorder\nHOOKS = (recorder,)\n"

NODES = """
from pellucid.pipeline import node, pipeline

def double(x):
    return 2 * x

def create_pipeline(**kwargs):
    return pipeline([node(double, "params:x", "doubled", name="double")])
"""

REGISTRY = """
from pellucid.framework.project import find_pipelines

def register_pipelines():
    return find_pipelines()
"""


@dataclass(frozen=True)
class ProjectFolder:
    """A project on disk."""

    path: Path
    package: str

    @property
    def source(self) -> Path:
        """The folder of the project's package."""
        return self.path / "src" / self.package

    def write(self, name: str, text: str) -> Path:
        """Write a file below the project; ``{package}`` in a Python file stands for the package."""
        path = self.path / name.replace("{package}", self.package)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = textwrap.dedent(text)
        path.write_text(text.replace("{package}", self.package) if name.endswith(".py") else text, encoding="utf-8")
        return path

    def module(self, name: str, text: str) -> Path:
        """Write a module of the package, for example ``settings`` or ``pipelines/a``."""
        return self.write(f"src/{self.package}/{name}.py", text)

    def pipeline(self, name: str, text: str = NODES) -> Path:
        """Write the module of a pipeline."""
        self.module("pipelines/__init__", "")
        return self.module(f"pipelines/{name}/__init__", text)

    def script(self, body: str, **environment: str) -> subprocess.Popen[str]:
        """Start a script in a process of its own, the project bootstrapped; a session is made by the body."""
        script = self.path / f"script{next(_NUMBERS)}.py"
        script.write_text(_PREAMBLE.format(path=str(self.path), body=_indented(body)), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.path,
            env={**os.environ, **environment},
        )

    def run_script(self, body: str, **environment: str) -> tuple[int, str, str]:
        """Run a script to its end, and return its exit code, its output and its errors."""
        with self.script(body, **environment) as process:
            out, err = process.communicate(timeout=60)
        return process.returncode, out, err


_PREAMBLE = """
import os, signal, sys, threading
from pathlib import Path
from pellucid.framework.startup import bootstrap_project
from pellucid.framework.session import KedroServiceSession, KedroSession

def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    bootstrap_project({path!r})
{body}

if __name__ == "__main__":
    main()
"""


def _indented(body: str) -> str:
    return textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")


def make_project(
    folder: Path, modules: Mapping[str, str] | None = None, package: str | None = None, parameters: str = "x: 1\n"
) -> ProjectFolder:
    """Write a project with one pipeline, ``double``, that doubles the parameter ``x``.

    Args:
        folder: where to; made if it is not there.
        modules: modules of the package by name, in place of those that it has otherwise.
        package: its name; the default is one that no other project of this process has.
        parameters: the text of ``parameters.yml``.
    """
    name = package or f"project_{os.getpid()}_{next(_NUMBERS)}"
    project = ProjectFolder(folder.resolve(), name)
    project.write(
        "pyproject.toml",
        f'[tool.pellucid]\npackage_name = "{name}"\nproject_name = "A project"\npellucid_init_version = "0.1.0"\n',
    )
    project.write("conf/base/catalog.yml", "{}\n")
    project.write("conf/base/parameters.yml", parameters)
    project.write("conf/local/.gitkeep", "")
    texts = {
        "__init__": "",
        "recorder": RECORDER,
        "settings": SETTINGS,
        "pipeline_registry": REGISTRY,
        "pipelines/__init__": "",
        "pipelines/double/__init__": NODES,
        **(modules or {}),
    }
    for module, text in texts.items():
        project.module(module, text)
    return project
