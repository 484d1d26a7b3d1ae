"""IPython with a project in it."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from ._project import require_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def open_ipython(
    ctx: click.Context, env: str | None, conf_source: str | None, params: Mapping[str, Any], args: Sequence[str]
) -> None:
    """Start IPython with the extension loaded; the words in ``args`` are IPython's.

    Raises:
        click.UsageError: IPython is not installed.
    """
    if find_spec("IPython") is None:
        raise click.UsageError("IPython is not installed; 'pip install ipython' does that.")
    metadata = require_project(ctx)
    click.echo(f"IPython with the project '{metadata.project_name}':")
    _start(reload_line(str(metadata.project_path), env, conf_source, params), args)


def reload_line(path: str, env: str | None, conf_source: str | None, params: Mapping[str, Any]) -> str:
    """Return the words of the magic that loads a project so."""
    words = [path]
    words += [f"--env={env}"] if env else []
    words += [f"--conf-source={conf_source}"] if conf_source else []
    words += [f"--params={text}"] if (text := _as_text(params)) else []
    return shlex.join(words)


def _as_text(params: Mapping[str, Any], prefix: str = "") -> str:
    """Return nested parameters in the form that ``--params`` takes."""
    items = []
    for key, value in params.items():
        if isinstance(value, dict) and value:
            items.append(_as_text(value, f"{prefix}{key}."))
        else:
            items.append(f"{prefix}{key}={json.dumps(value)}")
    return ",".join(items)


def _start(line: str, args: Sequence[str]) -> None:
    import IPython
    from traitlets.config import Config

    config = Config()
    config.InteractiveShellApp.exec_lines = [
        "import pellucid.ipython; pellucid.ipython.register_magics(get_ipython()); del pellucid",
        f"%reload_pellucid {line}",
    ]
    IPython.start_ipython(argv=list(args), config=config)
