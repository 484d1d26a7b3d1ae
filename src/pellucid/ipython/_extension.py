"""The magics, and what happens when the extension is loaded."""

from __future__ import annotations

import argparse
import logging
import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pellucid.framework.cli._params import parse_params
from pellucid.framework.cli._plugins import load_each
from pellucid.utils import find_project

from ._load_node import node_source
from ._reload import reload_kedro

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

logger = logging.getLogger(__name__)

_RELOAD_MAGICS = ("reload_pellucid", "reload_kedro")


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Add the magics to a shell, and load the project in whose folder it was started, if there is one."""
    register_magics(ipython)
    if find_project(Path.cwd()) is None:
        logger.warning(
            "There is no project in %s or above it, so none is loaded. Load one with '%%reload_pellucid <folder>'.",
            Path.cwd(),
        )
        return
    reload_kedro(local_namespace=ipython.user_ns)


def register_magics(ipython: Any) -> None:
    """Add ``%reload_pellucid`` (also as ``%reload_kedro``) and ``%load_node`` to a shell, and the magics of plugins."""
    for name in _RELOAD_MAGICS:
        ipython.register_magic_function(partial(_reload_in, ipython), "line", name)
    ipython.register_magic_function(partial(_load_node_in, ipython), "line", "load_node")
    for _, magic in load_each("line_magic"):
        ipython.register_magic_function(magic, "line")


def magic_reload_kedro(line: str, local_ns: dict[str, Any] | None = None, conf_source: str | None = None) -> None:
    """Load the project anew, with its code as it is now: ``%reload_pellucid [folder] [--env=…] [--params=a=1,…]``.

    Args:
        line: what follows the magic's name.
        local_ns: where ``catalog``, ``context``, ``pipelines`` and ``session`` are set; the shell's variables if None.
        conf_source: where the configuration is, unless the line says so.
    """
    given = _parser().parse_args(shlex.split(line))
    reload_kedro(given.path, given.env, parse_params(given.params) or None, local_ns, given.conf_source or conf_source)


def magic_load_node(args: str) -> None:
    """Put the code of a node, with its inputs loaded from the catalog, into the next cell: ``%load_node name``."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("%load_node works within IPython alone.")
    _load_node_in(shell, args)


def _reload_in(shell: InteractiveShell, line: str) -> None:
    magic_reload_kedro(line, shell.user_ns)


def _load_node_in(shell: InteractiveShell, line: str) -> None:
    from pellucid.framework.project import pipelines

    shell.set_next_input(node_source(line.strip(), pipelines))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would end the shell
        raise ValueError(f"%reload_pellucid: {message}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="%reload_pellucid", add_help=False, allow_abbrev=False)
    parser.add_argument("path", nargs="?", default=None)
    parser.add_argument("-e", "--env", default=None)
    parser.add_argument("--params", default="")
    parser.add_argument("--conf-source", default=None)
    return parser
