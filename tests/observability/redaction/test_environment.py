"""Secrets that the environment has are hidden wherever they turn up, and nothing ordinary is."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from pellucid.observability.options import Options, OtlpOptions, TracingOptions
from pellucid.observability.recording import Recording
from pellucid.observability.redaction import Redactor, secrets_in, secrets_of_environment, secrets_of_headers

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "x7Qw/9+Lz!m2"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("MY_API_TOKEN", SECRET, {SECRET}),
        ("DB_PW", SECRET, {SECRET}),
        ("GITHUB_PAT", f'"{SECRET}"', {SECRET}),
        ("AUTH_TOKEN", f"Bearer {SECRET}", {SECRET, f"Bearer {SECRET}"}),
        ("DATABASE_URL", "postgresql://me:pa%2Fss-word@h/db", {"pa%2Fss-word", "pa/ss-word"}),
        ("JAVA_OPTS", f"-Xmx4g -Ddb.password={SECRET} -Dx=y", {SECRET}),
        ("AZURE", "AccountName=me;AccountKey=abcdefgh123==;Suffix=x", {"abcdefgh123=="}),
        ("STORAGE_SAS_TOKEN", "sv=2024&sig=abcdefgh1234", {"sv=2024&sig=abcdefgh1234", "abcdefgh1234"}),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=abcdefgh-1234,a=b", {"abcdefgh-1234"}),
        ("OTEL_A_HEADERS", "a=Basic%20bWU6eW91", {"Basic%20bWU6eW91", "bWU6eW91", "Basic bWU6eW91"}),
        ("OTEL_RESOURCE_ATTRIBUTES", f"team=ours,deploy.token={SECRET}", {SECRET}),
        ("DB_PASSWORD", "/ab1cd2ef3/gh4ij5kl6", {"/ab1cd2ef3/gh4ij5kl6"}),
        # short, ordinary, of another name, or about a secret
        ("DB_PASSWORD", "short12", set()),
        ("DB_PASSWORD", "production", set()),
        ("DB_PASSWORD", "12345678", set()),
        ("TOKEN_EXPIRES", "2026-01-02T03:04:05", set()),
        ("PASSWORD_STORE", "gnome-keyring", set()),
        ("SECRET_FILE", "anything-at-all", set()),
        ("COOKIE_DOMAIN", "www.example.test", set()),
        ("TOKEN_URL", "https://login.example.test/oauth2/token", set()),
        ("TOKENIZERS_PARALLELISM", "something-1", set()),
        ("PATH", "/usr/bin:/bin", set()),
        ("HOSTNAME", "machine-1234", set()),
    ],
)  # fmt: skip
def test_secrets_are_found_by_the_names_of_variables(name: str, value: str, found: set[str]) -> None:
    assert secrets_of_environment({name: value}) == found


def test_paths_are_no_secrets(tmp_path: Path) -> None:
    assert secrets_of_environment({"MY_CREDENTIALS": str(tmp_path / "credentials.json")}) == set()
    assert secrets_of_environment({"SSH_AUTH": str(tmp_path)}) == set()


def test_a_value_may_be_anything() -> None:
    long = "x" * 1_000_000
    variables = {"A_TOKEN": "~/" + "y" * 5000, "B_TOKEN": long, "C_TOKEN": "\udcff/\udcfe" * 8, "": "x=" * 9, "=": "="}
    assert long not in secrets_of_environment(variables)


def test_headers_are_secrets() -> None:
    assert secrets_of_headers([f"Bearer {SECRET}", "1234", "yes"]) == {f"Bearer {SECRET}", SECRET}


def test_a_recording_hides_what_its_process_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "first-Secret-1")
    options = Options(tracing=TracingOptions(otlp=OtlpOptions(headers={"x-team": "header-Secret-2"})))
    recording = Recording(options, tmp_path, "package", "session")
    coded = base64.b64encode(b"user:first-Secret-1").decode()
    said = recording.redactor.exception(ValueError(f"no first-Secret-1, {coded}, header-Secret-2, later-Secret-3"))
    assert said[1].count("<redacted>") == 3
    monkeypatch.setenv("DB_PASSWORD", "later-Secret-3")
    recording.hide({})
    assert recording.redactor.text("a later-Secret-3 b") == "a <redacted> b"


@pytest.mark.parametrize("form", [SECRET, quote(SECRET), "x7Qw%2f9%2bLz%21m2"])
def test_forms_of_a_secret_are_hidden(form: str) -> None:
    made = Redactor(Options().redaction, [SECRET, "a<b>&c'd"])
    assert form not in made.text(f"x {form} y")
    assert made.text("x a&lt;b&gt;&amp;c&#x27;d y") == "x <redacted> y"


class Secretive:
    def get_secret_value(self) -> str:
        return "told-when-asked"


class Hostile:
    def _raise(self, *_: object) -> str:
        raise RuntimeError

    get_secret_value = _raise
    __class__ = property(_raise)


def test_one_hostile_object_hides_no_other_credential() -> None:
    credentials = {
        "a": Hostile(),
        "b": {"c": Secretive(), "d": [b"some-bytes", Hostile()]},
        "con": "mysql://root:Pass-word-1@h/x",
        "e": "told",
    }
    assert secrets_in(credentials) == {
        "told-when-asked",
        "some-bytes",
        "mysql://root:Pass-word-1@h/x",
        "Pass-word-1",
        "told",
    }
    looped: dict[str, object] = {"a": "told"}
    looped["b"] = looped
    assert secrets_in(looped) == {"told"}
