"""One thing that was looked at, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """A line of the report.

    Attributes:
        state: how it is.
        name: what was looked at.
        text: what was found.
        hint: what to do about it; empty where there is nothing to be done.
    """

    state: Literal["OK", "WARN", "FAIL"]
    name: str
    text: str
    hint: str = ""
