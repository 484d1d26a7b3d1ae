"""Protocol and path of a file path or URL."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from pellucid.io.core import DatasetError, Version, _parse_filepath, get_filepath_str, get_protocol_and_path


@pytest.mark.parametrize(
    ("filepath", "protocol", "path"),
    [
        ("a/b.csv", "file", "a/b.csv"),
        ("/a/b", "file", "/a/b"),
        ("~/a", "file", "~/a"),
        ("file:///a/b", "file", "/a/b"),
        ("local:///a/b", "file", "/a/b"),
        ("C:\\x\\y", "file", "C:\\x\\y"),
        ("C:/x", "file", "C:/x"),
        ("file:///C:/x", "file", "C:/x"),
        ("dbfs:/mnt/x", "file", "dbfs:/mnt/x"),
        ("s3://bucket/k.csv", "s3", "bucket/k.csv"),
        ("S3A://bucket/k.csv", "s3a", "bucket/k.csv"),
        ("gcs://bucket/k", "gcs", "bucket/k"),
        ("abfss://c@acc.dfs.core.windows.net/p", "abfss", "c@acc.dfs.core.windows.net/p"),
        ("http://host/z?q", "http", "host/z?q"),
        ("https://host/z", "https", "host/z"),
        ("hdfs://namenode:8020/f", "hdfs", "/f"),
        ("ftp://h", "ftp", "h"),
        ("memory://a/b", "memory", "/a/b"),
        ("memory:///a/b", "memory", "/a/b"),
    ],
)
def test_protocol_and_path_are_told_apart(filepath: str, protocol: str, path: str) -> None:
    assert get_protocol_and_path(filepath) == (protocol, path)


def test_a_path_object_is_a_path() -> None:
    assert get_protocol_and_path(Path("a/b")) == ("file", str(Path("a/b")))


def test_the_path_of_an_http_url_is_the_url() -> None:
    assert _parse_filepath("http://host/z") == {"protocol": "http", "path": "http://host/z"}


def test_http_has_no_versions() -> None:
    with pytest.raises(DatasetError, match="https cannot be versioned"):
        get_protocol_and_path("https://host/z", Version(None, None))


def test_a_path_becomes_what_its_file_system_wants() -> None:
    assert get_filepath_str(PurePosixPath("/a/b.csv"), "file") == "/a/b.csv"
    assert get_filepath_str(PurePosixPath("bucket/b.csv"), "s3") == "bucket/b.csv"
    assert get_filepath_str(PurePosixPath("host/b.csv"), "https") == "https://host/b.csv"
