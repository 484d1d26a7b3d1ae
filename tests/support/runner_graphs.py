"""Random dependencies; apart from what worker processes import."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["graphs"]


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> list[list[int]]:
    """Dependencies of up to ``most`` nodes in topological order."""
    size = draw(st.integers(1, most))
    return [[other for other in range(index) if draw(st.booleans()) and draw(st.booleans())] for index in range(size)]
