"""Hook calls: prepared once, and those that must not raise."""

from __future__ import annotations

from typing import Any, cast

import pluggy
import pytest
from tests.support import runner as kit
from tests.support.runner import Answer, hooks

from pellucid._util.telling import tell
from pellucid.exceptions import NodeExitError, RunTerminated
from pellucid.framework.hooks import hook_impl
from pellucid.framework.hooks.manager import _create_hook_manager
from pellucid.io import DataCatalog
from pellucid.pipeline import node, pipeline
from pellucid.runner import SequentialRunner
from pellucid.runner._calls import HookCalls, NullRelay, as_failure


def test_a_hook_that_nobody_listens_to_is_none() -> None:
    calls = HookCalls(hooks(Answer("n1", None)))
    assert calls.before_node_run is not None
    assert all(getattr(calls, name) is None for name in HookCalls.NAMES if name != "before_node_run")


@pytest.mark.parametrize("relay", [None, NullRelay(), hooks(), pluggy.PluginManager("kedro")])
def test_nobody_listens(relay: Any) -> None:
    assert all(getattr(HookCalls(relay), name) is None for name in HookCalls.NAMES)


class Foreign:
    """A relay that is none of pluggy's: it cannot say who listens."""

    def __init__(self) -> None:
        self.called: list[str] = []

    @property
    def hook(self) -> Foreign:
        return self

    def __getattr__(self, name: str) -> Any:
        def call(**_arguments: Any) -> list[Any]:
            self.called.append(name)
            return [None]

        if name.startswith("_"):
            raise AttributeError(name)
        return call


def test_a_foreign_relay_is_called() -> None:
    relay = Foreign()
    chain = pipeline([node(kit.increment, "a", "b", name="n1"), node(kit.boom, "b", "c", name="n2")])
    with pytest.raises(RuntimeError, match="boom"):
        SequentialRunner().run(chain, DataCatalog({"a": 1}), relay)
    assert relay.called == [
        "after_node_dispatched",
        "before_node_attempt",
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_node_run",
        "after_node_run",
        "before_dataset_saved",
        "after_dataset_saved",
        "after_node_attempt",
        "after_node_settled",
        "after_node_dispatched",
        "before_node_attempt",
        "before_dataset_loaded",
        "after_dataset_loaded",
        "before_node_run",
        "on_node_error",
        "after_node_attempt",
        "after_node_settled",
    ]


class Named:
    """Each implementation takes some of the arguments, by name and in an order of its own."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    @hook_impl
    def after_node_dispatched(self) -> None:
        self.heard.append(())

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str) -> None:
        self.heard.append((dataset_name,))

    @hook_impl
    def before_node_run(self, run_id: str, node: str) -> dict[str, Any] | None:
        self.heard.append((run_id, node))
        return {"heard": len(self.heard)} if len(self.heard) < 4 else None


def test_an_implementation_gets_the_arguments_that_it_names() -> None:
    manager, plugin = _create_hook_manager(), Named()
    manager.register(plugin)
    calls: Any = HookCalls(manager)
    assert calls.after_node_dispatched(node="n", run_id="r") == []
    assert calls.before_dataset_loaded(dataset_name="d", node="n") == []
    arguments: dict[str, Any] = {"node": "n", "catalog": None, "inputs": {}, "is_async": False, "run_id": "r"}
    assert calls.before_node_run(**arguments) == [{"heard": 3}]
    assert plugin.heard == [(), ("d",), ("r", "n")]
    manager.register(Named())
    assert cast("Any", HookCalls(manager)).before_node_run(**arguments) == [{"heard": 1}]


class Wrapper:
    @kit.impl(wrapper=True)
    def on_node_error(self) -> Any:
        yield
        raise LookupError("in a wrapper")


def test_wrappers_are_called_as_one() -> None:
    """Where implementations wrap each other, they cannot be called one by one."""
    error = RuntimeError("the real one")
    manager = hooks(Wrapper())
    arguments = dict.fromkeys(("node", "catalog", "inputs", "is_async", "run_id"))
    tell(HookCalls(manager).on_node_error, error, "on_node_error", error=error, **arguments)
    assert getattr(error, "__notes__", []) == [
        "While this was handled, the hook on_node_error raised LookupError: in a wrapper"
    ]


def test_a_hook_that_raises_what_it_was_told_adds_no_note(caplog: pytest.LogCaptureFixture) -> None:
    error = RuntimeError("the real one")
    arguments: dict[str, Any] = {"node": None, "catalog": None, "inputs": {}, "is_async": False, "run_id": "r"}
    tell(HookCalls(hooks(kit.Reraiser())).on_node_error, error, "on_node_error", error=error, **arguments)
    assert not hasattr(error, "__notes__")
    assert "on_node_error raised RuntimeError" in caplog.text


def test_leaving_becomes_a_failure_and_sigterm_stays() -> None:
    left = SystemExit(3)
    failure = as_failure("n1", left)
    assert isinstance(failure, NodeExitError)
    assert (failure.code, failure.__cause__) == (3, left)
    for other in (RunTerminated(), KeyboardInterrupt(), RuntimeError()):
        assert as_failure("n1", other) is other
