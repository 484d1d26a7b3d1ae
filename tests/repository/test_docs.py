"""What the documents say is there, and what is there is in the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pellucid.framework.cli.cli import KedroCLI
from pellucid.framework.project._known_settings import KNOWN

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
OBSERVABILITY = (ROOT / "docs" / "observability.md").read_text()


def walk(command: click.Command, context: click.Context, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    found = []
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        found += walk(inner, context, (*path, name))
    return found


def weather_project(folder: Path) -> Path:
    command = [sys.executable, "-m", "pellucid", "new", "--name", "Seattle weather", "--directory", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder.parent)
    return folder


@pytest.mark.processes
def test_every_command_is_in_the_reference(tmp_path: Path) -> None:
    project = weather_project(tmp_path / "weather")
    cli = KedroCLI(project_path=project)
    paths = walk(cli, click.Context(cli))
    assert len(paths) > 10
    rows = [
        re.findall(r"`([^`]+)`", line.split("|")[1]) for line in REFERENCE.splitlines() if line.startswith("| `pell")
    ]
    described = set()
    for first, *others in rows:
        *group, _ = first.split()
        described |= {first, *(" ".join([*group, other]) for other in others)}
    assert {" ".join(["pellucid", *path]) for path in paths} <= described


def test_every_setting_is_in_the_reference() -> None:
    assert [name for name in KNOWN if f"`{name}`" not in REFERENCE] == []


def test_every_environment_variable_is_in_the_reference() -> None:
    import pellucid

    source = Path(pellucid.__file__).parent
    named = {
        name
        for path in source.rglob("*.py")
        for name in re.findall(r"\"((?:PELLUCID|KEDRO)_(?!API)[A-Z_]+)\"", path.read_text())
    }
    documented = set(re.findall(r"`((?:PELLUCID|KEDRO)_[A-Z_]+)`", REFERENCE))
    assert "PELLUCID_ENV" in named
    assert documented == named


@pytest.mark.processes
def test_the_examples_run_in_a_new_project(tmp_path: Path) -> None:
    project = weather_project(tmp_path / "weather")
    examples = re.findall(r"```python\n(.*?)```", README + REFERENCE + OBSERVABILITY, flags=re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (project / "data" / "08_reporting" / "report.md").exists()


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), (document.name, target)
