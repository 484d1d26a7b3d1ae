"""Where a worker process has a hook from; without what carries hooks there, which most runs have no use for."""

from __future__ import annotations

from pellucid._util.rows import Row


class Declared(Row):
    """The hook at this place of the project's settings."""

    place: int


class Carried(Row):
    """The hook at this place of the pickled ones."""

    place: int
