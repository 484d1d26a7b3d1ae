"""Marks for implementations and specifications of hooks.

The namespace is Kedro's, so that implementations marked with ``kedro.framework.hooks.hook_impl`` are found.
"""

from __future__ import annotations

import pluggy

__all__ = ["HOOK_NAMESPACE", "hook_impl", "hook_spec"]

HOOK_NAMESPACE = "kedro"

hook_spec = pluggy.HookspecMarker(HOOK_NAMESPACE)
hook_impl = pluggy.HookimplMarker(HOOK_NAMESPACE)
