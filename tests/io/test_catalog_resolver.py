"""From a dataset's name to its configuration."""

from __future__ import annotations

import logging
import pickle
import re
from typing import Any

import pytest

from pellucid.exceptions import CredentialsNotFoundError, DatasetError, DatasetNotFoundError
from pellucid.io import CatalogConfigResolver, catalog_config_resolver

CREDENTIALS = {"db": {"password": "p{a}"}, "x": {"password": "of x"}}
CONFIG: dict[str, Any] = {
    "companies": {"type": "T", "credentials": "db"},
    "{ns}.{name}#csv": {"type": "T", "filepath": "{ns}/{name}.csv", "credentials": "db"},
    "{a}_x": {"type": "T", "metadata": "{a}"},
    "x_{b}": {"type": "T"},
    "{any}": {"type": "T", "filepath": "{any}.txt"},
}


@pytest.fixture
def resolver() -> CatalogConfigResolver:
    return CatalogConfigResolver(CONFIG, CREDENTIALS)


def test_the_module_has_the_public_names() -> None:
    assert set(catalog_config_resolver.__all__) == {
        "CREDENTIALS_KEY",
        "DEFAULT_RUNTIME_PATTERN",
        "CatalogConfigResolver",
        "Patterns",
    }
    assert catalog_config_resolver.DEFAULT_RUNTIME_PATTERN == {"{default}": {"type": "pellucid.io.MemoryDataset"}}


def test_config_is_what_is_no_pattern_with_its_credentials(resolver: CatalogConfigResolver) -> None:
    assert resolver.config == {"companies": {"type": "T", "credentials": {"password": "p{a}"}}}
    assert CONFIG["companies"]["credentials"] == "db"


def test_patterns_are_listed_in_the_order_in_which_they_are_tried(resolver: CatalogConfigResolver) -> None:
    assert resolver.list_patterns() == ["{ns}.{name}#csv", "x_{b}", "{a}_x", "{any}", "{default}"]


def test_an_opening_brace_makes_a_pattern() -> None:
    assert [CatalogConfigResolver.is_pattern(text) for text in ("{a}", "a", "a{", "a}")] == [True, False, True, False]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("a.b#csv", "{ns}.{name}#csv"), ("foo_x", "{a}_x"), ("x_foo", "x_{b}"), ("x_x", "x_{b}"), ("zzz", None)],
)
def test_the_most_specific_pattern_matches(resolver: CatalogConfigResolver, name: str, pattern: str | None) -> None:
    assert resolver.match_dataset_pattern(name) == pattern
    assert resolver.match_user_catch_all_pattern(name) == "{any}"
    assert resolver.match_runtime_pattern(name) == "{default}"
    assert resolver.matches(name)


def test_nothing_matches_an_empty_name(resolver: CatalogConfigResolver) -> None:
    assert resolver.match_dataset_pattern("") is None
    assert resolver.match_user_catch_all_pattern("") is None
    assert not resolver.matches("")
    with pytest.raises(DatasetNotFoundError, match="No pattern of the runtime matches the dataset name ''"):
        resolver.match_runtime_pattern("")


def test_a_name_is_resolved_by_its_entry_then_patterns_then_the_catch_all(resolver: CatalogConfigResolver) -> None:
    credentials = {"password": "p{a}"}  # what looks like a placeholder in a password is none
    assert resolver.resolve_pattern("companies") == {"type": "T", "credentials": credentials}
    assert resolver.resolve_pattern("a.b#csv") == {"type": "T", "filepath": "a/b.csv", "credentials": credentials}
    assert resolver.resolve_pattern("foo_x") == {"type": "T", "metadata": "foo"}
    assert resolver.resolve_pattern("zzz") == {"type": "T", "filepath": "zzz.txt"}


def test_a_name_is_resolved_by_the_runtime_if_nothing_else_matches() -> None:
    assert CatalogConfigResolver().resolve_pattern("zzz") == {"type": "pellucid.io.MemoryDataset"}
    own = CatalogConfigResolver(default_runtime_patterns={"{name}_tmp": {"type": "T", "filepath": "{name}"}})
    assert own.resolve_pattern("a_tmp") == {"type": "T", "filepath": "a"}
    assert own.list_patterns() == ["{name}_tmp"]
    with pytest.raises(DatasetNotFoundError, match="'zzz'"):
        own.resolve_pattern("zzz")


def test_what_is_resolved_may_be_changed_by_whoever_asked(resolver: CatalogConfigResolver) -> None:
    resolver.resolve_pattern("companies")["credentials"]["password"] = "changed"
    assert resolver.resolve_pattern("companies")["credentials"] == {"password": "p{a}"}


