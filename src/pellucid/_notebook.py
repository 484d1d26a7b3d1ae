"""What ``%load_ext pellucid`` calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Load the extension ``pellucid.ipython``; a start of pellucid does not pay for it."""
    from pellucid.ipython import load_ipython_extension as load

    load(ipython)
