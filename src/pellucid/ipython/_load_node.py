"""The code of a node, to be run step by step."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid._util.suggest import nearest
from pellucid.exceptions import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping


def node_source(name: str, pipelines: Mapping[str, Any]) -> str:
    """Return code that loads a node's inputs, defines its function as its module does, and calls it.

    Args:
        name: of the node.
        pipelines: where it is looked for, by name.

    Raises:
        UnknownNameError: no pipeline has such a node.
        ValueError: the code of its function cannot be had, as of one that is built in.
    """
    node = _find(name, pipelines)
    function = inspect.unwrap(node.func)
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(f"The code of the node '{name}' cannot be had: {error}") from error
    parts = [
        "# What the node's module imports.\n" + _imports(function),
        "# The inputs of the node.\n" + _inputs(node, function),
        f"# The function of the node '{name}'.\n" + source.rstrip(),
        _call(node, function),
    ]
    return "\n\n".join(part for part in parts if part.count("\n") or not part.startswith("#"))


def _find(name: str, pipelines: Mapping[str, Any]) -> Any:
    nodes = {node.name: node for pipeline in pipelines.values() for node in pipeline.nodes}
    if name not in nodes:
        raise UnknownNameError("node", [name], nearest(name, nodes), "the registered pipelines")
    return nodes[name]


def _imports(function: Any) -> str:
    """Return the imports at the top of the module of a function, relative ones made absolute."""
    module = inspect.getmodule(function)
    path = inspect.getsourcefile(function)
    if module is None or path is None:
        return ""
    statements = []
    for each in ast.parse(Path(path).read_text(encoding="utf-8")).body:
        if isinstance(each, ast.ImportFrom) and each.level:
            package = (module.__package__ or "").split(".")
            base = package[: len(package) - each.level + 1]
            each.module, each.level = ".".join([*base, *([each.module] if each.module else [])]), 0
        if isinstance(each, ast.Import) or (isinstance(each, ast.ImportFrom) and each.module != "__future__"):
            statements.append(ast.unparse(each))
    return "\n".join(statements)


def _declared_inputs(node: Any) -> Any:
    return node._inputs  # noqa: SLF001 - the public form has lost which argument is which


def _arguments(node: Any, function: Any) -> dict[str, str]:
    """Return the dataset of each argument of a node's function."""
    inputs = _declared_inputs(node)
    if inputs is None:
        return {}
    if isinstance(inputs, dict):
        return dict(inputs)
    names = [inputs] if isinstance(inputs, str) else list(inputs)
    bound = inspect.signature(function).bind(*names).arguments
    arguments: dict[str, str] = {}
    for argument, value in bound.items():
        if isinstance(value, tuple):
            arguments.update({f"{argument}_{index}": each for index, each in enumerate(value)})
        else:
            arguments[argument] = value
    return arguments


def _inputs(node: Any, function: Any) -> str:
    return "\n".join(
        f"{argument} = catalog.load({dataset!r})" for argument, dataset in _arguments(node, function).items()
    )


def _call(node: Any, function: Any) -> str:
    arguments = _arguments(node, function)
    words = [f"{each}={each}" for each in arguments] if isinstance(_declared_inputs(node), dict) else list(arguments)
    return f"{function.__name__}({', '.join(words)})"
