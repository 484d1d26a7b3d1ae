"""Running one node: load, call, save, with all hooks. What every runner shares."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid._util.telling import tell
from pellucid.exceptions import RunnerError
from pellucid.runner._bootstrap import bootstrap_for
from pellucid.runner._calls import HookCalls, as_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog, WorkerBootstrap

__all__ = ["Execution"]

_UNKNOWN = object()


class Execution:
    """Runs nodes of one run; safe to be called from several threads.

    It pickles for the sake of executors of processes: the hooks are then made anew where it arrives.

    Args:
        catalog: where inputs are loaded from and outputs saved to.
        calls: the hooks to call.
        is_async: load and save the datasets of a node at once, in threads.
        run_id: passed on to hooks.
    """

    __slots__ = ("_bootstrap", "_stopped", "calls", "catalog", "is_async", "run_id")

    def __init__(self, catalog: Catalog, calls: HookCalls, is_async: bool, run_id: str | None) -> None:
        self.catalog = catalog
        self.calls = calls
        self.is_async = is_async
        self.run_id = run_id
        self._stopped = False
        self._bootstrap: Any = _UNKNOWN

    def __reduce__(self) -> tuple[Callable[..., Execution], tuple[Any, ...]]:
        if self._bootstrap is _UNKNOWN:
            self._bootstrap = bootstrap_for(self.calls)
        return _revive, (self.catalog, self._bootstrap, self.is_async, self.run_id)

    def stop(self) -> None:
        """Have nodes that still run in threads of an ended run save nothing and call no hook any more."""
        self._stopped = True

    def __call__(self, node: Node) -> None:
        """Run a node.

        Raises:
            NodeExitError: ``sys.exit`` was called by the node, a dataset or a hook.
            BaseException: whatever else they raised, after ``on_node_error`` was called.
        """
        inputs: dict[str, Any] = {}
        try:
            self._load_inputs(node, inputs)
            if self.calls.before_node_run is not None:
                self._let_hooks_change(node, inputs)
            outputs = node.run(inputs)
            if self.calls.after_node_run is not None:
                self.calls.after_node_run(
                    node=node,
                    catalog=self.catalog,
                    inputs=inputs,
                    outputs=outputs,
                    is_async=self.is_async,
                    run_id=self.run_id,
                )
            if self._stopped:
                _refuse(node)
            self._save_outputs(node, outputs)
            for name in node.confirms:
                self.catalog.confirm(name)
        except BaseException as error:
            failure = as_failure(node.name, error)
            self._failed(failure, node, inputs)
            if failure is error:
                raise
            raise failure from error

    def _failed(self, failure: BaseException, node: Node, inputs: dict[str, Any]) -> None:
        if not self._stopped:
            tell(
                self.calls.on_node_error,
                failure,
                "on_node_error",
                error=failure,
                node=node,
                catalog=self.catalog,
                inputs=inputs,
                is_async=self.is_async,
                run_id=self.run_id,
            )

    def _let_hooks_change(self, node: Node, inputs: dict[str, Any]) -> None:
        """Call ``before_node_run`` and merge what it returns into the inputs."""
        assert self.calls.before_node_run is not None
        answers = self.calls.before_node_run(
            node=node, catalog=self.catalog, inputs=dict(inputs), is_async=self.is_async, run_id=self.run_id
        )
        for answer in answers:
            if answer is not None and not isinstance(answer, dict):
                raise TypeError(
                    f"A before_node_run hook returned a value of type '{type(answer).__name__}' for the node "
                    f"'{node.name}'; it may return None, or a dictionary of inputs by dataset name."
                )
        for answer in answers:
            inputs.update(answer or {})

    # ------------------------------------------------------------------------- datasets

    def _load_inputs(self, node: Node, inputs: dict[str, Any]) -> None:
        if not self.is_async:
            for name in node.inputs:
                # A node may name an input twice: it is loaded once.
                if name not in inputs:
                    self._load(inputs, name, node)
            return
        _refuse_generator(node)
        _at_once([partial(self._load, inputs, name, node) for name in dict.fromkeys(node.inputs)])
        # Hooks see them in the node's order, whichever came first.
        for name in node.inputs:
            inputs[name] = inputs.pop(name)

    def _load(self, inputs: dict[str, Any], name: str, node: Node) -> None:
        calls = self.calls
        if calls.before_dataset_loaded is not None:
            calls.before_dataset_loaded(dataset_name=name, node=node)
        try:
            data = self.catalog.load(name)
        except BaseException as error:
            self._dataset_failed(error, name, node, "load")
            raise
        if calls.after_dataset_loaded is not None:
            calls.after_dataset_loaded(dataset_name=name, data=data, node=node)
        inputs[name] = data

    def _save_outputs(self, node: Node, outputs: dict[str, Any]) -> None:
        if self.is_async:
            _at_once([partial(self._save, name, data, node) for name, data in outputs.items()])
            return
        first = next(iter(outputs.values()), None)
        if hasattr(first, "__next__") and inspect.isgeneratorfunction(node.func):
            self._save_stream(node, outputs)
            return
        for name, data in outputs.items():
            self._save(name, data, node)

    def _save_stream(self, node: Node, outputs: dict[str, Iterator[Any]]) -> None:
        """Save what a generator yields chunk by chunk, the outputs in turn."""
        names = tuple(outputs)
        for chunks in zip(*outputs.values(), strict=False):
            for name, chunk in zip(names, chunks, strict=True):
                if self._stopped:
                    _refuse(node)
                self._save(name, chunk, node)

    def _save(self, name: str, data: Any, node: Node) -> None:
        calls = self.calls
        if calls.before_dataset_saved is not None:
            calls.before_dataset_saved(dataset_name=name, data=data, node=node)
        try:
            self.catalog.save(name, data)
        except BaseException as error:
            self._dataset_failed(error, name, node, "save")
            raise
        if calls.after_dataset_saved is not None:
            calls.after_dataset_saved(dataset_name=name, data=data, node=node)

    def _dataset_failed(self, error: BaseException, name: str, node: Node, operation: str) -> None:
        if self.calls.on_dataset_error is not None and not self._stopped:
            tell(
                self.calls.on_dataset_error,
                error,
                "on_dataset_error",
                error=as_failure(node.name, error),
                dataset_name=name,
                node=node,
                operation=operation,
            )


def _at_once(calls: list[partial[None]]) -> None:
    from pellucid.runner._threads import run_at_once

    run_at_once(calls)


def _refuse(node: Node) -> None:
    raise RunnerError(f"The run ended while the node '{node.name}' was at work; its outputs are not saved.")


def _refuse_generator(node: Node) -> None:
    if inspect.isgeneratorfunction(node.func):
        raise ValueError(
            f"The node '{node.name}' yields its outputs in chunks, which cannot be saved asynchronously; "
            f"run it without is_async (--async)."
        )


def _revive(catalog: Catalog, bootstrap: WorkerBootstrap | None, is_async: bool, run_id: str | None) -> Execution:
    return Execution(catalog, HookCalls(bootstrap() if bootstrap else None), is_async, run_id)
