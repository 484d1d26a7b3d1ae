"""Notices forks."""

from __future__ import annotations

import functools
import os
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call_in_forks"]


def call_in_forks(method: Callable[[], None]) -> None:
    """Call a method in every process that is forked, before anything else goes on there, while its object is there.

    Args:
        method: bound; the object is not kept by this.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=functools.partial(_call, weakref.WeakMethod(method)))


def _call(kept: weakref.WeakMethod[Callable[[], Any]]) -> None:
    method = kept()
    if method is not None:
        method()
