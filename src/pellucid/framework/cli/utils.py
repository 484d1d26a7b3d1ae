"""What plugins and projects build their commands with."""

from __future__ import annotations

from ._commands import CONTEXT_SETTINGS, CommandCollection, LazyGroup
from ._errors import KedroCliError
from ._find_run import find_run_command
from ._forward import call, command_with_verbosity, forward_command, python_call
from ._options import (
    ENV_HELP,
    _split_load_versions,
    _split_params,
    env_option,
    split_node_names,
    split_string,
    validate_conf_source,
)
from ._params import parse_params
from ._plugins import ENTRY_POINT_GROUPS, load_entry_points

__all__ = [
    "CONTEXT_SETTINGS",
    "ENTRY_POINT_GROUPS",
    "ENV_HELP",
    "CommandCollection",
    "KedroCliError",
    "LazyGroup",
    "_split_load_versions",
    "_split_params",
    "call",
    "command_with_verbosity",
    "env_option",
    "find_run_command",
    "forward_command",
    "load_entry_points",
    "parse_params",
    "python_call",
    "split_node_names",
    "split_string",
    "validate_conf_source",
]
