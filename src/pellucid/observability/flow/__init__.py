"""From the spool to the history, the totals and the backends; never in the way of the run."""

from pellucid.observability.flow._backlog import Backlog, Kept, Replayed
from pellucid.observability.flow._flow import Flow
from pellucid.observability.flow._rooms import TOTALS_PATH

__all__ = ["TOTALS_PATH", "Backlog", "Flow", "Kept", "Replayed"]
