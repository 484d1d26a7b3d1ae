from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from tests.support.config import load, make_loader, write_conf

from pellucid.config import BadConfigException, MissingConfigException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES: dict[str, str | bytes] = {
    "base/parameters.yml": "a: 1\nb: {c: 2}\n",
    "base/sub/deep/parameters_more.yml": "d: 3\n",
    "local/parameters.json": '{"a": 9}',
    "README.md": "no configuration",
}
EXPECTED = {"a": 9, "b": {"c": 2}, "d": 3}


def make_zip(folder: Path, target: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target


def make_tar(folder: Path, target: Path, prefix: str = "", mode: Any = "w:gz") -> Path:
    with tarfile.open(target, mode) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, prefix + path.relative_to(folder).as_posix(), recursive=False)
    return target


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return write_conf(tmp_path / "conf", FILES)


@pytest.fixture
def memory() -> Iterator[Any]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


def test_a_folder_may_be_a_path_a_text_or_a_file_url(conf: Path) -> None:
    for source in (conf, str(conf), f"file://{conf}"):
        assert make_loader(source)["parameters"] == EXPECTED


def test_a_relative_folder_is_read(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(conf.parent)
    assert make_loader("conf")["parameters"] == EXPECTED


def test_folders_may_be_links_also_in_a_circle(tmp_path: Path, conf: Path) -> None:
    (conf / "prod").symlink_to(conf / "local", target_is_directory=True)
    (conf / "base" / "sub" / "again").symlink_to(conf / "base", target_is_directory=True)
    (tmp_path / "linked").symlink_to(conf, target_is_directory=True)
    assert make_loader(tmp_path / "linked", env="prod")["parameters"] == EXPECTED


@pytest.mark.parametrize("prefix", ["", "conf/", "./", "./conf/"])
@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz", "tar.bz2"])
def test_an_archive_is_read_in_place(tmp_path: Path, conf: Path, prefix: str, kind: str) -> None:
    """Environments are at the top of it, or in its one folder at the top; nothing is written."""
    target = tmp_path / "out" / f"archive.{kind}"
    target.parent.mkdir()
    if kind == "zip":
        make_zip(conf, target, prefix)
    else:
        make_tar(conf, target, prefix, {"tar": "w", "tar.bz2": "w:bz2"}.get(kind, "w:gz"))
    for source in (target, str(target)):
        loader = make_loader(source)
        assert loader["parameters"] == EXPECTED
    assert [each.name for each in target.parent.iterdir()] == [target.name]


def test_an_archive_without_entries_for_folders_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("conf/base/parameters.yml", "a: 1")
        archive.writestr("conf/local/.gitkeep", "")
    assert make_loader(tmp_path / "c.zip")["parameters"] == {"a": 1}


def test_the_single_environment_of_an_archive_is_no_wrapping_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("base/parameters.yml", "a: 1")
    assert make_loader(tmp_path / "c.zip", default_run_env="")["parameters"] == {"a": 1}
    assert make_loader(tmp_path / "c.zip", base_env=None, default_run_env=None)["parameters"] == {"a": 1}
    with pytest.raises(MissingConfigException, match=r"no folder .*c\.zip/local\. There are 'base'"):
        make_loader(tmp_path / "c.zip")["parameters"]


def test_members_that_lead_out_of_an_archive_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "c.tar", "w") as archive:
        for name in (
            "base/parameters.yml",
            "local/.gitkeep",
            "../base/parameters_evil.yml",
            "base/../../parameters.yml",
        ):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"a: 1"))
        link = tarfile.TarInfo("base/parameters_link.yml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    assert make_loader(tmp_path / "c.tar")["parameters"] == {"a": 1}


def test_a_file_of_an_archive_is_named_in_messages(tmp_path: Path) -> None:
    conf = write_conf(tmp_path / "conf", {"base/parameters.yml": "a: ["})
    with pytest.raises(BadConfigException, match=r"c\.zip/conf/base/parameters\.yml:"):
        make_loader(make_zip(conf, tmp_path / "c.zip", "conf/"))["parameters"]


@pytest.mark.parametrize("content", [b"hello", b"", b"PK\x05\x06", b"\x1f\x8b\x08\x00broken"])
def test_a_file_that_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "conf.zip").write_bytes(content)
    with pytest.raises((BadConfigException, MissingConfigException), match=r"conf\.zip"):
        make_loader(tmp_path / "conf.zip")["parameters"]


