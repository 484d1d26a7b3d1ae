from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from tests.support.config import load

from pellucid.config import BadConfigException
from pellucid.config._interpolation import Evaluator
from pellucid.config._resolvers import LoaderResolvers

if TYPE_CHECKING:
    from pathlib import Path


def resolve(data: dict[Any, Any]) -> dict[Any, Any]:
    return Evaluator(data, LoaderResolvers({}, {}, dict, environment=False)).resolve()


DATA: dict[str, Any] = {
    "one": 1, "text": "t", "none": None, "yes": True, "small": 1e-7, "list": [1, {"deep": "v"}, "${one}"],
    "map": {"inner": {"x": "${text}", "y": [0]}, "z": 2, 5: "five", "true": "odd"}, "name": "inner", "hy-phen": 6,
    "ref": "${map}", "quoted": "it's", "kinds": {"t": "${text}"},
}  # fmt: skip
EXPRESSIONS = [
    "${one}", "${ one }", "a${one}b", "${one}${text}", "${none}x", "${yes} ${small}", "${list}", "q${map.inner.y}",
    "${map}",
    "${map.inner.x}", "${map[inner][x]}", "${map.inner}", "${list[1].deep}", "${list.1.deep}", "${list.-1}",
    "${map.5}", "${map.${name}.x}", "${ref.inner.x}", "${ref}", "${hy-phen}", r"\${one}", r"\\${one}", r"a\b${one}",
    "$one {one}", "${.one}", "${kinds.t}", "${oc.decode:'[1, 2]'}", "${oc.create:{a: 1, b: ${one}}}",
    "${oc.select:nope, 3}", "${oc.select:one}", "${oc.select:nope}", "${oc.dict.keys:map.inner}", "${map.true}",
    "${oc.dict.values:kinds}", "${oc.decode:${text}}", "${oc.decode:null}", "${oc.select:map.z}",
]  # fmt: skip


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_means_what_it_means_to_omegaconf(expression: str) -> None:
    data = {**DATA, "result": expression}
    expected: Any = OmegaConf.to_container(OmegaConf.create(data), resolve=True)
    assert resolve(data)["result"] == expected["result"]


NAMES = ["a", "b", "c", "d"]
REFERENCES = st.sampled_from(
    [f"${{{name}}}" for name in NAMES]
    + ["x${a}y", "${a.b}", "${.b}", "${..c}", "${ a }-${b}", "${a[b]}", r"\${a}", "${b.c.d}", "plain", "${d"]
)
CONFIGS = st.recursive(
    st.dictionaries(st.sampled_from(NAMES), REFERENCES | st.integers(0, 9), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner | REFERENCES | st.lists(inner, max_size=2), max_size=4),
    max_leaves=10,
)


@given(CONFIGS)
def test_whatever_omegaconf_resolves_is_resolved_alike(data: dict[str, Any]) -> None:
    try:
        expected: Any = OmegaConf.to_container(OmegaConf.create(data), resolve=True)
    except Exception:
        return
    if any("${" in text and "{'" in text for text in texts(expected)):
        return  # a container within a text, of which OmegaConf leaves the inner references as they are
    assert resolve(data) == expected


