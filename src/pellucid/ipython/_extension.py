"""The magics, and what happens when the extension is loaded."""

from __future__ import annotations

import argparse
import logging
import shlex
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pellucid.exceptions import PellucidError
from pellucid.framework.cli.utils import load_entry_points, parse_params
from pellucid.utils import find_project

from ._load_node import node_source
from ._reload import reload_kedro

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    with _mistakes_in_one_line():
        reload_kedro(local_namespace=ipython.user_ns)


def register_magics(ipython: Any) -> None:
    """Add ``%reload_pellucid`` (also as ``%reload_kedro``) and ``%load_node`` to a shell, and the magics of plugins."""
    for name in _RELOAD_MAGICS:
        ipython.register_magic_function(partial(_reload_in, ipython), "line", name)
    ipython.register_magic_function(partial(_load_node_in, ipython), "line", "load_node")
    for magic in load_entry_points("line_magic"):
        ipython.register_magic_function(magic, "line")


def magic_reload_kedro(line: str, local_ns: dict[str, Any] | None = None, conf_source: str | None = None) -> None:
    """Load the project anew, with its code as it is now: ``%reload_pellucid [folder] [--env=…] [--params=a=1,…]``.

    Args:
        line: what follows the magic's name.
        local_ns: where ``catalog``, ``context``, ``pipelines`` and ``session`` are set; the shell's variables if None.
        conf_source: where the configuration is, unless the line says so.
    """
    given = _read_line(line)
    reload_kedro(given.path, given.env, given.params or None, local_ns, given.conf_source or conf_source)


def magic_load_node(args: str) -> None:
    """Put the code of a node, with its inputs loaded from the catalog, into the next cell: ``%load_node name``."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None:
        raise RuntimeError("%load_node works within IPython alone.")
    shell.set_next_input(_code_of_node(args))


def _read_line(line: str) -> argparse.Namespace:
    try:
        given = _parser().parse_args(shlex.split(line))
        given.params = parse_params(given.params)
    except _LineError:
        raise
    except ValueError as error:
        raise _LineError(f"%reload_pellucid: {error}") from None
    return given


def _reload_in(shell: InteractiveShell, line: str) -> None:
    with _mistakes_in_one_line():
        magic_reload_kedro(line, shell.user_ns)


def _load_node_in(shell: InteractiveShell, line: str) -> None:
    with _mistakes_in_one_line():
        shell.set_next_input(_code_of_node(line))


def _code_of_node(line: str) -> str:
    from pellucid.framework.project import pipelines

    return node_source(line.strip(), pipelines)


@contextmanager
def _mistakes_in_one_line() -> Iterator[None]:
    """Have a shell show mistakes of its user as one line: the cell has failed, and there is nothing to be debugged."""
    from IPython.core.error import UsageError

    try:
        yield
    except (PellucidError, _LineError) as error:
        raise UsageError(str(error)) from error


class _LineError(ValueError):
    """The words after a magic cannot be read."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse would end the shell
        raise _LineError(f"%reload_pellucid: {message}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="%reload_pellucid", add_help=False, allow_abbrev=False)
    parser.add_argument("path", nargs="?", default=None)
    parser.add_argument("-e", "--env", default=None)
    parser.add_argument("--params", default="")
    parser.add_argument("--conf-source", default=None)
    return parser
