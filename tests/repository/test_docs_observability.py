"""What the page on observability says: its tables are made from the source, and what it names is there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from tests.support.documents import PAGE, renewed
from tests.support.external import binary
from tests.support.picture import draw, spans_of

from pellucid.observability._cli._runs_commands import runs
from pellucid.observability._cli._telemetry_commands import telemetry
from pellucid.observability.options import load_options, options_table
from pellucid.observability.semconv import METRICS

ROOT = Path(__file__).parents[2]
TEXT = PAGE.read_text()
TEXTS = TEXT + "".join((ROOT / name).read_text() for name in ("README.md", "SECURITY.md", "docs/reference.md"))
SECTIONS = {row.key.split(".")[0] for row in options_table()}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def problems_of(folder: Path, settings: str) -> list[str]:
    """Return what the options find wrong in a file of settings."""
    for name in ("base", "local"):
        (folder / "conf" / name).mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "base" / "observability.yml").write_text(settings)
    loaded = load_options(folder, "conf", None, "package", {})
    assert set(loaded.origins.values()) != {"default"}, settings
    return [str(each) for each in loaded.problems]


def weather(folder: Path, *arguments: str) -> str:
    """Call the command line where telemetry is on, and return what it prints."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-m", "pellucid", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder, env=environ).stdout


def commands() -> set[str]:
    """Return the calls of ``runs`` and ``telemetry`` that the documents show."""
    found = re.findall(r"pellucid ((?:runs|telemetry) [^`\n#|]*)", TEXTS)
    return {each.strip().rstrip(".,:;") for each in found}


def test_the_tables_are_made_from_the_source() -> None:
    """``python -m tests.support.documents`` writes them."""
    assert renewed(TEXT) == TEXT


def test_the_example_of_a_file_can_be_used(tmp_path: Path) -> None:
    examples = [each for each in blocks("yaml") if set(yaml.safe_load(each)) <= SECTIONS]
    assert len(examples) == 1
    assert problems_of(tmp_path, examples[0]) == []


def test_settings_in_a_line_can_be_used(tmp_path: Path) -> None:
    lines = re.findall(rf"`((?:{'|'.join(sorted(SECTIONS))}): [^`]+)`", TEXTS)
    assert len(lines) > 8
    for line in lines:
        assert problems_of(tmp_path, line) == [], line


def test_the_variables_are_known() -> None:
    known = {variable for row in options_table() for variable in row.variables} | {"OTEL_PYTHON_TRACER_PROVIDER"}
    assert {name for name in re.findall(r"OTEL_[A-Z_]+[A-Z]", TEXTS) if name not in known} == set()


def test_the_metrics_are_known() -> None:
    known = {metric.name for metric in METRICS}
    assert set(re.findall(r"\bpellucid_[a-z_]+", TEXT)) == known


def test_the_commands_are_there() -> None:
    groups = {"runs": runs, "telemetry": telemetry}
    assert len(commands()) > 10
    for call in commands():
        group_name, name, *words = shlex.split(call)
        group = groups[group_name]
        assert isinstance(group, click.Group)
        command = group.commands[name]
        options = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= options, call


@pytest.mark.processes
def test_the_picture_is_of_the_demo(tmp_path: Path) -> None:
    weather(tmp_path, "new", "--name", "Seattle weather", "--directory", "demo")
    weather(tmp_path / "demo", "run")
    drawn = draw(spans_of(json.loads(weather(tmp_path / "demo", "runs", "export"))))
    names = re.compile(r'fill="#222">([^<]+)<')
    committed = (ROOT / "docs" / "demo-run.svg").read_text()
    assert len(names.findall(committed)) > 40
    assert names.findall(drawn) == names.findall(committed)


@pytest.mark.external
@pytest.mark.parametrize(("key", "kind"), [("groups", "rules"), ("scrape_configs", "config")])
def test_prometheus_takes_the_examples(tmp_path: Path, key: str, kind: str) -> None:
    promtool = binary("promtool")
    examples = [each for each in blocks("yaml") if key in yaml.safe_load(each)]
    assert examples
    for example in examples:
        (tmp_path / "example.yml").write_text(example)
        done = subprocess.run(
            [promtool, "check", kind, str(tmp_path / "example.yml")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
