"""From the options of ``run`` to a session that runs."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from pellucid.exceptions import EmptyPipelineError

from ._exit import FailedRun, note_failed_run
from ._garbage import nothing_collected
from ._progress import shown_progress
from ._project import OWNS_PROCESS, configured_project_path
from ._runners import make_runner
from ._watch import RunWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

_SELECTORS = ("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces")


def run_project(ctx: click.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """Run what the options ask for in a session of the project's class, and return its result."""
    names = _pipeline_names(options)
    owns_process = ctx.meta.get(OWNS_PROCESS, False)
    with nothing_collected(keep=owns_process):
        project_path = configured_project_path(ctx)
        runner = make_runner(options["runner"], is_async=options["is_async"], arguments=options["runner_params"] or {})

        from pellucid.framework.project import settings

    watch = RunWatch()
    create: dict[str, Any] = {name: options[name] for name in ("env", "conf_source")}
    if project_path is not None:
        create["project_path"] = project_path
    create["runtime_params"] = options["params"] or None
    try:
        with ExitStack() as stack:
            with nothing_collected(keep=owns_process):
                session = stack.enter_context(settings.SESSION_CLASS.create(**create))
            stack.enter_context(watch.watching(session))
            stack.enter_context(shown_progress(session))
            result: dict[str, Any] = session.run(
                pipeline_names=names,
                runner=runner,
                load_versions=dict(options["load_versions"] or {}),
                only_missing_outputs=options["only_missing_outputs"],
                **{name: tuple(options[name]) for name in _SELECTORS},
            )
    except EmptyPipelineError:
        if watch.run_began or any(options[name] for name in _SELECTORS):
            raise
        raise _nothing_to_run(names) from None
    except BaseException as error:
        if watch.run_began:
            note_failed_run(ctx, FailedRun(error, watch.node_of(error)))
        raise
    return result


def _pipeline_names(options: Mapping[str, Any]) -> list[str]:
    one, several = options["pipeline"], options["pipelines"]
    if one and several:
        raise click.UsageError("Use one of --pipeline and --pipelines, not both.")
    return list(dict.fromkeys(several)) if several else [one] if one else []


def _nothing_to_run(names: list[str]) -> EmptyPipelineError:
    shown = ", ".join(f"'{name}'" for name in names or ["__default__"])
    noun = "pipelines" if len(names) > 1 else "pipeline"
    verb = "have" if noun == "pipelines" else "has"
    return EmptyPipelineError(
        f"There is nothing to run: the {noun} {shown} {verb} no nodes. Add some to a pipeline.py below src/, in "
        "create_pipeline(); 'pellucid pipeline create NAME' makes such a file."
    )
