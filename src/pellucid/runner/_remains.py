"""What runs in processes have left in shared memory that were killed together with all their workers."""

from __future__ import annotations

import os

SHARED_MEMORY = "/dev/shm"  # noqa: S108 - looked at; what is removed is this user's, and locked by nobody


def remove_remains() -> None:
    """Remove what belongs to dead processes of this user; what others are at work with stays."""
    try:
        with os.scandir(SHARED_MEMORY) as entries:
            is_any = any(each.name.startswith("pellucid-") and each.name.endswith(".lock") for each in entries)
    except OSError:
        return
    if is_any:
        from pathlib import Path

        from pellucid.io.shared_memory import sweep

        sweep(Path(SHARED_MEMORY))
