"""From the spool to the history, the totals and the backends; never in the way of the run."""

from typing import TYPE_CHECKING

from pellucid._util.lazily import names_from
from pellucid.observability.flow._flow import Flow
from pellucid.observability.flow._rooms import TOTALS_PATH
from pellucid.observability.flow._spool import folder_of

if TYPE_CHECKING:
    from pellucid.observability.flow._backlog import Backlog, Kept, Replayed

__all__ = ["TOTALS_PATH", "Backlog", "Flow", "Kept", "Replayed", "folder_of"]

# What a run has no use for is imported when it is asked for.
__getattr__ = names_from(
    __name__,
    {
        "_backlog": ("Backlog", "Kept", "Replayed"),
    },
)
