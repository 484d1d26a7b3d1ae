"""Calls hooks while an error is being handled, so that nothing takes its place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pluggy

_logger = logging.getLogger(__name__)


def report(hooks: pluggy.PluginManager, hook: str, error: BaseException, **arguments: Any) -> None:
    """Call every plugin's implementation of a hook that reports an error.

    What one raises is logged and noted on the error; the others are called all the same.

    Args:
        hooks: the registry.
        hook: the name of the hook.
        error: what is reported; passed on as ``error``.
        arguments: the others of the hook.
    """
    plugins = [implementation.plugin for implementation in getattr(hooks.hook, hook).get_hookimpls()]
    for plugin in reversed(plugins):
        others = [each for each in plugins if each is not plugin]
        try:
            hooks.subset_hook_caller(hook, others)(error=error, **arguments)
        except BaseException as raised:
            _logger.exception("The hook %s of %s raised.", hook, type(plugin).__qualname__)
            _note(error, f"While this was reported, the hook {hook} raised {type(raised).__name__}: {raised}")


def _note(error: BaseException, text: str) -> None:
    # BaseException.add_note is there from Python 3.11 on; before, the attribute is what other tools show.
    error.__dict__.setdefault("__notes__", []).append(text)
