"""The pipelines that the project registers, loaded when one is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView

from pellucid.exceptions import BrokenPipelineError, PellucidError, ProjectError
from pellucid.framework.project import _state
from pellucid.framework.project._problems import describe
from pellucid.pipeline import Pipeline


class _ProjectPipelines(MutableMapping[str, Pipeline]):
    """What ``register_pipelines()`` of the project's ``pipeline_registry`` returns, by name.

    Raises, when it is first used: BrokenPipelineError, if the registry cannot be imported or fails. Asking for
    ``__default__`` raises the PipelineError for which ``find_pipelines`` could not make it, if there is no other.
    """

    def __getitem__(self, name: str) -> Pipeline:
        project = _state.process.project
        if project.pipelines is None and name in project.requested:
            found = _requested(project)
            if name in found:
                return found[name]
        found = _all(project)
        if name == "__default__" and name not in found and project.conflict is not None:
            raise project.conflict.with_traceback(None)
        return found[name]

    def __contains__(self, name: object) -> bool:
        project = _state.process.project
        if project.pipelines is None and name in project.requested and name in _requested(project):
            return True
        return name in _all(project)

    def __setitem__(self, name: str, pipeline: Pipeline) -> None:
        _all(_state.process.project)[name] = pipeline

    def __delitem__(self, name: str) -> None:
        del _all(_state.process.project)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_all(_state.process.project))

    def __len__(self) -> int:
        return len(_all(_state.process.project))

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return _all(_state.process.project).keys()

    def values(self) -> ValuesView[Pipeline]:
        """Return the pipelines."""
        return _all(_state.process.project).values()

    def items(self) -> ItemsView[str, Pipeline]:
        """Return names and pipelines."""
        return _all(_state.process.project).items()

    def configure(self, pipelines_module: str | None = None) -> None:
        """Forget what was loaded, and load from another module the next time.

        Args:
            pipelines_module: the dotted name of a module with ``register_pipelines``; None stands for no pipelines.
        """
        project = _state.process.project
        with project.lock:
            project.pipelines_module, project.pipelines, project.conflict = pipelines_module, None, None
            project.requested, project.requested_pipelines = (), {}

    def set_requested(self, pipeline_names: list[str] | None) -> None:
        """Say which pipelines this process needs; as long as no other is asked for, the others are not imported.

        Args:
            pipeline_names: None, or one that is ``__default__``, stands for all.
        """
        project = _state.process.project
        names = tuple(pipeline_names or ())
        with project.lock:
            project.requested = () if "__default__" in names else names
            project.requested_pipelines = {}

    def __repr__(self) -> str:
        return repr(_all(_state.process.project))


def _all(project: _state.Project) -> dict[str, Pipeline]:
    with project.lock:
        if project.pipelines is None:
            project.pipelines = _loaded(project, ())
        return project.pipelines


def _requested(project: _state.Project) -> dict[str, Pipeline]:
    """Return the requested pipelines, or nothing where the project cannot make these alone."""
    with project.lock:
        if not project.requested_pipelines:
            try:
                found = _loaded(project, project.requested)
            except Exception:
                # The registry may need others for the one that is wanted; what is really wrong shows when all load.
                return {}
            project.requested_pipelines = {name: found[name] for name in project.requested if name in found}
        return project.requested_pipelines


def _loaded(project: _state.Project, wanted: tuple[str, ...]) -> dict[str, Pipeline]:
    module_name = project.pipelines_module
    if module_name is None:
        return {}
    if project.is_loading_pipelines:
        raise ProjectError(f"The module '{module_name}' uses 'pipelines' while these are being registered.")
    project.is_loading_pipelines = True
    token = _state.wanted_pipelines.set(wanted)
    try:
        return _register(module_name)
    finally:
        _state.wanted_pipelines.reset(token)
        project.is_loading_pipelines = False


def _register(module_name: str) -> dict[str, Pipeline]:
    try:
        registry = importlib.import_module(module_name)
        register = getattr(registry, "register_pipelines", None)
        registered = register() if register is not None else None
    except PellucidError:
        raise
    except (Exception, SystemExit) as error:
        raise BrokenPipelineError(module_name, describe(error)) from error
    if register is None:
        raise BrokenPipelineError(module_name, "it has no function 'register_pipelines'.")
    if not isinstance(registered, dict):
        kind = type(registered).__name__
        raise BrokenPipelineError(module_name, f"register_pipelines() returned {kind}, not a dictionary.")
    for name, pipeline in registered.items():
        if not isinstance(name, str):
            raise BrokenPipelineError(module_name, f"register_pipelines() returned the name {name!r}, not a text.")
        if not isinstance(pipeline, Pipeline):
            kind = type(pipeline).__name__
            raise BrokenPipelineError(module_name, f"register_pipelines() has {kind} as '{name}', not a Pipeline.")
    return dict(registered)
