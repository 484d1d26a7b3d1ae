"""Transcoding: ``data@spark`` and ``data@pandas`` are two views of one dataset ``data``."""

from __future__ import annotations

from pellucid.exceptions import PipelineError

TRANSCODING_SEPARATOR = "@"


def _transcode_split(element: str) -> tuple[str, str]:
    """Split ``data@spark`` into ``("data", "spark")``; without ``@`` the second part is empty.

    Raises:
        PipelineError: if there is more than one ``@``.
    """
    base, _, view = element.partition(TRANSCODING_SEPARATOR)
    if TRANSCODING_SEPARATOR in view:
        count = element.count(TRANSCODING_SEPARATOR)
        raise PipelineError(f"The dataset name '{element}' has {count} '{TRANSCODING_SEPARATOR}'; at most one may be.")
    return base, view


def _strip_transcoding(element: str) -> str:
    """Return the dataset's name without ``@`` and what follows it."""
    return _transcode_split(element)[0] if TRANSCODING_SEPARATOR in element else element


base_name = _strip_transcoding
