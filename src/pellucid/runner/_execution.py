"""Running one node: load, call, save, with all hooks. What every runner shares."""

from __future__ import annotations

import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from pellucid._util.telling import tell, tell_all
from pellucid._util.texts import text_of
from pellucid.exceptions import RunnerError, RunTerminated
from pellucid.runner._bootstrap import bootstrap_for
from pellucid.runner._calls import HookCalls, as_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pellucid.pipeline.node import Node
    from pellucid.typing import Catalog, WorkerBootstrap

__all__ = ["Execution"]

_UNKNOWN = object()
_LONGEST_TEXT = 10_000

_logger = logging.getLogger("pellucid.runner")


class _Attempt:
    """A node that is being run: what was loaded for it, and which of its datasets failed."""

    __slots__ = ("culprits", "inputs", "is_logged", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.inputs: dict[str, Any] = {}
        self.culprits: list[tuple[BaseException, str, str]] = []
        self.is_logged = False


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
        """Have nodes that still run in threads of an ended run start nothing: no load, function, hook or save."""
        self._stopped = True

    def __call__(self, node: Node, waited: float = 0.0) -> None:
        """Run a node.

        Args:
            node: the node.
            waited: for how many seconds it could have run; passed on to hooks.

        Raises:
            NodeExitError: ``sys.exit`` was called by the node, a dataset or a hook.
            BaseException: whatever else they raised, after ``on_node_error`` was called.
        """
        attempt = _Attempt(node)
        try:
            if self.calls.before_node_attempt is not None:
                self._go_on(node)
                self.calls.before_node_attempt(
                    node=node,
                    catalog=self.catalog,
                    run_id=self.run_id,
                    is_async=self.is_async,
                    waited_seconds=waited,
                )
            self._load_inputs(attempt)
            outputs = self._run(attempt)
            self._save_outputs(attempt, outputs)
            for name in node.confirms:
                self._go_on(node)
                self.catalog.confirm(name)
        except BaseException as error:
            failure = as_failure(node.name, error)
            self._failed(failure, error, attempt)
            if failure is error:
                raise
            raise failure from error
        if self.calls.after_node_attempt is not None:
            tell_all(self.calls.after_node_attempt, "after_node_attempt", node=node, run_id=self.run_id, error=None)

    def _run(self, attempt: _Attempt) -> dict[str, Any]:
        node, inputs = attempt.node, attempt.inputs
        if self.calls.before_node_run is not None:
            self._go_on(node)
            self._let_hooks_change(node, inputs)
        self._go_on(node)
        try:
            outputs: dict[str, Any] = node.run(inputs)
        except Exception:
            # The node itself has logged it.
            attempt.is_logged = True
            raise
        if self.calls.after_node_run is not None:
            self._go_on(node)
            self.calls.after_node_run(
                node=node,
                catalog=self.catalog,
                inputs=inputs,
                outputs=outputs,
                is_async=self.is_async,
                run_id=self.run_id,
            )
        return outputs

    def _go_on(self, node: Node) -> None:
        """Let a node take its next step, unless the run has ended meanwhile."""
        if self._stopped:
            raise RunnerError(f"The run ended while the node '{node.name}' was at work; it is not completed.")

    def _failed(self, failure: BaseException, error: BaseException, attempt: _Attempt) -> None:
        if self._stopped:
            return
        if not (attempt.is_logged or isinstance(failure, (KeyboardInterrupt, RunTerminated))):
            _log(failure, error, attempt)
        tell(
            self.calls.on_node_error,
            failure,
            "on_node_error",
            error=failure,
            node=attempt.node,
            catalog=self.catalog,
            inputs=attempt.inputs,
            is_async=self.is_async,
            run_id=self.run_id,
        )
        tell(
            self.calls.after_node_attempt,
            failure,
            "after_node_attempt",
            node=attempt.node,
            run_id=self.run_id,
            error=failure,
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

    def _load_inputs(self, attempt: _Attempt) -> None:
        inputs, names = attempt.inputs, attempt.node.inputs
        if not self.is_async:
            for name in names:
                # A node may name an input twice: it is loaded once.
                if name not in inputs:
                    self._load(attempt, name)
            return
        _refuse_generator(attempt.node)
        _at_once([partial(self._load, attempt, name) for name in dict.fromkeys(names)])
        # Hooks see them in the node's order, whichever came first.
        for name in names:
            inputs[name] = inputs.pop(name)

    def _load(self, attempt: _Attempt, name: str) -> None:
        calls, node = self.calls, attempt.node
        self._go_on(node)
        if calls.before_dataset_loaded is not None:
            calls.before_dataset_loaded(dataset_name=name, node=node)
            self._go_on(node)
        try:
            data = self.catalog.load(name)
        except BaseException as error:
            self._dataset_failed(error, name, attempt, "load")
            raise
        if calls.after_dataset_loaded is not None:
            self._go_on(node)
            calls.after_dataset_loaded(dataset_name=name, data=data, node=node)
        attempt.inputs[name] = data

    def _save_outputs(self, attempt: _Attempt, outputs: dict[str, Any]) -> None:
        if self.is_async:
            _at_once([partial(self._save, attempt, name, data) for name, data in outputs.items()])
            return
        first = next(iter(outputs.values()), None)
        if hasattr(first, "__next__") and inspect.isgeneratorfunction(attempt.node.func):
            self._save_stream(attempt, outputs)
            return
        for name, data in outputs.items():
            self._save(attempt, name, data)

    def _save_stream(self, attempt: _Attempt, outputs: dict[str, Iterator[Any]]) -> None:
        """Save what a generator yields chunk by chunk, the outputs in turn."""
        names = tuple(outputs)
        for chunks in zip(*outputs.values(), strict=False):
            for name, chunk in zip(names, chunks, strict=True):
                self._save(attempt, name, chunk)
            self._go_on(attempt.node)

    def _save(self, attempt: _Attempt, name: str, data: Any) -> None:
        calls, node = self.calls, attempt.node
        self._go_on(node)
        if calls.before_dataset_saved is not None:
            calls.before_dataset_saved(dataset_name=name, data=data, node=node)
            self._go_on(node)
        try:
            self.catalog.save(name, data)
        except BaseException as error:
            self._dataset_failed(error, name, attempt, "save")
            raise
        if calls.after_dataset_saved is not None:
            self._go_on(node)
            calls.after_dataset_saved(dataset_name=name, data=data, node=node)

    def _dataset_failed(self, error: BaseException, name: str, attempt: _Attempt, operation: str) -> None:
        attempt.culprits.append((error, name, operation))
        if self.calls.on_dataset_error is not None and not self._stopped:
            tell(
                self.calls.on_dataset_error,
                error,
                "on_dataset_error",
                error=as_failure(attempt.node.name, error),
                dataset_name=name,
                node=attempt.node,
                operation=operation,
            )


def _log(failure: BaseException, error: BaseException, attempt: _Attempt) -> None:
    """Log the one line that there is for each node that failed."""
    text = text_of(failure, _LONGEST_TEXT)
    for culprit, dataset, operation in attempt.culprits:
        if culprit is error:
            text = text.removeprefix(f"{dataset}: ")
            _logger.error("The node '%s' could not %s '%s': %s", attempt.node.name, operation, dataset, text)
            return
    _logger.error("The node '%s' failed: %s: %s", attempt.node.name, type(failure).__name__, text)


def _at_once(calls: list[partial[None]]) -> None:
    from pellucid.runner._threads import run_at_once

    run_at_once(calls)


def _refuse_generator(node: Node) -> None:
    if inspect.isgeneratorfunction(node.func):
        raise ValueError(
            f"The node '{node.name}' yields its outputs in chunks, which cannot be saved asynchronously; "
            f"run it without is_async (--async)."
        )


def _revive(catalog: Catalog, bootstrap: WorkerBootstrap | None, is_async: bool, run_id: str | None) -> Execution:
    return Execution(catalog, HookCalls(bootstrap() if bootstrap else None), is_async, run_id)
