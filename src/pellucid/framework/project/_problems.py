"""How an error in the project's own code is put into one line."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid._util.texts import text_of

if TYPE_CHECKING:
    from types import TracebackType

# The frames between a mistake and whoever looks for it.
_PACKAGE = f"{Path(__file__).absolute().parents[2]}{os.sep}"
_IMPORTLIB = f"{Path(importlib.__file__).absolute().parent}{os.sep}"


def describe(error: BaseException) -> str:
    """Return type, message and, where it is known, file and line of an error."""
    message = text_of(error)
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}" if error.filename else ""
        text = f"{type(error).__name__}: {error.msg}"
    else:
        where = _place(error.__traceback__)
    return f"{text} ({where})" if where else text


def _place(traceback: TracebackType | None) -> str:
    """Return ``file:line`` of the innermost frame that is neither ours nor the import machinery's."""
    where = ""
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith(("<frozen importlib", _IMPORTLIB, _PACKAGE)):
            where = f"{filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return where
