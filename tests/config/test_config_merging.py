from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.config._merging import EnvironmentFiles, clone, destructive_merge, soft_merge
from pellucid.exceptions import DuplicateConfigKeyError

LEAVES = st.none() | st.integers(0, 3) | st.text("xy", max_size=2) | st.lists(st.integers(0, 3), max_size=2)
TREES = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), LEAVES | inner, max_size=3),
    max_leaves=12,
)


def leaves(tree: dict[str, Any], above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= leaves(value, (*above, key))
        else:
            path = (*above, key)
            found[path] = value
    return found


@given(TREES, TREES, TREES)
def test_merges_are_associative(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any]) -> None:
    assert destructive_merge(destructive_merge(first, second), third) == destructive_merge(
        first, destructive_merge(second, third)
    )
    if not any(kinds_differ(*pair) for pair in ((first, second), (second, third), (first, third))):
        assert soft_merge(soft_merge(first, second), third) == soft_merge(first, soft_merge(second, third))


def kinds_differ(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """A mapping over something else, or the other way round: there the order in which merges are made counts."""
    return any(
        isinstance(first[key], dict) != isinstance(second[key], dict)
        or (isinstance(first[key], dict) and kinds_differ(first[key], second[key]))
        for key in first.keys() & second.keys()
    )


@given(TREES, TREES)
def test_merges_are_idempotent_and_have_the_keys_of_both(first: dict[str, Any], second: dict[str, Any]) -> None:
    for merge in (soft_merge, destructive_merge):
        merged = merge(first, second)
        assert merge(merged, second) == merged
        assert merge(first, first) == first
        assert merge(first, {}) == first
        assert merge({}, first) == first
        assert merged.keys() == first.keys() | second.keys()


@given(TREES, TREES)
def test_destructive_takes_whole_top_level_keys(first: dict[str, Any], second: dict[str, Any]) -> None:
    merged = destructive_merge(first, second)
    assert all(merged[key] == (second if key in second else first)[key] for key in merged)


@given(TREES, TREES)
def test_soft_keeps_every_leaf_of_what_goes_above(first: dict[str, Any], second: dict[str, Any]) -> None:
    before = clone(first), clone(second)
    merged = leaves(soft_merge(first, second))
    assert all(merged[path] == value for path, value in leaves(second).items())
    assert (first, second) == before


@given(TREES)
def test_a_clone_is_equal_and_shares_no_container(tree: dict[str, Any]) -> None:
    copy = clone(tree)
    assert copy == tree
    assert copy is not tree
    assert all(copy[key] is not value for key, value in tree.items() if isinstance(value, (dict, list)))


@given(TREES, TREES)
def test_nested_files_with_no_common_leaf_are_merged(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Two files of parameters clash exactly where both say something about one path or about a part of it."""
    files = EnvironmentFiles(nested=True)
    files.add(first, "first.yml")
    if kinds_differ(first, second) or leaves(first).keys() & leaves(second).keys():
        with pytest.raises(DuplicateConfigKeyError, match=r"first\.yml and second\.yml"):
            files.add(second, "second.yml")
    else:
        files.add(second, "second.yml")
        assert files.data == soft_merge(first, second)


def test_flat_files_clash_on_their_top_level_keys() -> None:
    files = EnvironmentFiles(nested=False)
    files.add({"a": {"x": 1}, "_v": 1}, "first.yml")
    files.add({"b": 1, "_v": 2}, "second.yml")
    with pytest.raises(DuplicateConfigKeyError, match=r"The key 'b' stands in two files .* second\.yml and third\.yml"):
        files.add({"b": {"y": 1}}, "third.yml")
    assert files.data["_v"] == 2


def test_the_file_that_brought_a_nested_key_is_named() -> None:
    files = EnvironmentFiles(nested=True)
    files.add({"a": {"x": 1}}, "first.yml")
    files.add({"a": {"y": {"z": 1}}}, "second.yml")
    with pytest.raises(DuplicateConfigKeyError, match=r"'a\.y\.z' .* second\.yml and third\.yml"):
        files.add({"a": {"y": {"z": 1}}}, "third.yml")
    with pytest.raises(DuplicateConfigKeyError, match=r"'a' .* first\.yml and fourth\.yml"):
        files.add({"a": 3}, "fourth.yml")
