"""Sessions: one run, or many, of a project's pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid._util.lazily import names_from
from pellucid.framework.session.abstract_session import AbstractSession
from pellucid.framework.session.session import KedroSession

if TYPE_CHECKING:
    from pellucid.framework.session.service_session import KedroServiceSession

__all__ = ["AbstractSession", "KedroServiceSession", "KedroSession"]

# What most processes have no use for is imported when it is asked for.
__getattr__ = names_from(__name__, {"service_session": ("KedroServiceSession",)})
