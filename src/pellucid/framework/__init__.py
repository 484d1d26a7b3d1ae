"""The framework around a run: project, session, context, hooks and command line."""

from __future__ import annotations

__all__: list[str] = []
