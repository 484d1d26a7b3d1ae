"""A node: a function, and the names of what it reads and writes."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pellucid._util.texts import text_of
from pellucid.exceptions import PipelineError
from pellucid.pipeline._binding import check_call, check_distinct, check_names, names_in
from pellucid.pipeline._naming import check_tags, check_word, default_name, function_name, listed
from pellucid.pipeline._results import by_name, call, check_data

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pellucid.pipeline._binding import Names
    from pellucid.pipeline.preview_contract import PreviewPayload

_LONGEST = 10_000  # characters of an error in the log
_DERIVED = ("_unique_key", "inputs", "namespace_prefixes", "outputs")


class Node:
    """One step of a pipeline: calls a function with datasets, and names what it returns.

    Args:
        func: any callable.
        inputs: a dataset for the only argument, a list for positional arguments, a dictionary from arguments to
            datasets, or None.
        outputs: a dataset for the result, a list for the items of a returned list or tuple, a dictionary from keys of
            a returned dictionary to datasets, or None.
        name: what to call the node; without one it is named after its function.
        tags: labels to select it by.
        confirms: datasets to confirm when the node is done.
        namespace: goes before the name, with a dot between; has parts if it has dots.
        preview_fn: called without arguments for a picture of what the node does.

    Raises:
        PipelineError: if anything of this cannot be used.
        NodeSignatureError: if the function cannot be called with these inputs.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        inputs: str | list[str] | dict[str, str] | None,
        outputs: str | list[str] | dict[str, str] | None,
        *,
        name: str | None = None,
        tags: str | Iterable[str] | None = None,
        confirms: str | list[str] | None = None,
        namespace: str | None = None,
        preview_fn: Callable[..., PreviewPayload] | None = None,
    ) -> None:
        if not callable(func):
            raise PipelineError(f"A node's function must be callable, and {func!r} is of type {type(func).__name__}.")
        if preview_fn is not None and not callable(preview_fn):
            raise PipelineError(f"A node's preview_fn must be callable, and {preview_fn!r} is not.")
        if namespace is not None and not isinstance(namespace, str):
            raise PipelineError(f"A node's namespace is text, and {namespace!r} is of type {type(namespace).__name__}.")
        check_names(inputs, "inputs")
        check_names(outputs, "outputs")
        if not inputs and not outputs:
            raise PipelineError(f"The node of '{function_name(func)}' has neither inputs nor outputs.")
        self._func = func
        self._inputs = inputs
        self._outputs = outputs
        self._name = check_word(name, "name") if name else None
        self._namespace = namespace
        self._tags = check_tags(tags)
        given = [confirms] if isinstance(confirms, str) else listed(confirms or (), "confirmed datasets")
        self._confirms = tuple(given)
        self._preview_fn = preview_fn
        check_call(func, inputs)
        check_distinct(self.inputs, self.outputs, str(self))

    # ------------------------------------------------------------------ what it is

    @property
    def func(self) -> Callable[..., Any]:
        """The function; another one may be set, for example the same one with a decorator. The name stays."""
        return self._func

    @func.setter
    def func(self, func: Callable[..., Any]) -> None:
        if not callable(func):
            raise PipelineError(f"The function of the node '{self.name}' must be callable, and {func!r} is not.")
        # A pipeline knows its nodes by name, so the name must not follow the function: draw it from the old one.
        self.__dict__.setdefault("_unique_key", self._unique_key)
        self._func = func

    @property
    def name(self) -> str:
        """The name, unique in a pipeline: namespace, dot, own name."""
        key: str = self._unique_key[0]
        return key

    @property
    def short_name(self) -> str:
        """The name to show to people: without namespace, and the function's in words if it was given none."""
        return self._name or self._func_name.replace("_", " ").title()

    @property
    def namespace(self) -> str | None:
        """The namespace, or None."""
        return self._namespace

    @cached_property
    def namespace_prefixes(self) -> list[str]:
        """The namespace and those around it, outermost first: ``["a", "a.b"]`` for ``a.b``."""
        parts = (self._namespace or "").split(".")
        return [".".join(parts[: count + 1]) for count in range(len(parts))]

    @cached_property
    def inputs(self) -> list[str]:
        """The datasets it reads, in the order of the arguments."""
        return names_in(self._inputs)

    @cached_property
    def outputs(self) -> list[str]:
        """The datasets it writes, in order."""
        return names_in(self._outputs)

    @property
    def confirms(self) -> list[str]:
        """The datasets to confirm when it is done."""
        return list(self._confirms)

    @property
    def tags(self) -> set[str]:
        """The tags, as a set of the caller's own."""
        return set(self._tags)

    @property
    def _func_name(self) -> str:
        return function_name(self._func)

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    @cached_property
    def _unique_key(self) -> tuple[Any, Hashable, Hashable]:
        own = self._name or default_name(self._func, self.inputs, self.outputs)
        name = f"{self._namespace}.{own}" if self._namespace else own
        return name, _hashable(self._inputs), _hashable(self._outputs)

    # ------------------------------------------------------------------ copies

    def tag(self, tags: str | Iterable[str]) -> Node:
        """Return a copy that has these tags, too.

        Raises:
            PipelineError: if one of them cannot be a tag.
        """
        return self._changed(_tags=self._tags | check_tags(tags))

    def renamed(self, dataset: Callable[[str], str], namespace: str | None = None) -> Node:
        """Return a copy whose datasets are called what ``dataset`` returns for their names.

        Args:
            dataset: from the name of an input, output or confirmed dataset to its new name.
            namespace: goes around that of the node.

        Raises:
            PipelineError: if an output would get the name of another one, or of an input.
        """
        inner = self._namespace
        copy = self._changed(
            _inputs=_mapped(self._inputs, dataset),
            _outputs=_mapped(self._outputs, dataset),
            _confirms=tuple(dataset(name) for name in self._confirms),
            _namespace=f"{namespace}.{inner}" if namespace and inner else namespace or inner,
        )
        check_distinct(copy.inputs, copy.outputs, str(copy))
        return copy

    def _copy(self, **overwrite: Any) -> Node:
        """Return a copy with other arguments of the constructor."""
        arguments = {
            "func": self._func,
            "inputs": self._inputs,
            "outputs": self._outputs,
            "name": self._name,
            "namespace": self._namespace,
            "tags": self._tags,
            "confirms": self.confirms,
            "preview_fn": self._preview_fn,
        }
        return type(self)(**{**arguments, **overwrite})

    def _changed(self, **changes: Any) -> Node:
        copy = object.__new__(type(self))
        state = {key: value for key, value in self.__dict__.items() if key not in _DERIVED}
        copy.__dict__.update(state, **changes)
        return copy

    # ------------------------------------------------------------------ running

    def run(self, inputs: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the function.

        Args:
            inputs: the data of each input, by dataset name.

        Returns:
            The data of each output, by dataset name. What a generator function returns is not read: it stands as a
            generator for every output.

        Raises:
            PipelineError: if ``inputs`` are not exactly those of the node.
            NodeOutputError: if the function's result does not fit the outputs.
            Exception: whatever the function raises.
        """
        name = self.name
        data = check_data(self._inputs, inputs, name)
        try:
            return by_name(self._outputs, call(self._func, self._inputs, data), name)
        except Exception as error:
            self._logger.error("The node %s failed: %s", self, text_of(error, _LONGEST))  # noqa: TRY400 - who reports it has the traceback
            raise

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        return self.run(inputs=kwargs)

    def preview(self) -> PreviewPayload | None:
        """Return what the node's ``preview_fn`` makes, or None if it has none.

        Raises:
            PipelineError: if that is no preview.
        """
        if self._preview_fn is None:
            return None
        from pellucid.pipeline.preview_contract import check_preview

        return check_preview(self._preview_fn())

    # ------------------------------------------------------------------ as a value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self._unique_key == other._unique_key

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return (self.name, self.inputs, self.outputs) < (other.name, other.inputs, other.outputs)

    def __hash__(self) -> int:
        return hash(self._unique_key)

    def __str__(self) -> str:
        reads, writes = (f"[{';'.join(names)}]" if names else "None" for names in (self.inputs, self.outputs))
        shown = f"{self._func_name}({reads}) -> {writes}"
        return f"{self._name}: {shown}" if self._name else shown

    def __repr__(self) -> str:
        return f"Node({self._func_name}, {self._inputs!r}, {self._outputs!r}, {self._name!r})"


def _hashable(names: Names) -> Hashable:
    if isinstance(names, dict):
        return frozenset(names.items())
    return tuple(names) if isinstance(names, list) else names


def _mapped(names: Names, rename: Callable[[str], str]) -> Names:
    if isinstance(names, dict):
        return {key: rename(name) for key, name in names.items()}
    if isinstance(names, list):
        return [rename(name) for name in names]
    return rename(names) if names else names


def node(
    func: Callable[..., Any],
    inputs: str | list[str] | dict[str, str] | None,
    outputs: str | list[str] | dict[str, str] | None,
    *,
    name: str | None = None,
    tags: str | Iterable[str] | None = None,
    confirms: str | list[str] | None = None,
    namespace: str | None = None,
    preview_fn: Callable[..., PreviewPayload] | None = None,
) -> Node:
    """Make a node; arguments and errors are those of `Node`."""
    return Node(
        func,
        inputs,
        outputs,
        name=name,
        tags=tags,
        confirms=confirms,
        namespace=namespace,
        preview_fn=preview_fn,
    )
