"""Credentials are put in by name at any depth, taken out again, and never shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.exceptions import CredentialsNotFoundError, DatasetError
from pellucid.io._credentials import CredentialsTable, take_out

SECRET = "hunter2"
TABLE = {"db": {"user": "u", "password": SECRET}, "s3": {"key": SECRET, "nested": {"list": [1]}}}


def test_credentials_are_resolved_at_any_depth_and_the_rest_is_left_alone() -> None:
    config = {
        "type": "T",
        "credentials": "db",
        "dataset": {"credentials": "s3", "other": ["credentials", {"credentials": "db"}]},
        "given": {"credentials": {"inline": 1}},
        "pair": ({"credentials": "db"}, None),
        "count": 3,
    }
    resolved = CredentialsTable(TABLE).resolve("x", config)
    assert resolved == {
        "type": "T",
        "credentials": TABLE["db"],
        "dataset": {"credentials": TABLE["s3"], "other": ["credentials", {"credentials": TABLE["db"]}]},
        "given": {"credentials": {"inline": 1}},
        "pair": ({"credentials": TABLE["db"]}, None),
        "count": 3,
    }
    assert config["credentials"] == "db"


def test_two_datasets_do_not_share_one_mapping_of_credentials() -> None:
    table = CredentialsTable(TABLE)
    first, second = (table.resolve(name, {"credentials": "s3"})["credentials"] for name in "ab")
    first["nested"]["list"].append(2)
    assert second == TABLE["s3"]
    assert TABLE["s3"] == {"key": SECRET, "nested": {"list": [1]}}


def test_missing_credentials_are_named_with_the_dataset_and_the_nearest() -> None:
    with pytest.raises(CredentialsNotFoundError) as caught:
        CredentialsTable({"dev_s3": {"k": SECRET}}).resolve("companies", {"dataset": {"credentials": "dev_s4"}})
    assert str(caught.value) == (
        "The dataset 'companies' asks for the credentials 'dev_s4', which the credentials do not have. "
        "Did you mean 'dev_s3'?"
    )
    assert isinstance(caught.value, DatasetError)
    assert isinstance(caught.value, LookupError)


def test_missing_credentials_where_there_are_none() -> None:
    with pytest.raises(CredentialsNotFoundError, match="and there are no credentials at all"):
        CredentialsTable(None).resolve("x", {"credentials": "db"})


def test_values_of_credentials_are_not_shown() -> None:
    assert repr(CredentialsTable(TABLE)) == "CredentialsTable(['db', 's3'])"


def test_credentials_are_taken_out_under_names_that_do_not_collide() -> None:
    taken: dict[str, Any] = {}
    config = {
        "credentials": {"a": 1},
        "same": {"credentials": {"a": 1}},
        "other": [{"credentials": "text"}],
        "none": {"credentials": None},
        "empty": {"credentials": {}},
        "pair": ({"credentials": {"c": 3}},),
    }
    assert take_out("x", config, taken) == {
        "credentials": "x_credentials",
        "same": {"credentials": "x_credentials"},
        "other": [{"credentials": "x_credentials_2"}],
        "none": {"credentials": None},
        "empty": {"credentials": {}},
        "pair": ({"credentials": "x_credentials_3"},),
    }
    assert taken == {"x_credentials": {"a": 1}, "x_credentials_2": "text", "x_credentials_3": {"c": 3}}


VALUES = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        st.fixed_dictionaries(
            {"credentials": st.dictionaries(st.sampled_from(["k", "l"]), st.integers(), min_size=1)},
            optional={"a": inner},
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["type", "x", "y"]), VALUES, max_size=3))
def test_what_is_taken_out_can_be_put_in_again(config: dict[str, Any]) -> None:
    taken: dict[str, Any] = {}
    assert CredentialsTable(taken).resolve("d", take_out("d", config, taken)) == config
