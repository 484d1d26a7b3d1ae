"""From what a node's function takes and returns to datasets by name."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NodeOutputError, PipelineError
from pellucid.pipeline._binding import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pellucid.pipeline._binding import Names


def call(func: Callable[..., Any], names: Names, data: dict[str, Any]) -> Any:
    """Call a function with the data of the datasets that ``names`` has."""
    if isinstance(names, dict):
        return func(**{argument: data[name] for argument, name in names.items()})
    if isinstance(names, str) and names:
        return func(data[names])
    return func(*[data[name] for name in names or ()])


def check_data(names: Names, data: object, node: str) -> dict[str, Any]:
    """Return the data if it is that of the named datasets, no more and no less.

    Raises:
        PipelineError: naming what is missing and what is not expected.
    """
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise PipelineError(
            f"The node '{node}' is run with a dictionary of data by dataset name, and {type(data).__name__} is none."
        )
    if isinstance(names, str) and names in data and len(data) == 1 and names:
        return data
    expected = dict.fromkeys(names_in(names))
    if expected.keys() != data.keys():
        missing = [repr(name) for name in expected if name not in data]
        extra = [repr(name) for name in data if name not in expected]
        needs = f"the inputs {', '.join(map(repr, expected))}" if expected else "no inputs"
        found = "; ".join(
            f"{what}: {', '.join(which)}" for what, which in (("missing", missing), ("not expected", extra)) if which
        )
        raise PipelineError(f"The node '{node}' takes {needs}; {found}.")
    return data


def by_name(outputs: Names, result: Any, node: str) -> dict[str, Any]:
    """Return what a function returned, by the names of the node's outputs.

    A generator stays one: with several outputs there is a generator for each, and reading them in turn keeps no
    more than one chunk of each in memory.

    Raises:
        NodeOutputError: if the result does not fit the outputs. For a generator this happens while it is read.
    """
    if isinstance(outputs, str) and outputs:
        return {outputs: result}
    if not outputs:
        if result is not None:
            warnings.warn(
                f"The node '{node}' returned a value of type '{type(result).__name__}', which is dropped: "
                "it has no outputs.",
                UserWarning,
                stacklevel=3,
            )
        return {}
    names = names_in(outputs)
    if isinstance(result, GeneratorType):
        return dict(zip(names, _streams(result, outputs, node), strict=True))
    return dict(zip(names, _parts(outputs, result, node), strict=True))


def _parts(outputs: list[str] | dict[str, str], result: Any, node: str) -> list[Any]:
    """Return the part of a result for each output, in the order of the outputs."""
    if isinstance(outputs, dict):
        if not isinstance(result, Mapping):
            raise NodeOutputError(node, f"a dictionary with the keys {_listed(outputs)}", _type(result))
        if result.keys() != outputs.keys():
            expected = f"a dictionary with the keys {_listed(outputs)}"
            raise NodeOutputError(node, expected, f"one with the keys {_listed(result)}")
        return [result[key] for key in outputs]
    expected = f"a list or tuple of {len(outputs)} for the outputs {_listed(outputs)}"
    if not isinstance(result, list | tuple):
        raise NodeOutputError(node, expected, _type(result))
    if len(result) != len(outputs):
        raise NodeOutputError(node, expected, f"{len(result)}")
    return list(result)


def _streams(
    chunks: Generator[Any, Any, Any], outputs: list[str] | dict[str, str], node: str
) -> list[Generator[Any, None, None]]:
    waiting: list[deque[Any]] = [deque() for _ in outputs]

    def stream(own: deque[Any]) -> Generator[Any, None, None]:
        while True:
            if not own:
                for chunk in chunks:
                    for queue, part in zip(waiting, _parts(outputs, chunk, node), strict=True):
                        queue.append(part)
                    break
                else:
                    return
            yield own.popleft()

    return [stream(own) for own in waiting]


def _type(value: object) -> str:
    return f"a value of type '{type(value).__name__}'"


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "(none)"
