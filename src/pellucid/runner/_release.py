"""Which datasets nobody needs any more: counted once for a run, no I/O."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["ReleaseCounts"]


class ReleaseCounts:
    """Counts the readers of every dataset down.

    Args:
        inputs: for each node the names of the datasets that it reads.
        outputs: for each node the names of those that it writes.
        kept: names that are never released: the inputs and outputs of the pipeline.
    """

    __slots__ = ("_inputs", "_kept", "_outputs", "_readers")

    def __init__(
        self, inputs: Iterable[Collection[str]], outputs: Sequence[Collection[str]], kept: Collection[str]
    ) -> None:
        # A node may name an input twice, and is one reader all the same. Most name one, which needs no copy.
        self._inputs = [names if len(names) < 2 else tuple(dict.fromkeys(names)) for names in inputs]
        self._outputs = outputs
        self._kept = kept
        self._readers = Counter(chain.from_iterable(self._inputs))

    def done(self, index: int) -> list[str]:
        """Note that a node is done, once; return the datasets that can go now."""
        readers, kept, inputs = self._readers, self._kept, self._inputs[index]
        for name in inputs:
            readers[name] -= 1
        return [name for name in (*inputs, *self._outputs[index]) if not readers.get(name) and name not in kept]
