"""The text of an object that is not ours, and that may refuse to have one."""

from __future__ import annotations


def text_of(value: object, longest: int | None = None) -> str:
    """Return ``str(value)``, or what stands for it where that raises.

    Args:
        value: for example an exception of a project.
        longest: how many characters are kept; what is cut off shows as an ellipsis. None keeps all.
    """
    try:
        text = str(value)
    except Exception as error:
        return f"<{type(value).__qualname__} whose text raises {type(error).__name__}>"
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"
