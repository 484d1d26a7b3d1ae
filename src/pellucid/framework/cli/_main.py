"""Where the process of the command line begins."""

from __future__ import annotations

import importlib
import os
import sys

from pellucid._version import __version__

from ._garbage import nothing_collected
from ._installed import entry_points_of

TYPE_CHECKING = False  # the version is shown without importing typing
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_PROGRAM = "pellucid"
_COMPLETION = "_PELLUCID_COMPLETE"
_FROM_UTILS = ("command_with_verbosity", "load_entry_points")


def __getattr__(name: str) -> Any:
    """Give what plugins import from ``pellucid.framework.cli``."""
    if name in _FROM_UTILS:
        return getattr(importlib.import_module("pellucid.framework.cli.utils"), name)
    raise AttributeError(f"module 'pellucid.framework.cli' has no attribute {name!r}")


def version_text() -> str:
    """Return what ``--version`` shows."""
    return f"{_PROGRAM}, version {__version__}"


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process.

    Args:
        args: the words of the command line, without the program's name; those of the process if not given.
    """
    words = sys.argv[1:] if args is None else list(args)
    try:
        if words in (["--version"], ["-V"]) and _is_nobody_asked():
            _show_version()
        _run(args)
    except FileNotFoundError as error:
        if error.filename is not None:
            raise
        from ._errors import KedroCliError

        # the working directory itself is gone
        KedroCliError(f"The working directory cannot be read: {error}").show()
        sys.exit(2)


def _run(args: Sequence[str] | None) -> None:
    with nothing_collected(keep=args is None):
        from pathlib import Path

        from .cli import KedroCLI

        command = KedroCLI(Path.cwd(), owns_process=args is None)
    command.main(args=args, prog_name=_PROGRAM)


def _is_nobody_asked() -> bool:
    """Tell whether no plugin hears of commands, and no shell asks for completion."""
    return _COMPLETION not in os.environ and not entry_points_of("cli_hooks")


def _show_version() -> None:
    """Show the version, and end the process as the command line does."""
    try:
        if sys.stdout is not None:
            sys.stdout.write(f"{version_text()}\n")
            sys.stdout.flush()
        code = 0
    except Exception as error:
        from ._exit import code_of_error

        code = code_of_error(error, whole=False)
    if code:
        from ._exit import flushed

        code = flushed(code)
    sys.exit(code)
