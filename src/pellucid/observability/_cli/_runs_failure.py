"""Where a run failed: by the tracebacks that were recorded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pellucid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.history import StoredSpan

_FRAME = re.compile(r'File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<function>[^\\\n]+)')
_LIBRARY = re.compile(r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python3|^<frozen ", re.IGNORECASE)
_RUNTIME = Path(pellucid.__file__).parent


class Place(NamedTuple):
    """A line of code.

    Attributes:
        file: as it was recorded; of the project's folder, relative to that.
        line: its number.
        function: its name.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


def failures(spans: Sequence[StoredSpan]) -> list[StoredSpan]:
    """Return the nodes that failed; where none did, the innermost other operations of the runtime."""
    failed = [span for span in spans if span.kind and span.has_failed]
    nodes = [span for span in failed if span.kind == "node"]
    around = {span.parent_id for span in failed}
    return nodes or [span for span in failed if span.span_id not in around]


def place_of(traceback: str, folder: Path) -> Place | None:
    """Return the innermost line of the project in a traceback; else of other code that is no library; else of those.

    Of exceptions that led to each other the last one with such a line tells.

    Args:
        traceback: as it was recorded.
        folder: of the project.
    """
    found = [Place(each["file"], int(each["line"]), each["function"]) for each in _FRAME.finditer(traceback)]
    found = [each for each in found if not _is_in(each, _RUNTIME)]
    others = [each for each in found if not _LIBRARY.search(each.file)]
    own = [each._replace(file=str(Path(each.file).relative_to(folder))) for each in others if _is_in(each, folder)]
    return next(iter((own or others or found)[-1:]), None)


def _is_in(place: Place, folder: Path) -> bool:
    return Path(place.file).is_relative_to(folder)
