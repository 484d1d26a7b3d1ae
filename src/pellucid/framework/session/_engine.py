"""The one way in which a run goes, whatever the session."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from pellucid._util.rows import Row
from pellucid._util.suggest import nearest
from pellucid._util.telling import tell, tell_all
from pellucid.exceptions import (
    KedroSessionError,
    RunnerError,
    RunTerminated,
    UnknownNameError,
    VersionAlreadyExistsError,
)
from pellucid.framework.project import pipelines, settings
from pellucid.framework.session._signals import TerminationGuard
from pellucid.io import SharedMemoryDataCatalog
from pellucid.io.reservation import VersionReservation
from pellucid.pipeline import Pipeline
from pellucid.runner import AbstractRunner, ParallelRunner, SequentialRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pellucid.framework.context import KedroContext
    from pellucid.framework.hooks.manager import HookManager
    from pellucid.framework.session._request import RunRequest

_logger = logging.getLogger(__name__)

_DEFAULT_PIPELINE = "__default__"
_RESERVATIONS = ".pellucid/reservations"


class _Prepared(Row):
    """All that is there when the first node may run."""

    context: KedroContext
    catalog: Any
    pipeline: Pipeline
    run_params: dict[str, Any]


class RunEngine:
    """Runs what a session was asked to run.

    Args:
        hooks: those of the session.
        project_path: the root of the project.
    """

    def __init__(self, hooks: HookManager, project_path: Path) -> None:
        self._hooks = hooks
        self._project_path = project_path

    def run(
        self, request: RunRequest, runner: AbstractRunner | None, load_context: Callable[[], KedroContext]
    ) -> dict[str, Any]:
        """Run a pipeline, and return the datasets of its outputs by name.

        Args:
            request: what to run.
            runner: by what; None is a ``SequentialRunner``.
            load_context: makes the context, and calls the hooks of that.

        Raises:
            KedroSessionError: the runner is none.
            UnknownNameError: there is no such pipeline.
            VersionAlreadyExistsError: another run is about to save the same version, or has done so.
            RunnerError: something called ``sys.exit`` during the run.
            RunTerminated: SIGTERM or SIGHUP arrived.
            BaseException: whatever else ended the run. What is raised after ``before_pipeline_run`` was called has
                an attribute ``__pellucid_run_failed__``, which is true.
        """
        by = _checked(runner)
        with TerminationGuard() as guard, ExitStack() as stack:
            with _exit_is_an_error():
                prepared = self._prepared(request, by, load_context, stack)
            with _marked_as_failed(), _exit_is_an_error():
                return self._execute(request, by, prepared, guard)

    def _prepared(
        self, request: RunRequest, runner: AbstractRunner, load_context: Callable[[], KedroContext], stack: ExitStack
    ) -> _Prepared:
        try:
            return self._prepare(request, runner, load_context, stack)
        except BaseException as error:
            names = "+".join(map(str, request.pipeline_names or (_DEFAULT_PIPELINE,)))
            about: dict[str, Any] = {"error": error, "run_id": request.run_id, "pipeline_name": names}
            tell(self._hooks.hook.on_run_refused, error, "on_run_refused", **about)
            raise

    def _prepare(
        self, request: RunRequest, runner: AbstractRunner, load_context: Callable[[], KedroContext], stack: ExitStack
    ) -> _Prepared:
        context = load_context()
        catalog = self._make_catalog(request, runner, context)
        pipeline = _summed(request.pipeline_names).filter(**request.selectors())
        self._reserve(catalog, pipeline, stack, only_missing=request.only_missing_outputs)
        run_params = request.run_params(self._project_path, context.env, type(runner).__name__)
        return _Prepared(context, catalog, pipeline, run_params)

    def _make_catalog(self, request: RunRequest, runner: AbstractRunner, context: KedroContext) -> Any:
        kind = SharedMemoryDataCatalog if _needs_shared_memory(runner) else settings.DATA_CATALOG_CLASS
        versions = dict(request.load_versions) if request.load_versions is not None else None
        try:
            self._hooks.hook.before_catalog_created(run_id=request.run_id)
            return context._get_catalog(  # noqa: SLF001 - what Kedro's subclasses of the context override
                catalog_class=kind, save_version=request.run_id, load_versions=versions
            )
        except BaseException as error:
            tell(self._hooks.hook.on_catalog_error, error, "on_catalog_error", error=error, run_id=request.run_id)
            raise

    def _reserve(self, catalog: Any, pipeline: Pipeline, stack: ExitStack, *, only_missing: bool) -> None:
        names = sorted(pipeline.all_outputs())
        paths = _paths_to_save(catalog, names, only_missing=only_missing)
        if paths:
            reservation = stack.enter_context(VersionReservation(self._project_path / _RESERVATIONS))
            reservation.reserve(paths)
            # Another run may have saved them, and ended, between the first look and the reservation.
            _paths_to_save(catalog, names, only_missing=only_missing)

    def _execute(
        self, request: RunRequest, runner: AbstractRunner, prepared: _Prepared, guard: TerminationGuard
    ) -> dict[str, Any]:
        hook = self._hooks.hook
        arguments = {"run_params": prepared.run_params, "pipeline": prepared.pipeline, "catalog": prepared.catalog}
        is_complete = False
        try:
            hook.before_pipeline_run(**arguments)
            result: dict[str, Any] = runner.run(
                prepared.pipeline,
                prepared.catalog,
                self._hooks,
                run_id=request.run_id,
                only_missing_outputs=request.only_missing_outputs,
            )
            # From here on a signal waits, so that it cannot come between the end of the run and its report.
            guard.shield()
            guard.check()
            is_complete = True
            tell_all(hook.after_pipeline_run, "after_pipeline_run", run_result=result, **arguments)
        except BaseException as error:
            guard.shield()
            if is_complete:
                raise
            failure = _failure(error, guard)
            tell(hook.on_pipeline_error, failure, "on_pipeline_error", error=failure, **arguments)
            if not isinstance(failure, (KeyboardInterrupt, RunTerminated)):
                guard.check(failure)
            _raise(failure, error)
        guard.check()
        return result


def _paths_to_save(catalog: Any, names: list[str], *, only_missing: bool) -> dict[str, str]:
    """Return where datasets will save versions; with ``only_missing``, those that are there need not be saved."""
    find_paths = getattr(catalog, "versioned_save_paths", None)
    if find_paths is None:
        return {}
    if not only_missing:
        found: dict[str, str] = find_paths(names)
        return found
    missing: dict[str, str] = {}
    for name in names:
        with suppress(VersionAlreadyExistsError):
            missing.update(find_paths([name]))
    return missing


def _checked(runner: Any) -> AbstractRunner:
    if runner is None:
        return SequentialRunner()
    if isinstance(runner, AbstractRunner):
        return runner
    if isinstance(runner, type):
        raise KedroSessionError(f"A run takes an instance of a runner; write {runner.__name__}() with parentheses.")
    raise KedroSessionError(f"A run takes an instance of AbstractRunner, not {runner!r}.")


def _needs_shared_memory(runner: AbstractRunner) -> bool:
    said = getattr(runner, "_needs_shared_memory_catalog", None)
    return isinstance(runner, ParallelRunner) if said is None else bool(said)


def _summed(names: tuple[str, ...] | None) -> Pipeline:
    wanted = names or (_DEFAULT_PIPELINE,)
    found: list[Pipeline] = []
    unknown: list[str] = []
    for name in dict.fromkeys(wanted):
        pipeline = pipelines.get(name)
        if pipeline is None:
            unknown.append(name)
        else:
            found.append(pipeline)
    if unknown:
        raise UnknownNameError("pipeline", unknown, nearest(unknown[0], pipelines), "this project", pipelines)
    return found[0] if len(found) == 1 else Pipeline(found)


@contextmanager
def _exit_is_an_error() -> Iterator[None]:
    """Let nothing end the process as if the run were complete."""
    try:
        yield
    except SystemExit as error:
        if isinstance(error, RunTerminated):
            raise
        raise _exit_error(error) from error


@contextmanager
def _marked_as_failed() -> Iterator[None]:
    """Mark what leaves a run that had begun, so that it is known from errors in the preparation of one."""
    try:
        yield
    except BaseException as error:
        # A class may refuse attributes.
        with suppress(Exception):
            vars(error)["__pellucid_run_failed__"] = True
        raise


def _exit_error(error: SystemExit) -> RunnerError:
    return RunnerError(f"Something called sys.exit({error.code!r}) during the run; the run is not complete.")


def _failure(error: BaseException, guard: TerminationGuard) -> BaseException:
    """Return what a run that an error ended is to fail with."""
    if isinstance(error, RunTerminated):
        return error
    if guard.received is not None:
        return RunTerminated(guard.received)
    if isinstance(error, SystemExit):
        return _exit_error(error)
    return error


def _raise(failure: BaseException, error: BaseException) -> NoReturn:
    if failure is error:
        raise error
    raise failure from error
