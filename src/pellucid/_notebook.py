"""What ``%load_ext pellucid`` calls."""

from __future__ import annotations

TYPE_CHECKING = False  # importing the package does not import typing
if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """Load the extension ``pellucid.ipython``, by its name: this package does not depend on its topmost room."""
    import importlib

    importlib.import_module("pellucid.ipython").load_ipython_extension(ipython)
