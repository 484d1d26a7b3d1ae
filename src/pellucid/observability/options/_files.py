"""The files of observability in a project's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._util.rows import Row
from pellucid.observability.options._problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_KEY = "observability"
_PATTERNS = (f"{_KEY}*", f"{_KEY}*/**", f"**/{_KEY}*")
_SOFT = "soft"


class FromFiles(Row):
    """What the files say.

    Attributes:
        values: merged over the environments.
        origins: the file of each key with dots, groups included.
        problems: files that cannot be used.
    """

    values: dict[Any, Any]
    origins: dict[str, str]
    problems: tuple[Problem, ...] = ()


def read_files(project_path: Path, conf_source: str, env: str | None, loader_args: Mapping[str, Any]) -> FromFiles:
    """Read the files of the base and the run's environment, and merge them as the loader of configuration does.

    Args:
        project_path: the root of the project.
        conf_source: a folder, relative to it; an archive or a URL.
        env: the environment; the loader's ``default_run_env`` if None.
        loader_args: of the loader; ``oc.env`` may be used in these files, since headers are secrets.
    """
    from pellucid.config import BadConfigException, MissingConfigException, OmegaConfigLoader

    is_soft = dict(loader_args.get("merge_strategy") or {}).get(_KEY) == _SOFT
    known = {each: loader_args[each] for each in _LOADER_ARGUMENTS if each in loader_args}
    patterns = list(dict(loader_args.get("config_patterns") or {}).get(_KEY, _PATTERNS))
    origins: dict[str, str] = {}
    merged: dict[Any, Any] = {}
    problems: list[Problem] = []
    try:
        loader = OmegaConfigLoader(_located(project_path, conf_source), env, **known)
    except Exception as error:  # of what settings say: the run itself says so
        return FromFiles({}, {}, (Problem("", conf_source, _said(error)),))
    for folder in dict.fromkeys((loader.base_env, env or loader.default_run_env)):
        if not folder and loader.base_env:
            continue
        files: set[Any] = set()
        try:
            found = loader.load_and_merge_dir_config(folder, patterns, _KEY, files, read_environment_variables=True)
        except MissingConfigException:
            continue  # the run itself says so
        except BadConfigException as error:
            problems.append(Problem("", _named(conf_source, folder), _said(error)))
            continue
        except Exception as error:  # of a resolver or a file system: anything
            problems.append(Problem("", _named(conf_source, folder), _said(error)))
            continue
        name = ", ".join(_relative(project_path, str(each)) for each in sorted(map(str, files)))
        _merge(merged, found, origins, name, is_soft=is_soft)
    return FromFiles(merged, origins, tuple(problems))


_LOADER_ARGUMENTS = ("base_env", "default_run_env", "custom_resolvers", "ignore_hidden", "allow_http", "runtime_params")


def _located(project_path: Path, conf_source: str) -> str:
    return conf_source if "://" in conf_source or "::" in conf_source else str(project_path / conf_source)


def _named(conf_source: str, folder: str) -> str:
    from pellucid._util.redaction import redact_urls

    return "/".join(part for part in (redact_urls(conf_source), folder, "observability.yml") if part)


def _relative(project_path: Path, name: str) -> str:
    return name.removeprefix(f"{project_path}/")


def _said(error: BaseException) -> str:
    from pellucid._util.redaction import redact_urls
    from pellucid._util.texts import text_of

    said = redact_urls(text_of(error, 1000)).rstrip(".")
    return f"it cannot be used: {said}. What it would set keeps its value."


def _merge(below: dict[Any, Any], above: dict[Any, Any], origins: dict[str, str], name: str, *, is_soft: bool) -> None:
    """Put one environment over another: as a whole by top-level key, or each value by itself."""
    for key, value in above.items():
        if not is_soft:
            for each in [each for each in origins if each == key or each.startswith(f"{key}.")]:
                del origins[each]
        _note(origins, str(key), value, name)
        below[key] = _softly(below.get(key), value) if is_soft else value


def _softly(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: _softly(below.get(key), value) for key, value in above.items()}}


def _note(origins: dict[str, str], key: str, value: Any, name: str) -> None:
    origins[key] = name
    if isinstance(value, dict):
        for inner, each in value.items():
            _note(origins, f"{key}.{inner}", each, name)
