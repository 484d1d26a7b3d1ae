"""The command line."""

from .cli import main
from .utils import command_with_verbosity, load_entry_points

__all__ = ["command_with_verbosity", "load_entry_points", "main"]
