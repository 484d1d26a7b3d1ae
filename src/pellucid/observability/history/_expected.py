"""How long the nodes of a pipeline are expected to take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.observability.history._errors import HistoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.observability.history._store import HistoryStore


def expected_node_seconds(store: HistoryStore, pipeline_name: str, node_names: Sequence[str]) -> dict[str, float]:
    """Return the seconds that nodes took in earlier successful runs of a pipeline, the median of the last ten.

    Args:
        store: the run history; if it cannot be read, nothing is expected.
        pipeline_name: several are joined by ``+``.
        node_names: what was never run is left out of the answer.
    """
    try:
        return store.node_seconds(pipeline_name, node_names)
    except HistoryError:
        return {}
