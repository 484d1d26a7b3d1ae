"""Entry points are those that Python's own library finds."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.cli import install_plugin

from pellucid._util.entry_points import installed_entry_points, load_value

if TYPE_CHECKING:
    from pathlib import Path

GROUP = "group.of_tests"


def found(*groups: str) -> list[tuple[str, str, str, str, str]]:
    return [
        (each.group, each.name, each.value, each.distribution, each.version) for each in installed_entry_points(*groups)
    ]


def found_by_library(*groups: str) -> list[tuple[str, str, str, str, str]]:
    points = [each for group in groups for each in importlib.metadata.entry_points(group=group)]
    return [
        (each.group, each.name, each.value, each.dist.name, each.dist.version)
        for each in points
        if each.dist is not None
    ]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_all_that_is_installed_is_found() -> None:
    groups = ("console_scripts", "pellucid.hooks", "pellucid.project_commands", "pytest11", "nobody.has_this")
    assert sorted(found(*groups)) == sorted(found_by_library(*groups))
    assert {name for _, name, *_ in found("pellucid.hooks")} >= {"recorder", "tracing", "metrics", "logging"}


def test_what_is_written_in_other_ways_is_read_as_the_library_reads_it(site: Path) -> None:
    install_plugin(
        site,
        "Odd-Name.of_it",
        f"""
        # a comment
        [other]
        x = no:no

        [{GROUP}]
          first=  package.module : attribute.of_it [extra]
        # second = commented:out
        third = package
        """,
        "",
    )
    assert found(GROUP) == found_by_library(GROUP)
    assert [name for _, name, *_ in found(GROUP)] == ["first", "third"]


def test_of_two_distributions_of_one_name_the_first_on_the_path_counts(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin(site, "a-plugin", f"[{GROUP}]\nx = late:x\n", "")
    first = tmp_path / "first"
    install_plugin(first, "A_plugin", f"[{GROUP}]\nx = early:x\n", "")
    monkeypatch.syspath_prepend(str(first))
    assert found(GROUP) == found_by_library(GROUP)
    assert [value for _, _, value, *_ in found(GROUP)] == ["early:x"]


def test_what_is_installed_later_is_found(site: Path) -> None:
    assert found(GROUP) == []
    install_plugin(site, "late", f"[{GROUP}]\nx = late:x\n", "")
    assert [value for _, _, value, *_ in found(GROUP)] == ["late:x"]


def test_folders_are_read_once_until_they_change(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site, "early", f"[{GROUP}]\nx = early:x\n", "")
    os.utime(site, (1, 1))
    monkeypatch.setattr(sys, "path", [str(site)])
    read: list[str] = []
    scan = os.scandir

    def noted(path: str) -> Any:
        read.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", noted)
    assert [len(found(each)) for each in (GROUP, "console_scripts", GROUP)] == [1, 0, 1]
    assert read == [str(site)]
    install_plugin(site, "late", f"[{GROUP}]\ny = late:y\n", "")
    assert {value for _, _, value, *_ in found(GROUP)} == {"early:x", "late:y"}


def test_a_folder_that_has_just_changed_is_read_again(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(site)])
    before = site.stat()
    assert found(GROUP) == []
    install_plugin(site, "quick", f"[{GROUP}]\nx = quick:x\n", "")
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [value for _, _, value, *_ in found(GROUP)] == ["quick:x"]


def test_a_folder_behind_a_link_is_read(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(site)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "link")])
    for number in range(2):
        install_plugin(site, f"one{number}", f"[{GROUP}]\nx = one{number}:x\n", "")
        os.utime(site, (1, number + 1))
        assert len(found(GROUP)) == number + 1


def test_a_distribution_in_an_archive_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        file.writestr("zipped-1.0.dist-info/entry_points.txt", f"[{GROUP}]\nx = zipped:x\n")
    monkeypatch.syspath_prepend(str(archive))
    assert found(GROUP) == [(GROUP, "x", "zipped:x", "zipped", "1.0")]


def test_a_finder_of_somebody_elses_is_asked(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site / "hidden", "hidden", f"[{GROUP}]\nx = hidden:x\n", "")

    class Finder:
        def find_distributions(self, context: Any) -> list[importlib.metadata.Distribution]:
            return [importlib.metadata.Distribution.at(site / "hidden" / "hidden-1.0.dist-info")]

        def find_spec(self, *args: Any) -> None:
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert found(GROUP) == [(GROUP, "x", "hidden:x", "hidden", "1.0")]


def test_folders_that_are_not_there_are_passed_over(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(site, "one", f"[{GROUP}]\nx = one:x\n", "")
    (site / "broken-1.0.dist-info").symlink_to(site / "nowhere")
    monkeypatch.setattr(sys, "path", [str(site / "missing"), *sys.path])
    assert [value for _, _, value, *_ in found(GROUP)] == ["one:x"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("json", "json"), ("json:dumps", "dumps"), ("json : decoder.JSONDecoder [extra]", "JSONDecoder")],
)
def test_a_value_is_imported(value: str, expected: str) -> None:
    assert load_value(value).__name__ == expected


@pytest.mark.parametrize(
    ("value", "error"), [("no_such_module:x", ModuleNotFoundError), ("json:no_such_name", AttributeError)]
)
def test_a_value_that_cannot_be_imported_raises(value: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_value(value)
