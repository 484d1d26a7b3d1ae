from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.config import load, make_loader, write_conf

import pellucid.config
from pellucid.config import (
    AbstractConfigLoader,
    BadConfigException,
    MissingConfigException,
    OmegaConfigLoader,
    abstract_config,
    omegaconf_config,
)
from pellucid.exceptions import ConfigSyntaxError, DuplicateConfigKeyError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_public_names_are_these() -> None:
    assert sorted(pellucid.config.__all__) == [
        "AbstractConfigLoader", "BadConfigException", "MissingConfigException", "OmegaConfigLoader",
    ]  # fmt: skip
    assert abstract_config.AbstractConfigLoader is AbstractConfigLoader
    assert omegaconf_config.MERGING_IMPLEMENTATIONS[omegaconf_config.MergeStrategies.SOFT] == "_soft_merge"
    assert "s3" in omegaconf_config.CLOUD_PROTOCOLS
    assert omegaconf_config.HTTP_PROTOCOLS == ("http", "https")


def test_importing_and_plain_configuration_need_neither_omegaconf_nor_fsspec(tmp_path: Path) -> None:
    write_conf(tmp_path, {"base/parameters.yml": "a: 1\nb: ${a}\nc: 'x${globals:g}'", "base/globals.yml": "g: 1"})
    program = f"""
import sys, pellucid.config as config
heavy = {{"omegaconf", "fsspec", "yaml"}} & set(sys.modules)
assert not heavy, heavy
loader = config.OmegaConfigLoader({str(tmp_path)!r}, base_env="base", default_run_env="local")
assert loader["parameters"] == {{"a": 1, "b": 1, "c": "x1"}}
heavy = {{"omegaconf", "fsspec"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_base_class_is_a_mapping_of_what_is_set() -> None:
    loader = AbstractConfigLoader("conf", env="local", runtime_params=None, other=1)
    assert (loader.conf_source, loader.env, loader.runtime_params) == ("conf", "local", {})
    loader["catalog"] = {"a": 1}
    assert loader.get("catalog") == {"a": 1}
    assert loader.get("nope") is None
    assert loader.get("nope", 3) == 3


def test_environments_go_over_the_base(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "base/parameters.yml": "a: 1\nb: {x: 1, y: 2}\n",
        "local/parameters.yml": "c: 3\nb: {x: 9}\n",
        "prod/parameters.yml": "a: 7\n",
        "prod/eu/parameters.yml": "a: 8\n",
    }
    conf = write_conf(tmp_path, files)
    assert list(make_loader(conf)["parameters"].items()) == [("a", 1), ("b", {"x": 9}), ("c", 3)]
    assert make_loader(conf, env="base")["parameters"] == {"a": 1, "b": {"x": 1, "y": 2}}
    assert make_loader(conf, default_run_env="")["parameters"] == {"a": 1, "b": {"x": 1, "y": 2}}
    assert make_loader(conf, env="prod/eu")["parameters"]["a"] == 8
    with pytest.raises(DuplicateConfigKeyError):
        make_loader(conf, env="prod")["parameters"]
    assert OmegaConfigLoader(conf, base_env="prod/eu")["parameters"] == {"a": 8}


def test_without_environments_the_source_itself_is_read(tmp_path: Path) -> None:
    (tmp_path / "parameters.yml").write_text("a: 1")
    assert OmegaConfigLoader(tmp_path)["parameters"] == {"a": 1}


def test_both_environments_must_be_there(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, {"production/parameters.yml": "a: 1"})
    with pytest.raises(MissingConfigException, match=r"no environment 'prodction'.*Did you mean 'production'\?"):
        make_loader(conf, env="prodction")["parameters"]
    with pytest.raises(
        MissingConfigException, match=r"no environment 'zzz'.*There are 'base', 'local', 'production'\."
    ):
        make_loader(conf, base_env="zzz")["parameters"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingConfigException, match=r"no environment 'base': no folder .*empty/base\.$"):
        make_loader(tmp_path / "empty")["parameters"]


@pytest.mark.parametrize("key", ["catalog", "parameters", "credentials", "logging"])
def test_missing_files_are_told_with_patterns_and_folders(tmp_path: Path, key: str) -> None:
    with pytest.raises(MissingConfigException) as caught:
        load(tmp_path, {}, key, runtime_params={"a": 1})
    for part in (f"'{key}'", str(tmp_path / "base"), str(tmp_path / "local"), f"'{key}*'", f"'**/{key}*'"):
        assert part in str(caught.value)


def test_globals_may_be_missing_and_are_one_file_at_the_top(tmp_path: Path) -> None:
    assert load(tmp_path, {"base/sub/globals.yml": "a: 1", "base/globals_x.yml": "b: 1"}, "globals") == {}
    assert load(tmp_path, {"base/globals.yml": "a: 1\n_b: 2"}, "globals") == {"a": 1}


def test_an_empty_file_is_enough(tmp_path: Path) -> None:
    assert load(tmp_path, {"base/catalog.yml": "# none yet\n"}, "catalog") == {}
    assert load(tmp_path, {"base/parameters.yml": ""}, runtime_params={"a": {"b": 1}}) == {"a": {"b": 1}}


def test_unknown_keys_are_key_errors(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {}))
    with pytest.raises(KeyError, match=r"no key 'catlog'. Did you mean 'catalog'\?"):
        loader["catlog"]
    assert loader.get("spark") is None
    assert loader.get("spark", {}) == {}
    with pytest.raises(MissingConfigException):
        loader.get("catalog", {})


def test_a_loader_is_a_mapping(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {"base/spark.yml": "a: 1"}), config_patterns={"spark": ["spark*"]})
    names = ["catalog", "parameters", "credentials", "logging", "globals", "spark"]
    assert list(loader.keys()) == list(loader) == names
    assert len(loader) == 6
    assert "spark" in loader
    assert "nope" not in loader
    loader["catalog"] = {"b": 1}
    loader["new"] = 3
    assert loader["catalog"] == {"b": 1}
    assert loader["new"] == 3
    assert list(loader) == [*names, "new"]
    del loader["catalog"]
    with pytest.raises(MissingConfigException):
        loader["catalog"]


def test_globals_that_are_set_are_the_ones_that_count(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {"base/globals.yml": "a: 1", "base/parameters.yml": "x: ${globals:a}"}))
    assert loader["parameters"] == {"x": 1}
    loader["globals"] = {"a": 2}
    assert loader["parameters"] == {"x": 2}
    del loader["globals"]
    assert loader["parameters"] == {"x": 1}


def test_each_access_returns_a_copy(tmp_path: Path) -> None:
    loader = make_loader(
        write_conf(
            tmp_path, {"base/parameters.yml": "a: {b: [1]}\nc: ${a}\nd: ${globals:g}", "base/globals.yml": "g: [1]"}
        )
    )
    first = loader["parameters"]
    first["a"]["b"].append(2)
    first["d"].append(2)
    assert loader["parameters"] == {"a": {"b": [1]}, "c": {"b": [1]}, "d": [1]}
    assert loader["globals"] == {"g": [1]}


def test_a_file_is_read_once(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {"base/parameters.yml": "a: 1"}))
    assert loader["parameters"] == {"a": 1}
    (tmp_path / "base" / "parameters.yml").write_text("a: 2")
    assert loader["parameters"] == {"a": 1}
    assert make_loader(tmp_path)["parameters"] == {"a": 2}


def test_what_is_changed_on_a_loader_counts(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {"base/parameters.yml": "a: 1", "prod/parameters.yml": "a: 2"}))
    assert loader["parameters"] == {"a": 1}
    loader.runtime_params["b"] = 1
    assert loader["parameters"] == {"a": 1, "b": 1}
    loader.env = "prod"
    assert loader["parameters"] == {"a": 2, "b": 1}
    loader.conf_source = str(write_conf(tmp_path / "other", {"base/parameters.yml": "a: 3", "prod/x.yml": ""}))
    assert loader["parameters"] == {"a": 3, "b": 1}
    loader.config_patterns["parameters"] = ["nothing"]
    with pytest.raises(MissingConfigException):
        loader["parameters"]


def test_merge_strategies_are_per_key(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for key in ("parameters", "catalog"):
        files[f"base/{key}.yml"] = "x: {a: 1, b: {c: 1}}\nl: [1, 2]\nn: {a: 1}\n"
        files[f"local/{key}.yml"] = "x: {b: {d: 3}}\nl: [3]\nn: null\n"
    soft = {"x": {"a": 1, "b": {"c": 1, "d": 3}}, "l": [3], "n": None}
    hard = {"x": {"b": {"d": 3}}, "l": [3], "n": None}
    loader = make_loader(write_conf(tmp_path, files), merge_strategy={"parameters": "soft", "catalog": "destructive"})
    assert loader["parameters"] == soft
    assert loader["catalog"] == hard
    assert make_loader(tmp_path, merge_strategy={"catalog": "SOFT"})["catalog"] == soft


def test_globals_are_merged_like_the_rest(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "base/globals.yml": "a: 1\nc: {d: 1}\nv: ${a}", "local/globals.yml": "a: 2\nc: {e: 2}",
        "base/parameters.yml": "x: ${globals:a}\ny: ${globals:c}\nv: ${globals:v}",
    }  # fmt: skip
    assert load(tmp_path, files) == {"x": 2, "y": {"e": 2}, "v": 1}
    assert load(tmp_path, files, merge_strategy={"globals": "soft"})["y"] == {"d": 1, "e": 2}


def test_merge_strategies_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BadConfigException, match=r"'parameters' is 'sooft'; there are soft and destructive\. Did .* 'soft'"
    ):
        make_loader(tmp_path, merge_strategy={"parameters": "sooft"})
    with pytest.raises(BadConfigException, match=r"names 'para', which is no key .* Did you mean 'parameters'\?"):
        make_loader(tmp_path, merge_strategy={"para": "soft"})


def test_a_subclass_may_replace_how_is_merged(tmp_path: Path) -> None:
    class Loader(OmegaConfigLoader):
        @staticmethod
        def _soft_merge(config: dict[str, Any], env_config: dict[str, Any]) -> dict[str, Any]:
            return {**env_config, "merged": sorted(config)}

    write_conf(tmp_path, {"base/catalog.yml": "a: 1", "local/catalog.yml": "b: 2"})
    loader = Loader(tmp_path, base_env="base", default_run_env="local", merge_strategy={"catalog": "soft"})
    assert loader["catalog"] == {"b": 2, "merged": ["a"]}


def test_duplicates_name_both_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"base/catalog.yml": "x: {a: 1}\n", "base/catalog_b.yml": "x: {b: 1}\n"}
    with pytest.raises(DuplicateConfigKeyError) as caught:
        load(tmp_path, files, "catalog")
    assert caught.value.keys == ("x",)
    assert (caught.value.first, caught.value.second) == tuple(str(tmp_path / name) for name in files)
    files = {"base/parameters.yml": "x: {a: 1}\n", "base/parameters_b.yml": "x: {b: 1}\n"}
    assert load(tmp_path, files) == {"x": {"a": 1, "b": 1}}
    with pytest.raises(ConfigSyntaxError, match=r"base/catalog\.yml:2:1: the key 'x' stands twice"):
        load(tmp_path / "in_one", {"base/catalog.yml": "x: 1\nx: 2"}, "catalog")


def test_variables_are_seen_in_one_environment_and_dropped_but_from_parameters(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {}
    for key in ("catalog", "parameters"):
        files[f"base/{key}.yml"] = "a: {n: '${_x}', _kept: 1}\n"
        files[f"base/{key}_vars.yml"] = "_x: 5\n"
        files[f"local/{key}.yml"] = "_x: 6\n"
    assert load(tmp_path, files, "catalog") == {"a": {"n": 5, "_kept": 1}}
    assert load(tmp_path, files) == {"a": {"n": 5, "_kept": 1}, "_x": 6}
    with pytest.raises(
        BadConfigException, match=r"'b' of the catalog cannot be resolved \(.*local/catalog\.yml\): '_y'"
    ):
        load(
            tmp_path,
            {"base/catalog.yml": "_y: 1", "base/catalog_vars.yml": "", "local/catalog.yml": "b: ${_y}"},
            "catalog",
        )


@pytest.mark.parametrize(
    ("base", "local", "runtime_params", "expected"),
    [
        ("a: {b: 1, c: 2}", "", {"a": {"b": 9, "z": 1}, "n": 5}, {"a": {"b": 9, "c": 2, "z": 1}, "n": 5}),
        ("d: [1]", "", {"d": [2]}, {"d": [2]}),
        ("x: 1\na: {n: '${x}'}", "", {"x": 8}, {"x": 8, "a": {"n": 8}}),
        ("x: 1\ny: ${x}", "z: ${x}", {"x": 5}, {"x": 5, "y": 5, "z": 5}),
        ("x: {c: 4}", "", {"x": 1}, {"x": 1}),
        ("x: {c: 4}", "", {"x": None}, {"x": None}),
        ("x: 1", "", {"x": {"c": 4}}, {"x": {"c": 4}}),
        ("a: {x: 1}\nb: ${a}", "", {"b": {"y": 2}}, {"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
        ("a: 1", "", {"b": "${a}", "c": ["${a}"]}, {"a": 1, "b": 1, "c": [1]}),
        ("a: {b: 1}", "", {"a.b": "2"}, {"a": {"b": 1}, "a.b": "2"}),
        ("_a: 1\nb: ${_a}", "", {"_a": 3}, {"_a": 3, "b": 3}),
        ("x: {a: 1, b: 2}", "x: {b: 3}", {"x": {"c": 4}}, {"x": {"b": 3, "c": 4}}),
        ("x: ${runtime_params:q, 7}", "", {"t": (1, 2)}, {"x": 7, "t": (1, 2)}),
        (r"x: \${y}", "", {"z": 1}, {"x": "${y}", "z": 1}),
    ],
)  # fmt: skip
def test_runtime_parameters_as_in_kedro(
    tmp_path: Path, base: str, local: str, runtime_params: dict[str, Any], expected: dict[str, Any]
) -> None:
    files: dict[str, str | bytes] = {"base/parameters.yml": base, "local/parameters.yml": local}
    assert load(tmp_path, files, runtime_params=runtime_params) == expected


def test_runtime_parameters_merge_into_what_only_the_base_has(tmp_path: Path) -> None:
    """Kedro 1.7.0 loses ``a`` and ``b`` as soon as the other environment has any parameter."""
    files: dict[str, str | bytes] = {"base/parameters.yml": "x: {a: 1, b: 2}", "local/parameters.yml": "y: '${x.c}'"}
    assert load(tmp_path, files, runtime_params={"x": {"c": 4}}) == {"x": {"a": 1, "b": 2, "c": 4}, "y": 4}


def test_a_reference_of_a_runtime_parameter_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfigException, match=r"'c\.d' of the parameters .* \(the runtime parameters\): 'nope'"):
        load(tmp_path, {"base/parameters.yml": "a: 1"}, runtime_params={"c": {"d": "${nope}"}})


@pytest.mark.parametrize(
    "entry",
    [
        "{type: '${runtime_params:t}'}", "{type: 'pandas.${runtime_params:t}'}", "{type: '${_t}'}",
        "{type: p.P, dataset: {type: '${runtime_params:t}'}}", "{type: p.P, dataset: '${runtime_params:t}'}",
        "'${runtime_params:whole}'", "[{type: '${runtime_params:t}'}]", "{type: '${oc.select:_t}'}",
        "{type: '${oc.decode:${_t}}'}", "{type: '${._s}', _s: '${runtime_params:t}'}", "{type: '${upper:${_t}}'}",
        "{type: p.P, dataset: {type: '${_s.type}'}}", "'${_s}'",
        "'${runtime_params:list}'", "{type: p.P, dataset: ['${_s}']}",
    ],
)  # fmt: skip
def test_runtime_parameters_may_be_kept_from_choosing_types(tmp_path: Path, entry: str) -> None:
    text = f"_t: ${{runtime_params:t}}\n_s: {{type: '${{_t}}'}}\nd: {entry}\n"
    arguments: dict[str, Any] = {
        "runtime_params": {"t": "x.Y", "whole": {"type": "x.Y"}, "list": [{"type": "x.Y"}]},
        "custom_resolvers": {"upper": str.upper},
    }  # fmt: skip
    assert load(tmp_path, {"base/catalog.yml": text}, "catalog", **arguments)["d"]
    with pytest.raises(BadConfigException, match="The type of the dataset 'd' comes from a runtime parameter"):
        load(tmp_path, {}, "catalog", restrict_runtime_params_type_selection=True, **arguments)


def test_runtime_parameters_that_choose_no_type_stay_allowed(tmp_path: Path) -> None:
    text = """
        _tmpl: {type: p.P, filepath: '${runtime_params:t}'}
        a: {type: p.P, filepath: 'x/${runtime_params:t}', l: ['${runtime_params:n}']}
        b: {type: '${runtime_params:nope, p.P}'}
        c: {type: '${globals:t}'}
        d: ${_tmpl}
    """
    loaded = load(
        tmp_path, {"base/catalog.yml": text, "base/globals.yml": "t: g.G"}, "catalog",
        runtime_params={"t": "x.Y", "n": 1}, restrict_runtime_params_type_selection=True,
    )  # fmt: skip
    assert loaded == {
        "a": {"type": "p.P", "filepath": "x/x.Y", "l": [1]}, "b": {"type": "p.P"}, "c": {"type": "g.G"},
        "d": {"type": "p.P", "filepath": "x.Y"},
    }  # fmt: skip
    assert type(loaded["a"]["filepath"]) is type(loaded["d"]["filepath"]) is str


def test_one_environment_can_be_loaded_by_itself(tmp_path: Path) -> None:
    conf = write_conf(
        tmp_path, {"base/parameters.yml": "a: 1\nb: ${a}", "local/credentials.yml": "k: ${oc.env:HOME,x}\n_v: 1"}
    )
    loader = make_loader(conf)
    processed: set[str] = set()
    for folder in ("base", str(conf / "base")):
        assert loader.load_and_merge_dir_config(folder, ["parameters*"], "parameters", processed) == {"a": 1, "b": 1}
    assert processed == {str(conf / "base" / "parameters.yml")}
    assert set(loader.load_and_merge_dir_config("local", ["cred*"], "credentials", processed, True)) == {"k"}
    with pytest.raises(BadConfigException, match=r"oc\.env"):
        loader.load_and_merge_dir_config("local", ["cred*"], "credentials", processed)
    with pytest.raises(MissingConfigException):
        loader.load_and_merge_dir_config("nope", ["cred*"], "credentials", processed)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, {})
    (conf / "base" / "parameters.yml").symlink_to(conf / "nowhere.yml")
    with pytest.raises(BadConfigException, match=r"base/parameters\.yml cannot be read: No such file"):
        make_loader(conf)["parameters"]


def test_the_repr_shows_no_values_of_runtime_parameters(tmp_path: Path) -> None:
    text = repr(make_loader(tmp_path, runtime_params={"token": "hush"}, custom_resolvers={"x": str}))
    assert text.startswith(f"OmegaConfigLoader(conf_source={str(tmp_path)!r}, env=None")
    assert "token" in text
    assert "hush" not in text
    assert "hush" not in repr(make_loader("s3://key:hush@bucket/conf"))


def test_a_loader_can_be_copied_and_pickled(tmp_path: Path) -> None:
    loader = make_loader(write_conf(tmp_path, {"base/parameters.yml": "a: 1"}))
    assert loader["parameters"] == {"a": 1}
    for other in (copy.copy(loader), copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert other["parameters"] == {"a": 1}


def test_large_configuration_loads(tmp_path: Path) -> None:
    """2,000 datasets with a reference each, and 5,000 parameters, which OmegaConf itself refuses to read."""
    entry = "ds_{0}:\n  type: pandas.CSVDataset\n  filepath: ${{globals:folder}}/{0}.csv\n  load_args: {{sep: ','}}\n"
    files: dict[str, str | bytes] = {
        "base/globals.yml": "folder: data", "base/catalog.yml": "".join(entry.format(i) for i in range(2000)),
        "base/parameters.yml": "".join(f"p_{i}: {{a: {i}, b: [1, 2], c: 1e-3}}\n" for i in range(5000)),
    }  # fmt: skip
    loader = make_loader(write_conf(tmp_path, files))
    assert loader["catalog"]["ds_7"]["filepath"] == "data/7.csv"
    assert len(loader["parameters"]) == 5000
    assert len(loader["catalog"]) + len(loader["parameters"]) == 7000