def texts(value: Any) -> list[str]:
    if isinstance(value, (dict, list)):
        return [text for each in (value.values() if isinstance(value, dict) else value) for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_a_container_within_a_text_is_resolved_first() -> None:
    assert resolve({"a": ["${b}"], "b": 1, "c": "x${a}"})["c"] == "x[1]"


def test_decoding_what_is_no_text_leaves_it() -> None:
    assert resolve({"a": 1, "c": "${oc.decode:${a}}"})["c"] == 1


def test_resolved_values_share_nothing() -> None:
    resolved = resolve({"a": {"b": [1]}, "c": "${a}", "d": "${a}"})
    resolved["c"]["b"].append(2)
    assert resolved["a"] == resolved["d"] == {"b": [1]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: ${nope.a}", "'x' of the parameters cannot be resolved .*: 'nope.a', to which it refers, does not exist"),
        ("path: 1\nx: ${pth}", "does not exist. Did you mean 'path'?"),
        ("x: ${y.z}\ny: 1", "'y.z', to which it refers, does not exist"),
        ("x: ${y}\ny: ${x}", "it refers to itself: x -> y -> x"),
        ("x: {y: '${x}'}", "it refers to itself: x.y -> x.y"),
        ("x: ???\ny: ${x}", "'x', to which it refers, has no value yet"),
        ("x: '${nope'", "its interpolation cannot be read: "),
        ("x: ${....a}", "'....a' leads above the top"),
        ("x: [1, '${nope}']", r"'x[1]' of the parameters cannot be resolved"),
        ("x: ${nope:a}", "there is no resolver 'nope'"),
        ("x: ${global:a}", "there is no resolver 'global'. Did you mean 'globals'?"),
        ("x: ${globals:a.q}", "there is no global 'a.q', and no default. Did you mean 'a.b'?"),
        ("x: ${globals:list}", "there is no global 'list', and no default."),
        ("x: ${globals:_a}", "'_a' starts with '_'"),
        ("x: ${globals:a, 1, 2}", "takes a name and maybe a default, and has 3 arguments"),
        ("x: '${globals:}'", "takes a name and maybe a default, and has 0 arguments"),
        ("x: ${runtime_params:a}", "there is no runtime parameter 'a', and no default. Did you mean 'ab'?"),
        ("x: ${oc.env:HOME}", "'oc.env' can be used in credentials alone"),
        ("x: '${oc.dict.keys:y}'\ny: 1", "'y', which 'oc.dict.keys' takes, is no mapping"),
        ("x: '${oc.create:1,2}'", "'oc.create' takes one argument, and has 2"),
        ("x: '${map.${y}}'\ny: {}", "its interpolation cannot be resolved"),
        ("x: '${${y}:1}'\ny: 1", "its interpolation cannot be resolved"),
        ("x: '${fails:}'", "the resolver 'fails' raised ZeroDivisionError: "),
        ("x: '${keyless:}'", "the resolver 'keyless' raised KeyError: 'here'"),
    ],
)
def test_what_cannot_be_resolved_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    files: dict[str, str | bytes] = {"base/parameters.yml": text, "base/globals.yml": "a: {b: 1}\n_a: 1"}
    custom = {"fails": lambda: 1 // 0, "keyless": lambda: {"there": 1}["here"]}
    pattern = ".*".join(map(re.escape, message.split(".*")))
    with pytest.raises(BadConfigException, match=pattern) as caught:
        load(tmp_path, files, custom_resolvers=custom, runtime_params={"ab": 1})
    assert str(tmp_path / "base" / "parameters.yml") in str(caught.value)


@pytest.mark.parametrize("text", ["a: ${globals:b}\nb: 1", "a: ${runtime_params:b}"])
def test_globals_use_neither_themselves_by_resolver_nor_runtime_params(tmp_path: Path, text: str) -> None:
    files: dict[str, str | bytes] = {"base/globals.yml": text, "base/parameters.yml": "x: ${globals:a, 1}"}
    for key in ("globals", "parameters"):
        with pytest.raises(
            BadConfigException, match=r"'a' of the globals cannot be resolved \(.*globals\.yml\): globals "
        ):
            load(tmp_path, files, key, runtime_params={"b": 1})


def test_a_chain_of_references_that_is_too_long_is_one_message(tmp_path: Path) -> None:
    text = "".join(f"p{i}: ${{p{i + 1}}}\n" for i in range(5000)) + "p5000: 1\n"
    with pytest.raises(BadConfigException, match=r"The parameters cannot be resolved .*nested too deeply"):
        load(tmp_path, {"base/parameters.yml": text})


def test_usual_references_need_no_omegaconf() -> None:
    pieces = Evaluator._usual_pieces
    for text in ("${a}", "x${a.b}y${globals:c}", "${runtime_params:a.b, data/x}", "${ globals : a.b , d }"):
        assert pieces(text) is not None
    for text in ("${.a}", "${globals:a, null}", "${globals:true}", "${globals:a, 1}", "${a", r"\${a}", "${a}${b[0]}"):
        assert pieces(text) is None


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${globals:a.b}", 1), ("${globals:a}", {"b": 1, "_x": 3}), ("${globals:nope, 5}", 5),
        ("s-${globals:a.b}", "s-1"),
        ("${globals:c}", [1]), ("${globals:nope.x, null}", None), ("${globals:n}", None), ("${globals:n,7}", None),
        ("${globals:q, [1,2]}", [1, 2]), ("${globals:q, {x: 1}}", {"x": 1}), ("${globals:q, a b c}", "a b c"),
        ('${globals:q, "1"}', "1"), ("${globals:q, 1e3}", 1000.0), ("${globals:q, data/01}", "data/01"),
        ("${globals:q, true}", True), ("${globals:'a.b'}", 1), ("${globals:1}", "z"), ("${globals:a._x, 3}", 3),
        ("${globals:q,${globals:a.b}}", 1), ("${globals:${globals:e}.p}", 3), ("${runtime_params:r.s}", 4),
        ("${runtime_params:q, 7}", 7), ("${runtime_params:q, ${globals:nn,8}}", 8), ("${runtime_params:l.1}", 6),
        ("${runtime_params:nil, 3}", None), ("${runtime_params:q, null}", None), ("${runtime_params:twice}", "4!"),
    ],
)  # fmt: skip
def test_globals_and_runtime_params(tmp_path: Path, expression: str, value: Any) -> None:
    """What Kedro 1.7.0 makes of them, but for ``${globals:1}``, where it fails."""
    files: dict[str, str | bytes] = {
        "base/globals.yml": "a: {b: 1, _x: 3}\nc: [1]\nn: null\n1: z\ne: dev\ndev: {p: 3}\n",
        "base/catalog.yml": f"x:\n  y: {expression!r}\n",
    }
    runtime_params = {"r": {"s": 4}, "l": [5, 6], "nil": None, "twice": "${r.s}!"}
    assert load(tmp_path, files, "catalog", runtime_params=runtime_params) == {"x": {"y": value}}
