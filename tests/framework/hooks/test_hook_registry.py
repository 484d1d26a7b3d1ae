from __future__ import annotations

import inspect
import logging
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

import pellucid.framework.hooks as front
from pellucid.exceptions import HookError
from pellucid.framework.hooks import _create_hook_manager, hook_impl, hook_spec, specs
from pellucid.framework.hooks.manager import (
    HookManager,
    _NullPluginManager,
    _register_hooks,
    _register_hooks_entry_points,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOOKS = {
    "after_session_created": ["session", "seconds"],
    "before_session_closed": ["session"],
    "before_context_created": ["session", "run_id"],
    "after_context_created": ["context"],
    "after_credentials_loaded": ["credentials"],
    "on_context_error": ["error", "session", "run_id"],
    "before_catalog_created": ["run_id"],
    "after_catalog_created": ["catalog", "conf_catalog", "conf_creds", "parameters", "save_version", "load_versions"],
    "on_catalog_error": ["error", "run_id"],
    "on_run_refused": ["error", "run_id", "pipeline_name"],
    "before_pipeline_run": ["run_params", "pipeline", "catalog"],
    "after_pipeline_run": ["run_params", "run_result", "pipeline", "catalog"],
    "on_pipeline_error": ["error", "run_params", "pipeline", "catalog"],
    "before_node_run": ["node", "catalog", "inputs", "is_async", "run_id"],
    "after_node_run": ["node", "catalog", "inputs", "outputs", "is_async", "run_id"],
    "on_node_error": ["error", "node", "catalog", "inputs", "is_async", "run_id"],
    "before_node_attempt": ["node", "catalog", "run_id", "is_async", "waited_seconds"],
    "after_node_attempt": ["node", "run_id", "error"],
    "on_recording_started": ["recording"],
    "on_span_started": ["span"],
    "on_span_ended": ["span"],
    "on_recording_ended": ["recording", "outcome"],
    "expect_node_seconds": ["session", "pipeline"],
    "after_node_dispatched": ["node", "run_id"],
    "after_node_settled": ["node", "run_id", "error"],
    "before_dataset_loaded": ["dataset_name", "node"],
    "after_dataset_loaded": ["dataset_name", "data", "node"],
    "before_dataset_saved": ["dataset_name", "data", "node"],
    "after_dataset_saved": ["dataset_name", "data", "node"],
    "on_dataset_error": ["error", "dataset_name", "node", "operation"],
    "after_worker_started": ["run_id", "pid", "start_method"],
    "on_worker_lost": ["error", "node", "run_id"],
}


class Plugin:
    """Notes what it is told."""

    def __init__(self, name: str = "a", heard: list[str] | None = None) -> None:
        self.name = name
        self.heard: list[str] = [] if heard is None else heard

    @hook_impl
    def before_catalog_created(self, run_id: str) -> None:
        self.heard.append(f"{self.name} {run_id}")


class Locked(Plugin):
    """Cannot be pickled."""

    def __init__(self, name: str = "locked") -> None:
        super().__init__(name)
        self.lock = threading.Lock()


class Setup:
    """Stands for the project: prepares nothing, and declares hooks."""

    def prepare(self) -> None:
        pass

    def declared_hooks(self) -> Sequence[Any]:
        return (Plugin("first"), Locked("made anew"))


def install(folder: Path, distribution: str, entry_points: str, **modules: str) -> None:
    """Write what an installed distribution has."""
    info = folder / f"{distribution.replace('-', '_')}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(entry_points)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)


INSTALLED = """
from pellucid.framework.hooks import hook_impl
class Hooks:
    heard = []
    @hook_impl
    def before_catalog_created(self, run_id):
        self.heard.append(run_id)
hooks = Hooks()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def names_of(manager: pluggy.PluginManager) -> list[str]:
    """Return the names of plugins, our own installed ones apart."""
    return [name for name, _ in manager.list_name_plugin() if not name.startswith("pellucid:")]


def plugins_of(manager: pluggy.PluginManager) -> list[Any]:
    return [plugin for name, plugin in manager.list_name_plugin() if not name.startswith("pellucid:")]


def test_the_hooks_and_their_arguments() -> None:
    found = {
        name: list(inspect.signature(method).parameters)[1:]
        for kind in vars(specs).values()
        if isinstance(kind, type) and kind.__module__ == specs.__name__
        for name, method in vars(kind).items()
        if not name.startswith("_")
    }
    assert found == HOOKS
    assert all(getattr(_create_hook_manager().hook, name).has_spec() for name in HOOKS)
    assert front.__all__ == ["_create_hook_manager", "hook_impl", "hook_spec"]
    assert hook_spec.project_name == hook_impl.project_name == "kedro"


def test_specifications_do_nothing() -> None:
    for kind in (getattr(specs, name) for name in specs.__all__):
        for name, arguments in HOOKS.items():
            if hasattr(kind, name):
                assert getattr(kind(), name)(*arguments) is None


def test_what_was_registered_last_is_called_first() -> None:
    heard: list[str] = []
    manager = _create_hook_manager()
    _register_hooks(manager, (Plugin("a", heard), Plugin("b", heard)))
    manager.hook.before_catalog_created(run_id="1")
    assert heard == ["b 1", "a 1"]


def test_an_object_is_registered_once() -> None:
    plugin = Plugin()
    manager = _create_hook_manager()
    _register_hooks(manager, (plugin, plugin))
    assert manager.register(plugin) == manager.get_name(plugin)
    manager.hook.before_catalog_created(run_id="1")
    assert plugin.heard == ["a 1"]


def test_a_hook_may_be_a_method_that_every_object_has() -> None:
    heard: list[str] = []

    class Odd:
        @hook_impl(specname="before_session_closed")
        def __call__(self) -> None:
            heard.append("call")

        @hook_impl(specname="before_session_closed")
        def __str__(self) -> str:
            heard.append("str")
            return "odd"

    manager = _create_hook_manager()
    manager.register(Odd())
    manager.hook.before_session_closed(session=None)
    assert sorted(heard) == ["call", "str"]


def test_what_every_object_has_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def noted(real: Any) -> Any:
        def note(self: Any, plugin: Any, name: str) -> Any:
            looked.append(name)
            return real(self, plugin, name)

        return note

    for method in ("parse_hookimpl_opts", "parse_hookspec_opts"):
        monkeypatch.setattr(pluggy.PluginManager, method, noted(getattr(pluggy.PluginManager, method)))
    _create_hook_manager().register(Locked())
    assert set(looked) & set(vars(object)) <= {"__init__", "__init_subclass__", "__reduce__", "__subclasshook__"}
    assert set(looked) >= {*HOOKS, "before_node_run"}


@pytest.mark.parametrize("manager", [_create_hook_manager(), pluggy.PluginManager("kedro")])
def test_a_class_is_refused(manager: pluggy.PluginManager) -> None:
    with pytest.raises(TypeError, match=r"Plugin\(\)"):
        _register_hooks(manager, (Plugin,))


def test_an_unknown_hook_is_warned_of_with_the_nearest(caplog: pytest.LogCaptureFixture) -> None:
    class Typo:
        @hook_impl
        def before_node_runs(self) -> None: ...

    _create_hook_manager().register(Typo())
    assert "no hook 'before_node_runs'" in caplog.text
    assert "'before_node_run'" in caplog.text


def test_an_unknown_argument_is_refused() -> None:
    class Wrong:
        @hook_impl
        def before_node_run(self, nodes: Any) -> None: ...

    with pytest.raises(HookError, match=r"'before_node_run' of .*Wrong takes 'nodes'.*Did you mean 'node'.*'run_id'"):
        _create_hook_manager().register(Wrong())


def test_what_else_is_wrong_with_a_hook_is_told_with_its_class() -> None:
    class NoGenerator:
        before_node_run = 3

        @hook_impl(hookwrapper=True)
        def after_catalog_created(self) -> None: ...

    with pytest.raises(HookError, match=r"hooks of .*NoGenerator cannot be used: .*generator"):
        _create_hook_manager().register(NoGenerator())


def test_calls_are_traced_at_debug_level_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pellucid.framework.hooks.manager")
    silent = _create_hook_manager()
    caplog.set_level(logging.DEBUG, "pellucid.framework.hooks.manager")
    silent.hook.before_catalog_created(run_id="quiet")
    assert "quiet" not in caplog.text
    _create_hook_manager().hook.before_catalog_created(run_id="loud")
    assert "loud" in caplog.text


def test_installed_hooks_are_registered(site: Path) -> None:
    install(site, "plug-one", "[kedro.hooks]\nhooks = plug_one_module:hooks\n", plug_one_module=INSTALLED)
    install(site, "plug-two", "[pellucid.hooks]\nhooks = plug_two_module:hooks\n", plug_two_module=INSTALLED)
    manager = _create_hook_manager()
    _register_hooks_entry_points(manager, ())
    assert names_of(manager) == ["plug-two:hooks", "plug-one:hooks"]
    again = restored(manager)
    assert names_of(again) == names_of(manager)
    other = pluggy.PluginManager("kedro")
    for _ in range(2):
        _register_hooks_entry_points(other, ())
    _register_hooks(other, (Plugin(),))
    _register_hooks(other, (Plugin(),))
    assert names_of(other)[:2] == ["plug-two:hooks", "plug-one:hooks"]


def test_a_distribution_that_offers_both_groups_is_asked_once(site: Path) -> None:
    both = "[kedro.hooks]\na = plug_kedro_module_that_is_missing:hooks\n[pellucid.hooks]\nb = plug_both_module:hooks\n"
    install(site, "plug-both", both, plug_both_module=INSTALLED)
    manager = _create_hook_manager()
    manager.register_installed()
    assert names_of(manager) == ["plug-both:b"]


@pytest.mark.parametrize("disabled", ["plug-off", "Plug_Off", "plug.off"])
def test_disabled_plugins_are_not_even_imported(site: Path, disabled: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pellucid.framework.hooks.manager")
    install(site, "plug-off", "[kedro.hooks]\nhooks = plug_off_module:hooks\n", plug_off_module="1 / 0")
    manager = _create_hook_manager()
    manager.register_installed([disabled])
    assert names_of(manager) == []
    assert "plug-off 1.2 are disabled" in caplog.text


def test_kedro_telemetry_is_never_loaded(site: Path) -> None:
    install(site, "kedro-telemetry", "[kedro.hooks]\nhooks = telemetry_module:hooks\n", telemetry_module="1 / 0")
    manager = _create_hook_manager()
    manager.register_installed()
    assert names_of(manager) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("", "AttributeError"), ("class hooks: pass", "is the class")],
)
def test_a_plugin_that_cannot_be_loaded_is_named(site: Path, text: str, expected: str) -> None:
    module = f"plug_bad_{len(text)}"
    install(site, "plug-bad", f"[kedro.hooks]\nentry = {module}:hooks\n", **{module: text})
    with pytest.raises(HookError, match=f"'plug-bad'.*'entry'.*'kedro.hooks'.*{expected}.*DISABLE_HOOKS_FOR_PLUGINS"):
        _create_hook_manager().register_installed()


MADE = (
    INSTALLED
    + """
def make():
    return Hooks()
def fail():
    raise RuntimeError("not today")
"""
)


def test_a_function_makes_a_plugin_for_each_session(site: Path) -> None:
    install(site, "plug-made", "[pellucid.hooks]\nhooks = plug_made_module:make\n", plug_made_module=MADE)
    managers = [_create_hook_manager() for _ in range(2)]
    for manager in managers:
        manager.register_installed()
        manager.register_installed()
    (one,), (other,) = (plugins_of(manager) for manager in managers)
    assert type(one).__name__ == type(other).__name__ == "Hooks"
    assert one is not other


def test_a_function_that_cannot_make_its_plugin_is_named(site: Path) -> None:
    install(site, "plug-failing", "[pellucid.hooks]\nhooks = plug_failing_module:fail\n", plug_failing_module=MADE)
    with pytest.raises(HookError, match=r"'plug-failing'.*cannot be made: RuntimeError: not today"):
        _create_hook_manager().register_installed()


def test_a_manager_of_pluggys_own_is_given_hooks_once() -> None:
    manager, plugin = pluggy.PluginManager("kedro"), Plugin()
    _register_hooks(manager, (plugin, plugin))
    assert len(names_of(manager)) == 1


def test_no_hooks_at_all() -> None:
    nobody = _NullPluginManager()
    assert nobody.hook.before_node_run(node=1) is None
    pickle.loads(pickle.dumps(nobody))


# ------------------------------------------------------------------- worker processes


def restored(manager: HookManager) -> HookManager:
    bootstrap = pickle.loads(pickle.dumps(manager.worker_bootstrap()))
    made: HookManager = bootstrap()
    return made


def test_hooks_travel_with_their_state_and_in_order() -> None:
    manager = _create_hook_manager()
    heard = ["before"]
    _register_hooks(manager, (Plugin("a", heard), Plugin("b", heard)))
    again = restored(restored(manager))
    again.hook.before_catalog_created(run_id="1")
    first, second = plugins_of(again)
    assert first.heard == ["before", "b 1", "a 1"]
    assert first.heard is second.heard, "what hooks share is still shared"
    assert heard == ["before"]


def test_what_cannot_be_pickled_is_made_anew() -> None:
    manager = _create_hook_manager()
    manager.process_setup = Setup()
    _register_hooks(manager, (Plugin("first"), Locked("second")))
    assert [plugin.name for plugin in plugins_of(restored(manager))] == ["first", "made anew"]


def test_an_installed_plugin_that_cannot_be_pickled_is_loaded_anew(site: Path) -> None:
    text = INSTALLED + "\nimport threading\nhooks.lock = threading.Lock()\n"
    install(site, "plug-locked", "[kedro.hooks]\nhooks = plug_locked_module:hooks\n", plug_locked_module=text)
    manager = _create_hook_manager()
    manager.register_installed()
    assert names_of(restored(manager)) == ["plug-locked:hooks"]


def test_what_cannot_be_made_anew_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    manager = _create_hook_manager()
    manager.register(Plugin("by hand"))
    manager.register(Locked())
    _register_hooks(manager, (Locked(),))
    assert [plugin.name for plugin in plugins_of(restored(manager))] == ["by hand"]
    assert caplog.text.count("The hooks of Locked do not run in worker processes") == 2


class Fragile(Plugin):
    """Can be pickled, and not restored."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_a_hook_that_cannot_be_unpickled_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    manager = _create_hook_manager()
    manager.register(Fragile())
    assert names_of(restored(manager)) == []
    assert "hooks of Fragile do not run in worker processes, as they cannot be pickled: ValueError" in caplog.text


class Elsewhere:
    """Can be unpickled in one place, and not in another."""

    is_here = True

    def __reduce__(self) -> tuple[Any, ...]:
        return elsewhere, ()


def elsewhere() -> Elsewhere:
    if not Elsewhere.is_here:
        raise LookupError("not here")
    return Elsewhere()


def test_a_hook_that_cannot_be_restored_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = _create_hook_manager()
    manager.register(Elsewhere(), "the-fragile-one")
    bootstrap = pickle.loads(pickle.dumps(manager.worker_bootstrap()))
    assert names_of(bootstrap()) == ["the-fragile-one"]
    monkeypatch.setattr(Elsewhere, "is_here", False)
    with pytest.raises(HookError, match="'the-fragile-one' cannot be brought to a worker process: LookupError"):
        bootstrap()


class Keeper:
    """Keeps what leads back to the registry."""

    def __init__(self, manager: HookManager) -> None:
        self.manager = manager
        self.relay = manager.hook


def test_a_hook_that_keeps_the_registry_gets_that_of_the_worker() -> None:
    manager = _create_hook_manager()
    manager.register(Keeper(manager), "keeper")
    again = restored(manager)
    kept: Any = again.get_plugin("keeper")
    assert kept.manager is again
    assert kept.relay is again.hook
