"""One project, written for Kedro 1.x, run on Kedro and, with one word of its imports changed, on pellucid.

The project's data is real (three raw files of some megabytes); its outputs and every call of its hooks must be the
same on both. Needs an interpreter with kedro, kedro-datasets and pellucid; `make test` makes it and names it in
``PELLUCID_TEST_KEDRO_PYTHON``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "spaceflights"
ROOT = Path(__file__).parents[2]
RAW = Path(os.environ.get("PELLUCID_TEST_DATA", ROOT.parent / "shared" / "data")) / "spaceflights"
PYTHON = os.environ.get("PELLUCID_TEST_KEDRO_PYTHON", "")

pytestmark = [pytest.mark.acceptance, pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def _needs_kedro_and_data() -> None:
    for missing in (name for name in (PYTHON, str(RAW)) if not name or not Path(name).exists()):
        message = f"an interpreter with Kedro, or the raw data, is missing: {missing!r}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def make_project(folder: Path, engine: str) -> Path:
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    (folder / "data" / "01_raw").symlink_to(RAW.resolve())
    for source in folder.rglob("*.py"):
        text = source.read_text()
        source.write_text(re.sub(r"\b(from|import) kedro\b", rf"\1 {engine}", text))
    return folder


def run(project: Path, engine: str, *options: str, code: int = 0) -> str:
    environment = {**os.environ, "DO_NOT_TRACK": "1", "KEDRO_DISABLE_TELEMETRY": "1"}
    environment.pop("COVERAGE_PROCESS_START", None)
    done = subprocess.run(
        [str(ROOT / PYTHON), "-m", engine, "run", *options],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def outputs_of(project: Path) -> dict[str, bytes]:
    """Every file that the run wrote, by path; the version in a path reads as VERSION."""
    made = project / "data" / "02_made"
    version = re.compile(r"\d{4}-\d\d-\d\dT[^/]+Z[^/]*")
    return {
        version.sub("VERSION", str(path.relative_to(made))): path.read_bytes()
        for path in sorted(made.rglob("*"))
        if path.is_file()
    }


def hooks_of(project: Path, *, ordered: bool) -> list[str]:
    lines = (project / "hooks.log").read_text().splitlines()
    return lines if ordered else sorted(lines)


def both(tmp_path: Path, *options: str, code: int = 0) -> tuple[Path, Path]:
    kedro, pellucid = make_project(tmp_path / "kedro", "kedro"), make_project(tmp_path / "pellucid", "pellucid")
    run(kedro, "kedro", *options, code=code)
    run(pellucid, "pellucid", *options, code=code)
    return kedro, pellucid


@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
def test_a_whole_run_gives_the_same_files_and_hook_calls(tmp_path: Path, runner: str) -> None:
    kedro, pellucid = both(tmp_path, "--runner", runner)
    assert outputs_of(pellucid) == outputs_of(kedro)
    assert len(outputs_of(pellucid)) == 5
    assert hooks_of(pellucid, ordered=False) == hooks_of(kedro, ordered=False)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--pipeline", "processing", "--tags", "fast"), marks=pytest.mark.long),
        ("--pipelines", "processing,science", "--env", "nightly"),
        ("--to-nodes", "clean_companies,clean_shuttles", "--params", "split.cap=2000"),
        ("--pipelines", "processing,science", "--params", "cap=1500,split.seed=3", "--async"),
        pytest.param(("--from-inputs", "companies", "--to-outputs", "clean_companies"), marks=pytest.mark.long),
    ],
    ids=" ".join,
)
def test_options_select_the_same_nodes(tmp_path: Path, options: tuple[str, ...]) -> None:
    kedro, pellucid = both(tmp_path, *options)
    assert hooks_of(pellucid, ordered=False) == hooks_of(kedro, ordered=False)
    if (kedro / "data" / "02_made").exists():
        assert outputs_of(pellucid) == outputs_of(kedro)


def test_only_missing_outputs_runs_the_same_nodes_after_one_file_is_gone(tmp_path: Path) -> None:
    kedro, pellucid = both(tmp_path)
    for project, engine in ((kedro, "kedro"), (pellucid, "pellucid")):
        (project / "hooks.log").unlink()
        (project / "data" / "02_made" / "price.txt").unlink()
        run(project, engine, "--only-missing-outputs")
    assert hooks_of(pellucid, ordered=False) == hooks_of(kedro, ordered=False)
    assert any("before_node_run compare" in line for line in hooks_of(pellucid, ordered=True))
    assert not any("before_node_run clean_companies" in line for line in hooks_of(pellucid, ordered=True))


def test_a_failing_run_ends_with_the_same_hook(tmp_path: Path) -> None:
    kedro, pellucid = make_project(tmp_path / "kedro", "kedro"), make_project(tmp_path / "pellucid", "pellucid")
    for project, engine in ((kedro, "kedro"), (pellucid, "pellucid")):
        nodes = project / "src" / "spaceflights" / "pipelines" / "science" / "nodes.py"
        nodes.write_text(nodes.read_text() + "\n\ndef fit(train, test, features):\n    raise RuntimeError('no luck')\n")
        said = run(project, engine, code=1)
        assert "no luck" in said
        assert hooks_of(project, ordered=True)[-1] == "on_pipeline_error RuntimeError"
