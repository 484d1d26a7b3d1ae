"""The command line."""

from ._main import __getattr__ as __getattr__
from ._main import main

TYPE_CHECKING = False  # what plugins build on is imported when it is asked for: not to show the version
if TYPE_CHECKING:
    from .utils import command_with_verbosity, load_entry_points

__all__ = ["command_with_verbosity", "load_entry_points", "main"]
