"""Sessions: one run, or many, of a project's pipelines."""

from __future__ import annotations

from pellucid.framework.session.abstract_session import AbstractSession
from pellucid.framework.session.service_session import KedroServiceSession
from pellucid.framework.session.session import KedroSession

__all__ = ["AbstractSession", "KedroServiceSession", "KedroSession"]
