"""How an error in the project's own code is put into one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


def describe(error: BaseException) -> str:
    """Return type, message and, where it is known, file and line of an error."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}" if error.filename else ""
        text = f"{type(error).__name__}: {error.msg}"
    else:
        where = _place(error.__traceback__)
    return f"{text} ({where})" if where else text


def _place(traceback: TracebackType | None) -> str:
    """Return ``file:line`` of the innermost frame that is not the import machinery's."""
    where = ""
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if not filename.startswith("<frozen") and "importlib" not in filename:
            where = f"{filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return where