def test_credentials_may_depend_on_a_placeholder() -> None:
    config = {"{a}_t": {"type": "T", "parts": [{"credentials": "{a}", "n": 1}, ("t", {"credentials": "{a}"})]}}
    resolver = CatalogConfigResolver(config, CREDENTIALS)
    assert resolver.resolve_pattern("x_t")["parts"] == [
        {"credentials": {"password": "of x"}, "n": 1},
        ("t", {"credentials": {"password": "of x"}}),
    ]
    with pytest.raises(CredentialsNotFoundError, match="The dataset 'q_t' asks for the credentials 'q'"):
        resolver.resolve_pattern("q_t")


@pytest.mark.parametrize("name", ["x", "x_{a}", "{a}"])
def test_missing_credentials_are_found_at_once(name: str) -> None:
    with pytest.raises(CredentialsNotFoundError, match=re.escape(f"'{name}' asks for the credentials 'dbb'")) as caught:
        CatalogConfigResolver({name: {"type": "T", "in": [{"credentials": "dbb"}]}}, CREDENTIALS)
    assert "Did you mean 'db'?" in str(caught.value)
    assert "p{a}" not in str(caught.value)


def test_two_catch_all_patterns_are_refused_and_both_named() -> None:
    with pytest.raises(DatasetError, match=re.escape("more than one catch-all pattern: '{a}{b}', '{c}'. Keep one.")):
        CatalogConfigResolver({"{c}": {"type": "T"}, "{a}{b}": {"type": "T"}})


@pytest.mark.parametrize("name", ["x_{a}", "{a}"])
def test_an_unknown_placeholder_is_found_at_once(name: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(f"pattern '{name}' uses '{{b}}'")):
        CatalogConfigResolver({name: {"type": "T", "f": "{b}"}})
    with pytest.raises(DatasetError, match=re.escape(f"pattern '{name}' uses '{{b}}'")):
        CatalogConfigResolver(default_runtime_patterns={name: {"type": "T", "f": "{b}"}})


@pytest.mark.parametrize(("entry", "kind"), [("text", "a str"), (None, "empty"), (["x"], "a list")])
@pytest.mark.parametrize("name", ["x", "{a}_x"])
def test_an_entry_that_is_no_mapping_is_named(name: str, entry: Any, kind: str) -> None:
    with pytest.raises(DatasetError) as caught:
        CatalogConfigResolver({name: entry})
    assert str(caught.value) == (
        f"The catalog's entry '{name}' is {kind}, and should be a mapping with a 'type'. "
        "If it serves interpolation alone, start its name with an underscore in the catalog's file."
    )


def test_a_name_that_is_no_text_is_refused() -> None:
    config: Any = {2024: {"type": "T"}}
    with pytest.raises(DatasetError, match="an entry 2024, which is no text; put its name in quotes"):
        CatalogConfigResolver(config)


def test_a_resolver_travels(resolver: CatalogConfigResolver) -> None:
    resolver.matches("foo_x")
    again = pickle.loads(pickle.dumps(resolver))
    assert again.list_patterns() == resolver.list_patterns()
    assert again.resolve_pattern("foo_x") == resolver.resolve_pattern("foo_x")


def test_nothing_secret_is_shown_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        resolver = CatalogConfigResolver(CONFIG, CREDENTIALS)
        resolver.resolve_pattern("a.b#csv")
    assert "p{a}" not in caplog.text + repr(resolver)
    assert resolver._logger.name.startswith("pellucid.io")


def test_a_catch_all_called_as_the_runtimes_pattern_is_listed_once() -> None:
    config = {"{default}": {"type": "T"}, "{x}_y": {"type": "T"}}
    assert CatalogConfigResolver(config).list_patterns() == ["{x}_y", "{default}"]


def test_a_pattern_of_the_runtime_may_have_placeholders_and_credentials() -> None:
    runtime = {"{name}": {"type": "T", "filepath": "{name}.txt", "nested": [{"credentials": "db"}]}}
    resolver = CatalogConfigResolver(None, CREDENTIALS, runtime)
    assert resolver.resolve_pattern("cars") == {
        "type": "T",
        "filepath": "cars.txt",
        "nested": [{"credentials": {"password": "p{a}"}}],
    }


def test_configurations_by_the_pattern_of_the_runtime_share_nothing() -> None:
    resolver = CatalogConfigResolver(None, None, {"{default}": {"type": "T", "nested": [1]}})
    resolver.resolve_pattern("a")["nested"].append(2)
    assert resolver.resolve_pattern("b") == {"type": "T", "nested": [1]}
    with pytest.raises(DatasetNotFoundError):
        resolver.resolve_pattern("")
