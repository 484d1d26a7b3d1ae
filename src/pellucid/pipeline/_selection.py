"""Parts of a pipeline: the positions of the nodes that a selector names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.suggest import nearest
from pellucid.exceptions import UnknownNameError
from pellucid.pipeline._graph import reachable
from pellucid.pipeline._naming import listed
from pellucid.pipeline._transcoding import TRANSCODING_SEPARATOR, base_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.pipeline._index import View

_SHOWN = 3


def texts(names: Iterable[str]) -> list[str]:
    """Return names as a list without repetitions; a single text is one name.

    Raises:
        PipelineError: if they are no texts.
    """
    return [names] if isinstance(names, str) else list(dict.fromkeys(listed(names, "names")))


def with_names(view: View, names: Iterable[str]) -> set[int]:
    """Return the nodes that have these names.

    Raises:
        UnknownNameError: if the pipeline does not have one of them.
    """
    positions = {name: view.position(name) for name in texts(names)}
    unknown = [name for name, position in positions.items() if position is None]
    if unknown:
        known = [node.name for node in view.nodes]
        raise UnknownNameError("node", unknown, _nearest_nodes(unknown, known), known=known)
    return {position for position in positions.values() if position is not None}


def from_names(view: View, names: Iterable[str]) -> set[int]:
    """Return the nodes that have these names, and those that depend on them."""
    return reachable(with_names(view, names), view.graph.children)


def to_names(view: View, names: Iterable[str]) -> set[int]:
    """Return the nodes that have these names, and those that they depend on."""
    return reachable(with_names(view, names), view.graph.parents)


def with_tags(view: View, tags: Iterable[str]) -> set[int]:
    """Return the nodes that have any of these tags."""
    wanted = set(texts(tags))
    return {position for position, node in enumerate(view.nodes) if not wanted.isdisjoint(node.tags)}


def unknown_tags(view: View, tags: Iterable[str]) -> UnknownNameError | None:
    """Return the error that names the tags which no node has, or None where there are none."""
    known = {tag for node in view.nodes for tag in node.tags}
    unknown = [tag for tag in texts(tags) if tag not in known]
    if not unknown:
        return None
    return UnknownNameError("tag", unknown, _nearest(unknown, sorted(known)), known=sorted(known))


def with_namespaces(view: View, namespaces: Iterable[str]) -> set[int]:
    """Return the nodes in these namespaces or deeper.

    Raises:
        UnknownNameError: if the pipeline does not have one of them.
    """
    wanted = texts(namespaces)
    members: dict[str, set[int]] = {namespace: set() for namespace in wanted}
    for position, node in enumerate(view.nodes):
        for prefix in node.namespace_prefixes:
            if prefix in members:
                members[prefix].add(position)
    unknown = [namespace for namespace in wanted if not members[namespace]]
    if unknown:
        known = sorted({prefix for node in view.nodes for prefix in node.namespace_prefixes if prefix})
        raise UnknownNameError("namespace", unknown, _nearest(unknown, known), known=known)
    return set().union(*members.values())


def with_inputs(view: View, datasets: Iterable[str]) -> set[int]:
    """Return the nodes that read any of these datasets; a name without ``@`` stands for all views of it.

    Raises:
        UnknownNameError: if no node reads or writes one of them.
    """
    wanted = _known_datasets(view, datasets)
    found = ((name, reader) for name in wanted for reader in view.readers(base_name(name)))
    return {reader for name, reader in found if _means(name, view.nodes[reader].inputs)}


def with_outputs(view: View, datasets: Iterable[str]) -> set[int]:
    """Return the nodes that write any of these datasets; a name without ``@`` stands for all views of it.

    Raises:
        UnknownNameError: if no node reads or writes one of them.
    """
    wanted = _known_datasets(view, datasets)
    found = ((name, view.writer(base_name(name))) for name in wanted)
    return {writer for name, writer in found if writer is not None and _means(name, view.nodes[writer].outputs)}


def from_inputs(view: View, datasets: Iterable[str]) -> set[int]:
    """Return the nodes that read these datasets, and those that depend on them."""
    return reachable(with_inputs(view, datasets), view.graph.children)


def to_outputs(view: View, datasets: Iterable[str]) -> set[int]:
    """Return the nodes that write these datasets, and those that they depend on."""
    return reachable(with_outputs(view, datasets), view.graph.parents)


def _means(name: str, used: list[str]) -> bool:
    """Tell whether ``name`` is one of the used names, all of which may have a ``@``."""
    return TRANSCODING_SEPARATOR not in name or name in used


def has_dataset(view: View, name: str) -> bool:
    """Tell whether a node reads or writes a dataset; a name without ``@`` stands for all views of it."""
    base = base_name(name)
    if any(_means(name, view.nodes[reader].inputs) for reader in view.readers(base)):
        return True
    writer = view.writer(base)
    return writer is not None and _means(name, view.nodes[writer].outputs)


def nearest_datasets(view: View, unknown: list[str]) -> list[str]:
    """Return the names of datasets that look like the unknown ones."""
    return _nearest(unknown, known_datasets(view))


def known_datasets(view: View) -> list[str]:
    """Return the names of all datasets, as the nodes have them."""
    return list(dict.fromkeys(name for node in view.nodes for name in (*node.inputs, *node.outputs)))


def _known_datasets(view: View, names: Iterable[str]) -> list[str]:
    wanted = texts(names)
    unknown = [name for name in wanted if not has_dataset(view, name)]
    if unknown:
        raise UnknownNameError("dataset", unknown, nearest_datasets(view, unknown), known=known_datasets(view))
    return wanted


def _nearest_nodes(unknown: list[str], known: list[str]) -> list[str]:
    """Return names like the unknown ones; first those that lack nothing but their namespace."""
    namespaced = [name for each in unknown for name in known if name.endswith(f".{each}")]
    return list(dict.fromkeys([*namespaced, *_nearest(unknown, known)]))[:_SHOWN]


def _nearest(unknown: list[str], known: list[str]) -> list[str]:
    # A long list of unknown names has one reason, and looking for what each might mean would take seconds.
    found = [name for each in unknown[:_SHOWN] for name in nearest(each, known)]
    return list(dict.fromkeys(found))[:_SHOWN]
