"""What is wrong with a setting."""

from __future__ import annotations

from pellucid._util.rows import Row


class Problem(Row):
    """A setting that cannot be used; what it had before stays.

    Attributes:
        key: the setting, or empty where there is none.
        source: the file or the variable.
        text: what is wrong, what is allowed, and what counts instead; one sentence or more, without secrets.
    """

    key: str
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"
