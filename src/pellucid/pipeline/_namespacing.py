"""A pipeline used as a part of another one: its datasets renamed, its nodes in a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from pellucid.exceptions import PipelineError, UnknownNameError
from pellucid.pipeline._parameters import is_parameter, prefixed_parameter, with_prefix
from pellucid.pipeline._selection import has_dataset, nearest_datasets
from pellucid.pipeline._transcoding import TRANSCODING_SEPARATOR, _transcode_split, base_name

if TYPE_CHECKING:
    from pellucid.pipeline._index import View
    from pellucid.pipeline._node import Node

Renaming: TypeAlias = str | Iterable[str] | Mapping[str, str] | None
"""Names that stay, or names and what they become."""


def renamed_nodes(
    view: View,
    *,
    inputs: Renaming,
    outputs: Renaming,
    parameters: Renaming,
    namespace: str | None,
    prefix_datasets: bool,
) -> list[Node]:
    """Return copies of the nodes with their datasets renamed, and in the namespace.

    Args:
        view: the nodes.
        inputs: what the pipeline reads from outside.
        outputs: what it writes.
        parameters: with ``params:`` or without.
        namespace: goes before the names of nodes, and of all datasets and parameters that are in no mapping.
        prefix_datasets: whether it goes before those of datasets and parameters.

    Raises:
        UnknownNameError: if a mapping names what the pipeline does not have.
        PipelineError: if a mapping cannot be used otherwise.
    """
    mapping = {
        **_checked_inputs(view, _as_mapping(inputs, "inputs")),
        **_checked_outputs(view, _as_mapping(outputs, "outputs")),
        **_checked_parameters(view, _as_mapping(parameters, "parameters")),
    }
    prefix = namespace if prefix_datasets else None
    rename: Callable[[str], str] = partial(_renamed, mapping, f"{prefix}." if prefix else "")
    return [node.renamed(rename, namespace) for node in view.nodes]


def _renamed(mapping: Mapping[str, str], prefix: str, name: str) -> str:
    if name in mapping:
        return mapping[name]
    if TRANSCODING_SEPARATOR in name:
        base, shape = _transcode_split(name)
        if base in mapping:
            return f"{mapping[base]}{TRANSCODING_SEPARATOR}{shape}"
    return prefixed_parameter(name, prefix) if is_parameter(name) else prefix + name


def _as_mapping(names: Renaming, what: str) -> dict[str, str]:
    if not names:
        return {}
    if isinstance(names, str):
        return {names: names}
    if not isinstance(names, Iterable):
        raise PipelineError(
            f"The {what} of a pipeline are a name, a set of names or a dictionary from old to new names; "
            f"{names!r} is of type {type(names).__name__}."
        )
    mapping = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    for name in (*mapping, *mapping.values()):
        if not isinstance(name, str):
            raise PipelineError(f"Among the {what} of a pipeline is {name!r}, and names are text.")
    return mapping


def _checked_inputs(view: View, mapping: dict[str, str]) -> dict[str, str]:
    _refuse_parameters(mapping, "inputs")
    _refuse_unknown(view, mapping)
    writers = ((name, view.writer(base_name(name))) for name in mapping)
    written = [f"'{name}' by '{view.nodes[writer].name}'" for name, writer in writers if writer is not None]
    if written:
        raise PipelineError(
            f"What is mapped as inputs is written by nodes of the pipeline itself: {', '.join(written)}."
        )
    return mapping


def _checked_outputs(view: View, mapping: dict[str, str]) -> dict[str, str]:
    _refuse_parameters(mapping, "outputs")
    _refuse_unknown(view, mapping)
    unwritten = [f"'{name}'" for name in mapping if view.writer(base_name(name)) is None]
    if unwritten:
        raise PipelineError(f"What is mapped as outputs is written by no node of the pipeline: {', '.join(unwritten)}.")
    return mapping


def _checked_parameters(view: View, mapping: dict[str, str]) -> dict[str, str]:
    prefixed = {with_prefix(name): with_prefix(new) for name, new in mapping.items()}
    _refuse_unknown(view, prefixed, "parameter")
    return prefixed


def _refuse_parameters(mapping: dict[str, str], what: str) -> None:
    parameters = [f"'{name}'" for name in mapping if is_parameter(name)]
    if parameters:
        raise PipelineError(f"Map {', '.join(parameters)} by 'parameters' instead of '{what}'.")


def _refuse_unknown(view: View, mapping: dict[str, str], kind: str = "dataset") -> None:
    unknown = [name for name in mapping if not has_dataset(view, name)]
    if unknown:
        raise UnknownNameError(kind, unknown, nearest_datasets(view, unknown))
