"""Keeps the collector of cyclic garbage from looking at what is imported, which is never garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["nothing_collected"]


@contextmanager
def nothing_collected(*, keep: bool) -> Iterator[None]:
    """Collect nothing while a block lasts, in which modules are imported.

    Args:
        keep: what is there at the end of the block lasts as long as the process: the collector leaves it alone for
            good, also when the process ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        if keep:
            gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
