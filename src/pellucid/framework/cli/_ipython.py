"""IPython with a project in it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from pellucid.utils import load_obj

from ._exit import code_of_exit
from ._project import require_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SETUP = "import pellucid.ipython; pellucid.ipython.register_magics(get_ipython()); del pellucid"


def open_ipython(
    ctx: click.Context, env: str | None, conf_source: str | None, params: Mapping[str, Any], args: Sequence[str]
) -> None:
    """Load the project, and start IPython with it; the words in ``args`` are IPython's.

    Raises:
        click.UsageError: IPython is not installed.
        click.exceptions.Exit: IPython ended by ``sys.exit``; with its code.
    """
    if find_spec("IPython") is None:
        raise click.UsageError("IPython is not installed; 'pip install ipython' does that.")
    metadata = require_project(ctx)
    # Loaded before the shell starts, so that a mistake in the project or the options ends the command.
    variables: dict[str, Any] = {}
    # By its name, as IPython loads it: the extension stands above the command line.
    load = load_obj("pellucid.ipython.reload_kedro")
    load(str(metadata.project_path), env, dict(params) or None, variables, conf_source)
    click.echo(f"IPython with the project '{metadata.project_name}':")
    try:
        _start(variables, args)
    except SystemExit as stop:
        raise click.exceptions.Exit(code_of_exit(stop)) from None


def _start(variables: dict[str, Any], args: Sequence[str]) -> None:
    import IPython
    from traitlets.config import Config

    config = Config()
    config.InteractiveShellApp.exec_lines = [_SETUP]
    IPython.start_ipython(argv=list(args), config=config, user_ns=variables)
