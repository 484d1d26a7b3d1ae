"""Resolvers belong to a loader: whatever is at work at the same time sees nothing of them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from omegaconf import DictConfig, ListConfig, OmegaConf
from tests.support.config import load, make_loader, write_conf

from pellucid.config import BadConfigException

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def registered() -> Iterator[None]:
    def total(*numbers: Any) -> Any:
        return sum(numbers)

    OmegaConf.register_resolver("total", total)
    OmegaConf.register_resolver("sibling", lambda name, *, _parent_, _root_: (_parent_[name], _root_["y"]))
    OmegaConf.register_resolver("globals", lambda _: "somebody else's")
    yield
    OmegaConf.clear_resolvers()


def test_concurrent_loaders_see_their_own_values_only(tmp_path: Path) -> None:
    """Kedro 1.7.0 gave 27 of 48 such loads the values of another one."""
    files: dict[str, str | bytes] = {
        "base/parameters.yml": "own: ${runtime_params:id}\nmine: ${me:}\n"
        "glob: ${globals:id}\nslow: '${me:}-${oc.select:own}'\n",
    }
    sources = [write_conf(tmp_path / str(i), {**files, "base/globals.yml": f"id: {i}"}) for i in range(2)]
    start = threading.Barrier(2)

    def fifty_loads(number: int) -> list[dict[str, Any]]:
        start.wait()
        return [
            make_loader(
                sources[number],
                runtime_params={"id": number * 1000 + i},
                custom_resolvers={"me": lambda i=i: f"{number}.{i}"},
            )["parameters"]
            for i in range(50)
        ]

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(fifty_loads, range(2)))
    for number, loads in enumerate(results):
        for i, loaded in enumerate(loads):
            own = number * 1000 + i
            assert loaded == {
                "own": own,
                "mine": f"{number}.{i}",
                "glob": number,
                "slow": f"{number}.{i}-{own}",
                "id": own,
            }


def test_one_loader_may_be_used_by_many_threads(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"base/parameters.yml": "".join(f"p{i}: ${{globals:g}}\n" for i in range(300))}
    loader = make_loader(write_conf(tmp_path, {**files, "base/globals.yml": "g: [1]"}))
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: loader["parameters"], range(32)))
    assert all(result == {f"p{i}": [1] for i in range(300)} for result in results)


def test_nothing_is_registered_with_omegaconf(tmp_path: Path) -> None:
    before = {name: OmegaConf.has_resolver(name) for name in ("mine", "globals", "runtime_params", "oc.env")}
    files: dict[str, str | bytes] = {"base/credentials.yml": "a: '${mine:}${oc.env:HOME}${runtime_params:x}'"}
    load(tmp_path, files, "credentials", custom_resolvers={"mine": str}, runtime_params={"x": 1})
    assert before == {"mine": False, "globals": False, "runtime_params": False, "oc.env": True}
    assert before == {name: OmegaConf.has_resolver(name) for name in before}


@pytest.mark.usefixtures("registered")
def test_resolvers_that_somebody_registered_with_omegaconf_work(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "base/parameters.yml": "y: 2\nx: '${total:1,${y}}'\nin: {z: '${sibling:w}', w: 3}\ng: '${globals:a}'\n",
        "base/globals.yml": "a: ours",
    }
    assert load(tmp_path, files) == {"y": 2, "x": 3, "in": {"z": (3, 2), "w": 3}, "g": "ours"}
    assert OmegaConf.create({"g": "${globals:a}"})["g"] == "somebody else's"


@pytest.mark.usefixtures("registered")
def test_a_registered_resolver_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigException, match="the resolver 'total' raised TypeError"):
        load(tmp_path / "a", {"base/parameters.yml": "x: '${total:a}'"})
    with pytest.raises(BadConfigException, match=r"the resolver 'sibling' raised .*Key"):
        load(tmp_path / "b", {"base/parameters.yml": "x: '${sibling:nope}'"})


class Thing:
    """Something that is no data."""


def test_custom_resolvers_return_anything(tmp_path: Path) -> None:
    thing = Thing()
    custom = {
        "add": lambda *numbers: sum(numbers), "today": lambda: "T", "pair": lambda a, b: {"k": [a, b]},
        "thing": lambda: thing, "kind": lambda: int, "tuple": lambda: (1, 2), "set": lambda: {1},
        "deep": lambda: {"a": thing}, "text": lambda: "${y}", "conf": lambda: OmegaConf.create({"a": [1]}),
    }  # fmt: skip
    text = "".join(f"{name}: '${{{name}:{'1,2' if name in ('add', 'pair') else ''}}}'\n" for name in custom)
    assert load(tmp_path, {"base/parameters.yml": text}, custom_resolvers=custom) == {
        "add": 3, "today": "T", "pair": {"k": [1, 2]}, "thing": thing, "kind": int, "tuple": (1, 2), "set": {1},
        "deep": {"a": thing}, "text": "${y}", "conf": {"a": [1]},
    }  # fmt: skip


def test_custom_resolvers_get_what_omegaconf_gives_them(tmp_path: Path) -> None:
    seen: list[Any] = []
    text = "m: {z: 1}\nx: '${look:${m},${globals:l},${runtime_params:r},{a:1},[1,2],s,1.5,null,true}'\n"
    load(
        tmp_path,
        {"base/parameters.yml": text, "base/globals.yml": "l: [1]"},
        custom_resolvers={"look": lambda *args: seen.extend(args)},
        runtime_params={"r": {"q": 2}},
    )
    assert [type(each) for each in seen[:3]] == [DictConfig, ListConfig, DictConfig]
    assert seen == [{"z": 1}, [1], {"q": 2}, {"a": 1}, [1, 2], "s", 1.5, None, True]


def test_custom_resolvers_may_ask_for_the_nodes_around(tmp_path: Path) -> None:
    def look(part: str, *, _root_: Any, _parent_: Any, _node_: Any) -> list[Any]:
        return [_root_["y"], _parent_[part], _node_._key()]

    text = "y: 4\nin: {a: 5, b: '${look:a}'}\n"
    loaded = load(tmp_path, {"base/parameters.yml": text}, custom_resolvers={"look": look})
    assert loaded["in"]["b"] == [4, 5, "b"]


def test_custom_resolvers_win_over_built_in_ones(tmp_path: Path) -> None:
    custom = {"globals": lambda _: "mine", "oc.env": lambda name: f"env {name}"}
    text = "x: ${globals:a}\ny: ${oc.env:A}\n"
    assert load(tmp_path, {"base/parameters.yml": text}, custom_resolvers=custom) == {"x": "mine", "y": "env A"}


def test_a_resolver_written_in_c_needs_no_signature(tmp_path: Path) -> None:
    text = "x: '${largest:1,3,2}'\n"
    assert load(tmp_path, {"base/parameters.yml": text}, custom_resolvers={"largest": max}) == {"x": 3}


def test_a_custom_resolver_that_is_no_function_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigException, match="The custom resolver 'x' is no function"):
        make_loader(tmp_path, custom_resolvers={"x": 3})


def test_a_resolver_may_use_the_loader(tmp_path: Path) -> None:
    """What it cannot find there is the message, once."""
    loaders: list[Any] = []
    conf = write_conf(tmp_path, {"base/parameters.yml": "x: '${other:a}'", "base/catalog.yml": "a: {b: 1}"})
    loaders.append(make_loader(conf, custom_resolvers={"other": lambda name: loaders[0]["catalog"][name]}))
    assert loaders[0]["parameters"] == {"x": {"b": 1}}


def test_environment_variables_are_for_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_TEST_SECRET", "hush")
    monkeypatch.delenv("PELLUCID_TEST_NONE", raising=False)
    files: dict[str, str | bytes] = {
        "base/credentials.yml": "a: ${oc.env:PELLUCID_TEST_SECRET}\nb: ${oc.env:PELLUCID_TEST_NONE,7}\n"
        "c: ${oc.env:PELLUCID_TEST_NONE,null}\n",
    }
    assert load(tmp_path, files, "credentials") == {"a": "hush", "b": "7", "c": None}
    for key in ("catalog", "globals"):
        with pytest.raises(BadConfigException, match=r"'oc\.env' can be used in credentials alone"):
            load(tmp_path, {f"base/{key}.yml": "a: ${oc.env:PELLUCID_TEST_SECRET}"}, key)


def test_what_goes_wrong_in_credentials_shows_no_secret(tmp_path: Path) -> None:
    def refuse(text: str) -> str:
        raise ValueError(text)

    files: dict[str, str | bytes] = {"base/globals.yml": "a: 1"}
    for text in (
        "a: '${refuse:hush}'",
        "a: 'hush${'",
        "a: 'hush${map.${b}}'\nb: {}",
        "a: '${oc.env:PELLUCID_NONE}hush'",
    ):
        with pytest.raises(BadConfigException, match="'a' of the credentials cannot be resolved") as caught:
            load(tmp_path, {**files, "base/credentials.yml": text}, "credentials", custom_resolvers={"refuse": refuse})
        assert "hush" not in str(caught.value)
