"""Hooks: how plugins and projects take part in a run."""

from __future__ import annotations

from pellucid.framework.hooks.manager import _create_hook_manager
from pellucid.framework.hooks.markers import hook_impl, hook_spec

__all__ = ["_create_hook_manager", "hook_impl", "hook_spec"]
