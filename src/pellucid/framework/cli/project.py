"""Commands that run, open and package a project."""

from __future__ import annotations

from typing import Any

import click

from ._commands import PellucidCommand
from ._garbage import nothing_collected
from ._options import (
    _split_load_versions,
    _split_params,
    env_option,
    split_node_names,
    split_string,
    validate_conf_source,
)
from ._project import OWNS_PROCESS
from ._repeatable import repeatable
from ._run_config import with_config_file

__all__ = ["ipython", "package", "run"]

ASYNC_ARG_HELP = "Load and save the datasets of a node in threads, at the same time."
CONFIG_FILE_HELP = (
    "A YAML file whose section 'run' gives options of this command, by their names. The command line wins over it."
)
CONF_SOURCE_HELP = "The folder, archive (zip, tar) or URL where the configuration is."
FROM_INPUTS_HELP = "Start at the nodes that need these datasets, separated by commas."
FROM_NODES_HELP = "Start at these nodes, separated by commas."
LOAD_VERSION_HELP = "Load these versions of datasets: dataset:version, separated by commas."
NAMESPACES_ARG_HELP = "Run only the nodes of these namespaces, separated by commas."
NODE_ARG_HELP = "Run only these nodes, separated by commas."
ONLY_MISSING_OUTPUTS_HELP = "Run only the nodes whose outputs are needed and do not exist yet."
PARAMS_ARG_HELP = (
    "Parameters for this run: key=value, separated by commas. A key with dots is nested: model.depth=3. "
    "Values are typed as in YAML, lists and mappings too: columns=[a,b]."
)
PIPELINES_ARG_HELP = "Run these registered pipelines together, separated by commas."
PIPELINE_ARG_HELP = "Run this registered pipeline; '__default__' if not set."
RUNNER_ARG_HELP = "SequentialRunner (if not set), ThreadRunner, ParallelRunner, or a runner of yours: module.Class."
RUNNER_PARAMS_HELP = "Arguments of the runner: key=value, separated by commas, for example max_workers=4."
TAG_ARG_HELP = "Run only the nodes with one of these tags, separated by commas."
TO_NODES_HELP = "Stop at these nodes, separated by commas."
TO_OUTPUTS_HELP = "Stop at the nodes that make these datasets, separated by commas."


@click.command(cls=PellucidCommand)
@repeatable("--from-inputs", text=FROM_INPUTS_HELP, callback=split_string)
@repeatable("--to-outputs", text=TO_OUTPUTS_HELP, callback=split_string)
@repeatable("--from-nodes", text=FROM_NODES_HELP, callback=split_node_names)
@repeatable("--to-nodes", text=TO_NODES_HELP, callback=split_node_names)
@repeatable("--nodes", "-n", "node_names", text=NODE_ARG_HELP, callback=split_node_names)
@click.option("--runner", "-r", type=str, default=None, help=RUNNER_ARG_HELP)
@click.option("--async", "is_async", is_flag=True, help=ASYNC_ARG_HELP)
@repeatable("--runner-params", text=RUNNER_PARAMS_HELP, callback=_split_params)
@env_option
@repeatable("--tags", "-t", text=TAG_ARG_HELP, callback=split_string)
@repeatable("--load-versions", "-lv", text=LOAD_VERSION_HELP, callback=_split_load_versions)
@click.option("--pipeline", "-p", type=str, default=None, help=PIPELINE_ARG_HELP)
@repeatable("--pipelines", text=PIPELINES_ARG_HELP, callback=split_string)
@repeatable("--namespaces", "-ns", text=NAMESPACES_ARG_HELP, callback=split_string)
@click.option("--config", "-c", type=click.Path(exists=True, dir_okay=False), help=CONFIG_FILE_HELP)
@click.option("--conf-source", callback=validate_conf_source, help=CONF_SOURCE_HELP)
@repeatable("--params", text=PARAMS_ARG_HELP, callback=_split_params)
@click.option("--only-missing-outputs", is_flag=True, help=ONLY_MISSING_OUTPUTS_HELP)
@click.pass_context
def run(ctx: click.Context, /, config: str | None, **options: Any) -> dict[str, Any]:
    """Run a pipeline of the project.

    Exit codes: 0 done, 1 the pipeline failed, 2 wrong usage or a mistake in the project, 130 Ctrl-C,
    143 SIGTERM, 129 SIGHUP.
    """
    with nothing_collected(keep=ctx.meta.get(OWNS_PROCESS, False)):
        from ._run import run_project

    return run_project(ctx, with_config_file(ctx, config, options))


@click.command(cls=PellucidCommand, context_settings={"ignore_unknown_options": True})
@env_option
@click.option("--conf-source", callback=validate_conf_source, help=CONF_SOURCE_HELP)
@repeatable("--params", text=PARAMS_ARG_HELP, callback=_split_params)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def ipython(ctx: click.Context, env: str | None, conf_source: str | None, params: Any, args: tuple[str, ...]) -> None:
    """Open IPython with the project's catalog, context, session and pipelines.

    Further words are passed to IPython.
    """
    from ._ipython import open_ipython

    open_ipython(ctx, env, conf_source, params, args)


@click.command(cls=PellucidCommand)
@click.option("--no-isolation", is_flag=True, help="Build with what is installed here, without a network.")
@click.pass_context
def package(ctx: click.Context, no_isolation: bool) -> None:
    """Build a wheel of the project, and an archive of its configuration, in 'dist'.

    The configuration's environment 'local' is left out, as it may hold secrets.
    """
    from ._errors import os_errors_told
    from ._package import build_package
    from ._project import require_project

    metadata = require_project(ctx)
    with os_errors_told("The project cannot be packaged"):
        build_package(metadata, isolated=not no_isolation)
