from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pellucid.exceptions import NotAProjectError, ProjectError
from pellucid.framework.startup import ProjectMetadata, _add_src_to_path, _get_project_metadata, bootstrap_project
from pellucid.utils import find_project

if TYPE_CHECKING:
    from tests.support.framework import ProjectFolder

GOOD = '[tool.kedro]\npackage_name = "p"\nproject_name = "P"\nkedro_init_version = "1.0.1"\n'


def test_what_a_project_says(project: ProjectFolder) -> None:
    assert bootstrap_project(str(project.path)) == ProjectMetadata(
        config_file=project.path / "pyproject.toml",
        package_name=project.package,
        project_name="A project",
        project_path=project.path,
        source_dir=project.path / "src",
        kedro_init_version="0.1.0",
        tools=None,
        example_pipeline=None,
    )


def test_a_project_is_importable_once(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/first", "/second"]))
    for _ in range(2):
        bootstrap_project(project.path)
    source = str(project.path / "src")
    assert sys.path[0] == source
    assert sys.path.count(source) == 1
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [source, "/first", "/second"]
    importlib.import_module(project.package)


def test_what_was_just_written_is_imported(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(project.path / "src"))
    package = project.path / "src" / project.package
    for folder in (package, package.parent):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("brought" if folder != package else f"{project.package}.brought")
        before = folder.stat()
        (folder / "brought.py").write_text("here = True\n")
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))  # as where a file system tells times in steps
    bootstrap_project(project.path)
    assert importlib.import_module(f"{project.package}.brought").here
    assert importlib.import_module("brought").here
    sys.modules.pop("brought")


def test_what_is_known_of_other_folders_stays(project: ProjectFolder) -> None:
    importlib.import_module("json.tool")
    known = {path for path in sys.path_importer_cache if not path.startswith(str(project.path))}
    bootstrap_project(project.path)
    assert known <= set(sys.path_importer_cache)


def test_a_relative_path(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path.parent)
    assert _get_project_metadata(project.path.name).project_path == project.path


def test_kedros_section_and_all_keys(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(GOOD + 'source_dir = "lib"\ntools = ["a"]\nexample_pipeline = "x"\n')
    metadata = _get_project_metadata(tmp_path)
    assert metadata.source_dir == tmp_path / "lib"
    assert (metadata.kedro_init_version, metadata.tools, metadata.example_pipeline) == ("1.0.1", ["a"], "x")
    with pytest.raises(ProjectError, match=r"source folder is not there: .*lib"):
        bootstrap_project(tmp_path)


def test_our_section_wins_and_needs_no_version(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(GOOD + '[tool.pellucid]\npackage_name = "q"\nproject_name = "Q"\n')
    assert _get_project_metadata(tmp_path).package_name == "q"


def test_a_project_whose_file_is_broken_is_found_and_the_error_told(tmp_path: Path) -> None:
    below = tmp_path / "src"
    below.mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'p'\n\n[tool.pellucid\npackage_name = 'p'\n")
    found = find_project(below)
    assert found == tmp_path
    with pytest.raises(ProjectError, match=r"pyproject\.toml is no valid TOML: .*line 4"):
        bootstrap_project(found)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("[tool.kedro", ProjectError, r"no valid TOML: .*line 1"),
        ("[tool.other]\n", NotAProjectError, r"neither \[tool.pellucid\] nor \[tool.kedro\]"),
        ("tool = 1\n", NotAProjectError, "neither"),
        ("[tool.kedro]\n", ProjectError, "lacks a text for 'package_name', 'project_name'"),
        (GOOD.replace("package_name", "package"), ProjectError, "lacks a text for 'package_name'.*'package'"),
        (GOOD.replace('"p"', "3"), ProjectError, "lacks a text for 'package_name'"),
        (GOOD.replace('"p"', '"a-b"'), ProjectError, "'a-b', which is no name of a Python package"),
        (GOOD + "sourcedir = 'x'\n", ProjectError, "not known: 'sourcedir'.*'source_dir'"),
        (GOOD.replace("1.0.1", "0.19.3"), ProjectError, "made for Kedro 0.19.3; pellucid follows Kedro 1.x"),
        (GOOD.replace("1.0.1", "latest"), ProjectError, "'latest', which is no version"),
        (GOOD + "source_dir = '../x'\n", ProjectError, "has to lie in the project"),
        ("\udcff", ProjectError, "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, kind: type[Exception], expected: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(kind, match=expected):
        bootstrap_project(tmp_path)


def test_a_newer_project_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "pyproject.toml").write_text(GOOD.replace("1.0.1", "2.0.0"))
    assert _get_project_metadata(tmp_path).kedro_init_version == "2.0.0"
    assert "made for Kedro 2.0.0" in caplog.text


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(NotAProjectError, match=f"{tmp_path} has no pyproject.toml, so it holds no project.$"):
        bootstrap_project(tmp_path)
    with pytest.raises(NotAProjectError, match="nowhere is not a folder"):
        bootstrap_project(tmp_path / "nowhere")


def test_a_project_above_or_below_is_named(project: ProjectFolder) -> None:
    with pytest.raises(NotAProjectError, match=f"The folder above it is one: {project.path}"):
        bootstrap_project(project.path / "src" / project.package)
    with pytest.raises(NotAProjectError, match=f"A folder in it is one: {project.path}"):
        bootstrap_project(project.path.parent)


def test_the_source_folder_alone(project: ProjectFolder) -> None:
    _add_src_to_path(project.path / "src", project.path)
    assert sys.path[0] == str(project.path / "src")
    with pytest.raises(ProjectError):
        _add_src_to_path(Path("/"), project.path)
