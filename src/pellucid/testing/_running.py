"""Runs a pipeline without a project of the user's."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.framework.hooks.markers import hook_impl
from pellucid.testing._capture import captured_telemetry
from pellucid.testing._projects import make_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pellucid.pipeline import Pipeline
    from pellucid.runner import AbstractRunner
    from pellucid.testing._clock import FakeClock
    from pellucid.testing._telemetry import Telemetry

_PACKAGE = "pipeline_under_test"


@dataclass(frozen=True)
class PipelineOutcome:
    """What became of a run.

    Attributes:
        telemetry: what it recorded.
        error: what it ended with; None on success.
    """

    telemetry: Telemetry
    error: Exception | None = None
    _outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The data of the outputs that no node reads, by name.

        Raises:
            AssertionError: the run failed.
        """
        if self.error is not None:
            raise AssertionError(f"The run failed, so it has no outputs: {self.error}") from self.error
        return self._outputs


def run_pipeline(
    pipeline: Pipeline,
    inputs: Mapping[str, Any] | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    runner: AbstractRunner | None = None,
    clock: FakeClock | None = None,
    incremental_ids: bool = False,
    level: str = "DEBUG",
    loggers: Sequence[str] = (),
) -> PipelineOutcome:
    """Run a pipeline in a throw-away project, and capture its telemetry; the process is left as it was found.

    Not for two threads at once, as a process has one project.

    Args:
        pipeline: to be run, all of it.
        inputs: by name: data, or a dataset; datasets for outputs may be given, too.
        parameters: as ``parameters.yml`` would have them.
        runner: an instance; the default is a ``SequentialRunner``.
        clock: as for ``captured_telemetry``.
        incremental_ids: as for ``captured_telemetry``.
        level: as for ``captured_telemetry``.
        loggers: as for ``captured_telemetry``.

    Returns:
        outputs, telemetry and error. Nothing that the pipeline raises is raised here.
    """
    from pellucid.framework.project import pipelines, settings
    from pellucid.framework.project.configuration import configured_for_now

    with (
        tempfile.TemporaryDirectory(prefix="pellucid-test-", ignore_cleanup_errors=True) as folder,
        captured_telemetry(clock=clock, incremental_ids=incremental_ids, level=level, loggers=loggers) as telemetry,
    ):
        root = make_project(Path(folder) / "project", package=_PACKAGE)
        with configured_for_now(_PACKAGE, root, root / "src"):
            pipelines["__default__"] = pipeline
            settings.set("HOOKS", (_Inputs(inputs or {}),))
            try:
                outputs = _run(root, dict(parameters or {}), runner)
            except Exception as error:
                return PipelineOutcome(telemetry, error)
            return PipelineOutcome(telemetry, None, outputs)


def _run(root: Path, parameters: dict[str, Any], runner: AbstractRunner | None) -> dict[str, Any]:
    from pellucid.framework.session import KedroSession

    with KedroSession.create(root, save_on_close=False, runtime_params=parameters) as session:
        return {name: dataset.load() for name, dataset in session.run(runner=runner).items()}


class _Inputs:
    """Puts data into the catalog."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return _Inputs, ({},)

    @hook_impl
    def after_catalog_created(self, catalog: Any) -> None:
        """Put it there."""
        for name, value in self._data.items():
            catalog[name] = value