def test_an_archive_cut_short_is_named(tmp_path: Path, conf: Path) -> None:
    whole = make_tar(conf, tmp_path / "c.tar.gz").read_bytes()
    (tmp_path / "c.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadConfigException, match=r"c\.tar\.gz is no folder, and no zip or tar archive"):
        make_loader(tmp_path / "c.tar.gz")["parameters"]


@pytest.mark.parametrize("name", ["nowhere", "nowhere.zip", "file:///nowhere", "memory://nowhere", "memory://no.zip"])
def test_a_source_that_is_not_there_is_one_message(name: str) -> None:
    with pytest.raises(MissingConfigException, match=f"There is no configuration at {name}: no such folder or archive"):
        make_loader(name)["parameters"]


def test_a_url_that_fsspec_knows_is_read(memory: Any) -> None:
    for name, content in FILES.items():
        memory.pipe(f"/conf/{name}", content.encode() if isinstance(content, str) else content)
    loader = make_loader("memory://conf")
    assert loader["parameters"] == EXPECTED
    with pytest.raises(MissingConfigException, match=r"no folder memory://conf/prod\. There are 'base', 'local'\."):
        make_loader("memory://conf", env="prod")["parameters"]


def test_a_file_that_a_remote_source_cannot_give_is_named(memory: Any) -> None:
    memory.pipe("/conf/base/parameters.yml", b"a: 1")
    memory.pipe("/conf/base/catalog.yml", b"")
    loader = make_loader("memory://conf", default_run_env="")
    loader._read("base", ["nothing"], "parameters")
    memory.rm("/conf/base/parameters.yml")
    with pytest.raises(BadConfigException, match=r"memory://conf/base/parameters\.yml cannot be read"):
        loader["parameters"]


def test_an_archive_behind_a_url_is_read(memory: Any, conf: Path, tmp_path: Path) -> None:
    memory.pipe("/shelf/conf.tar.gz", make_tar(conf, tmp_path / "c.tar.gz", "conf/").read_bytes())
    assert make_loader("memory://shelf/conf.tar.gz")["parameters"] == EXPECTED


def test_a_chained_url_is_read(conf: Path, tmp_path: Path) -> None:
    archive = make_zip(conf, tmp_path / "c.zip")
    assert make_loader(f"zip://::{archive}")["parameters"] == EXPECTED
    nested = make_zip(conf, tmp_path / "n.zip", "in/conf/")
    assert make_loader(f"zip://in/conf::{nested}")["parameters"] == EXPECTED


def test_the_top_of_a_remote_file_system_is_a_source(memory: Any) -> None:
    memory.pipe("/base/parameters.yml", b"a: 1")
    assert make_loader("memory://", default_run_env="")["parameters"] == {"a": 1}
    assert make_loader("memory://", base_env=None, default_run_env="")["parameters"] == {"a": 1}


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(BadConfigException, match=r"foo://x cannot be read: Protocol not known: foo"):
        make_loader("foo://x")["parameters"]


@pytest.mark.parametrize(
    "url", ["http://host/conf", "HTTPS://host/conf", "zip://base::http://host/c.zip", "simplecache::https://host/c.zip"]
)
def test_http_is_refused_unless_it_is_allowed(url: str) -> None:
    with pytest.raises(BadConfigException, match=r"CONFIG_LOADER_ARGS = \{'allow_http': True\}"):
        make_loader(url)
    make_loader(url, allow_http=True)


def test_a_refused_url_does_not_show_its_secrets() -> None:
    with pytest.raises(BadConfigException) as caught:
        make_loader("https://user:secret@host/conf?token=hidden")
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "https://host/conf" in str(caught.value)


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "conf.zip"
    conf.write_bytes(b"")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(BadConfigException, match=r"conf\.zip cannot be read: Permission denied"):
        make_loader(conf)["parameters"]


def test_patterns_say_which_files_belong_to_a_key(tmp_path: Path) -> None:
    """As Kedro 1.7.0 finds them: at the top, in folders below one of the name, and by name at any depth."""
    files: dict[str, str | bytes] = {
        "base/parameters/a/b.yml": "a: 1",
        "base/x/parameters/y.yml": "no: 1",
        "base/x/y/parameters_z.json": '{"c": 1}',
        "base/parameters_q.yaml": "q: 1",
        "base/parameters.txt": "no: 2",
        "base/x/y/parameters/z/w.yml": "no: 3",
        "base/PARAMETERS.yml": "no: 4",
        "base/parameters.YML": "no: 5",
    }
    assert load(tmp_path, files) == {"a": 1, "c": 1, "q": 1}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("spark*", "s"), ("**/spark.yml", "sdt"), ("conf?/spark.yml", "d"), ("conf[0-9]/*", "d"), ("conf[!0-9]/*", ""),
        ("**", "sdto"), ("conf1/**", "dt"), ("**/deep/*", "t"), ("[", ""), ("other.y*ml", "o"), ("conf[a^1]/*", "d"),
    ],
)  # fmt: skip
def test_globs(tmp_path: Path, pattern: str, names: str) -> None:
    files: dict[str, str | bytes] = {
        "base/spark.yml": "s: 1", "base/conf1/spark.yml": "d: 1", "base/conf1/deep/spark.yml": "t: 1",
        "base/other.yaml": "o: 1",
    }  # fmt: skip
    loader = make_loader(write_conf(tmp_path, files), config_patterns={"spark": [pattern]})
    assert set(loader.get("spark") if names else {}) == set(names)


def test_hidden_files_count_only_if_asked_for(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"base/.h/parameters.yml": "b: 1", "base/parameters.yml": "c: 1"}
    assert load(tmp_path / ".hidden", files) == {"c": 1}
    assert load(tmp_path / "shown", files, ignore_hidden=False) == {"b": 1, "c": 1}
