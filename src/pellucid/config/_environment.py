"""One environment: its files put together, and its interpolations resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid._util.rows import Row
from pellucid.config._interpolation import MARK, Evaluator, UnresolvedError, dotted
from pellucid.config._merging import EnvironmentFiles, is_hidden_key, soft_merge
from pellucid.config._patterns import matching
from pellucid.config._restriction import refuse_chosen_types, unmark
from pellucid.exceptions import BadConfigException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pellucid.config._resolvers import LoaderResolvers


class Environment(Row):
    """What the files of one environment say under one configuration key, before anything is resolved."""

    folder: str
    data: dict[Any, Any]
    files_of: Mapping[Any, list[str]]
    names: list[str]

    def describe(self, top: object) -> str:
        """Say where a top-level key comes from."""
        files = self.files_of.get(top)
        if files:
            return ", ".join(files)
        return "the runtime parameters"


def read_environment(
    folder: str,
    files: Iterable[str],
    patterns: Iterable[str],
    read: Callable[[str], dict[Any, Any]],
    *,
    nested: bool,
    ignore_hidden: bool,
    label: Callable[[str], str],
) -> Environment:
    """Put together the files of a folder that match the patterns.

    Args:
        folder: the environment, relative to the source.
        files: what is in it, relative to it.
        patterns: globs.
        read: returns the content of a file, named relative to the source.
        nested: see ``EnvironmentFiles``.
        ignore_hidden: leave out hidden files and folders.
        label: says how the user would name a file.

    Raises:
        BadConfigException: a file cannot be used, or a key stands twice.
    """
    merged = EnvironmentFiles(nested=nested)
    names: list[str] = []
    for file in matching(files, patterns, ignore_hidden=ignore_hidden):
        path = f"{folder}/{file}" if folder else file
        names.append(label(path))
        merged.add(read(path), names[-1])
    return Environment(folder, merged.data, merged.files_of, names)


def resolve_environment(
    key: str, environment: Environment, resolvers: LoaderResolvers, runtime_params: dict[str, Any]
) -> dict[Any, Any]:
    """Return what an environment says under ``key``, with everything resolved, without its template variables.

    Args:
        key: of the configuration.
        environment: its files.
        resolvers: for ``${name:...}``.
        runtime_params: go over what is in the files, so that references see them; what only they have is left out.

    Raises:
        BadConfigException: an interpolation means nothing.
    """
    data = environment.data
    evaluator = Evaluator(_overlay(data, runtime_params) if runtime_params else data, resolvers)
    kept = data if key == "parameters" else [name for name in data if not is_hidden_key(name)]
    try:
        resolved = {name: evaluator.at((name,)) for name in kept}
    except UnresolvedError as error:
        raise _explain(error, key, environment) from error
    except RecursionError:
        problem = "it is nested too deeply, or refers to itself by way of too many others"
        raise BadConfigException(
            f"The {_noun(key)} cannot be resolved ({', '.join(environment.names)}): {problem}"
        ) from None
    if not resolvers.marks_runtime:
        return resolved
    refuse_chosen_types(resolved, ", ".join(environment.names))
    return {name: unmark(value) for name, value in resolved.items()}


def _overlay(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge softly, but let a reference stay where a mapping goes over it: they are merged when it is resolved."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        if isinstance(value, dict) and isinstance(lower, dict):
            merged[key] = _overlay(lower, value)
        elif not (isinstance(value, dict) and isinstance(lower, str) and MARK in lower):
            merged[key] = value
    return merged


def resolve_runtime_params(
    parameters: dict[str, Any], runtime_params: dict[str, Any], resolvers: LoaderResolvers
) -> dict[str, Any]:
    """Return the runtime parameters, whose references may mean each other and the parameters.

    Raises:
        BadConfigException: an interpolation means nothing.
    """
    evaluator = Evaluator(soft_merge(parameters, runtime_params), resolvers)

    def overlay(value: Any, path: tuple[Any, ...]) -> Any:
        # Only their own values: those of files are resolved, and what is left of "${" in them is text.
        if isinstance(value, dict):
            return {name: overlay(each, (*path, name)) for name, each in value.items()}
        return evaluator.at(path)

    try:
        resolved: dict[str, Any] = overlay(runtime_params, ())
    except UnresolvedError as error:
        raise _explain(error, "parameters", Environment("", {}, {}, [])) from error
    return resolved


def _explain(error: UnresolvedError, key: str, environment: Environment) -> BadConfigException:
    path = error.path or ("?",)
    # What a resolver or the parser says may quote a secret.
    detail = "" if key == "credentials" else error.detail
    where = environment.describe(path[0])
    return BadConfigException(
        f"'{dotted(path)}' of the {_noun(key)} cannot be resolved ({where}): {error.problem}{detail}"
    )


def _noun(key: str) -> str:
    return key if key in ("catalog", "parameters", "credentials", "globals") else f"configuration '{key}'"
