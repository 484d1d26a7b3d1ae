"""Credentials show nowhere: neither in what a dataset is described as, nor in what is raised, nor in its traceback."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from pellucid.io import DataCatalog
from pellucid.io._redaction import bounded, credentials_in, hide_values, redact_path, show_error
from pellucid.io.core import AbstractDataset, DatasetError
from pellucid.io.datasets.json import JSONDataset

SECRET = "hunter2 secret/of'ours"
CREDENTIALS: dict[str, dict[str, Any]] = {"db": {"password": SECRET, "pin": {"token": 424242}, "port": 5432}}


class Chatty(AbstractDataset[Any, Any]):
    """Tells its credentials with every error; ``words`` is what its errors are made of."""

    words: Any = ValueError

    def __init__(self, credentials: dict[str, Any] | None = None) -> None:
        self.own = credentials or {}

    def _error(self) -> Exception:
        error: Exception = self.words(f"{self.own['password']} {self.own} {self.own['pin']['token']} refused")
        return error

    def load(self) -> Any:
        raise self._error()

    def save(self, data: Any) -> None:
        raise self._error() from KeyError(SECRET)

    def _exists(self) -> bool:
        raise self._error()

    def _release(self) -> None:
        raise self._error()

    def _describe(self) -> dict[str, Any]:
        return {}


class ChattyInOurWords(Chatty):
    words = DatasetError


class ChattyForeigner:
    """The same, and no dataset but by its methods."""

    def __init__(self, credentials: dict[str, Any]) -> None:
        self.own = credentials

    def load(self) -> Any:
        raise ValueError(f"{self.own['password']} refused")

    def save(self, data: Any) -> None:
        raise ValueError(f"{self.own['password']} refused")


def _told(error: BaseException) -> str:
    return f"{error} {''.join(traceback.format_exception(type(error), error, error.__traceback__))}"


@pytest.mark.parametrize("kind", [Chatty, ChattyInOurWords, ChattyForeigner])
@pytest.mark.parametrize("operation", ["load", "save"])
def test_an_error_of_a_dataset_does_not_tell_its_credentials(kind: type, operation: str) -> None:
    entry = {"type": f"{__name__}.{kind.__name__}", "credentials": "db"}
    catalog = DataCatalog.from_config({"out": entry}, CREDENTIALS)
    with pytest.raises(DatasetError, match=r"^out: .*<redacted>.* refused") as caught:
        catalog.load("out") if operation == "load" else catalog.save("out", 1)
    for secret in (SECRET, "hunter2", "424242"):
        assert secret not in _told(caught.value)


@pytest.mark.parametrize("operation", ["load", "exists", "release"])
def test_without_a_catalog_neither(operation: str) -> None:
    with pytest.raises(DatasetError, match="refused") as caught:
        getattr(Chatty(credentials=CREDENTIALS["db"]), operation)()
    assert "hunter2" not in _told(caught.value)


def test_credentials_of_a_dataset_within_another_do_not_show() -> None:
    inner = {"type": f"{__name__}.ChattyForeigner", "credentials": "db"}
    catalog = DataCatalog.from_config({"out": {"type": "CachedDataset", "dataset": inner}}, CREDENTIALS)
    with pytest.raises(DatasetError, match="refused") as caught:
        catalog.load("out")
    assert "hunter2" not in _told(caught.value)


@pytest.mark.parametrize("url", ["http://u:hunter2@h/x.json?sig=hunter2", "https://u:hun?ter2@h/x.json?sig=hunter2"])
def test_a_url_is_described_without_user_and_query(url: str) -> None:
    dataset = JSONDataset(filepath=url)
    described = repr(dataset)
    assert "filepath='<redacted>@h/x.json?<redacted>'" in described
    assert dataset._describe()["filepath"] == "<redacted>@h/x.json?<redacted>"


def test_a_dataset_of_others_that_tells_protocol_and_path_apart_is_described_without_them_too() -> None:
    class Theirs(Chatty):
        def _describe(self) -> dict[str, Any]:
            return {"filepath": "u:hunter2@h/x?sig=1", "protocol": "https"}

    assert "filepath='<redacted>@h/x?<redacted>'" in repr(Theirs())


@pytest.mark.parametrize(
    ("protocol", "path", "shown"),
    [
        ("http", "h/x.json", "h/x.json"),
        ("http", "u:p@h", "<redacted>@h"),
        ("http", "h?token=a@b/c", "<redacted>@b/c"),
        ("http", "h/x@2.json", "h/x@2.json"),
        ("abfs", "container@account/x", "container@account/x"),
        ("abfs", "user:pw@account/x", "<redacted>@account/x"),
        ("s3", "bucket/a/b", "bucket/a/b"),
    ],
)
def test_what_stands_behind_the_protocol_is_shown_bare(protocol: str, path: str, shown: str) -> None:
    assert redact_path(protocol, path) == shown


def test_short_values_and_plain_numbers_stay() -> None:
    error = ValueError("on 12 at ab, port 5432, pin 1234")
    secrets = {"a": "ab", "port": 5432, "password": 1234, "flag": True}
    assert show_error(error, secrets) == "on 12 at ab, port 5432, pin <redacted>"


def test_credentials_are_found_at_any_depth_that_people_write() -> None:
    assert credentials_in({"a": [{"credentials": {"x": 1}}], "credentials": None}) == [{"x": 1}]
    assert credentials_in([[[[[[{"credentials": "deeper"}]]]]]]) == []


def test_an_error_without_the_secret_stays_as_it_is() -> None:
    error = OSError(2, "no such file")
    error.__context__ = error
    hide_values(error, ["secret"])
    assert error.args == (2, "no such file")
    hide_values(None, ["secret"])


def test_a_message_of_megabytes_is_bounded() -> None:
    class Wordy(Chatty):
        def _error(self) -> Exception:
            return ValueError("x" * 5_000_000)

    class WordyInOurWords(Wordy):
        def _error(self) -> Exception:
            return DatasetError("x" * 5_000_000)

    for dataset in (Wordy(), WordyInOurWords()):
        with pytest.raises(DatasetError) as caught:
            DataCatalog({"out": dataset}).load("out")
        assert len(str(caught.value)) < 10_300
        assert str(caught.value).endswith("… (4,990,000 more characters)")
    assert bounded("x" * 10_000) == "x" * 10_000
