"""The end of a session, and of a replay: what is kept is delivered, and the metrics page goes out."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from pellucid.observability.flow._together import Together

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.flow._deliver import Delivery
    from pellucid.observability.flow._parts import Guarded
    from pellucid.observability.flow._rooms import Rooms

_SHARE_OF_DELIVERY = 0.5
"""Of the time that is left: after that the metrics page is made, with or without what is being delivered."""
_MARGIN_SECONDS = 0.03
"""In which what became of the last request is noted."""
_MOST_OF_THE_TIME = 0.9


def deliver_and_publish(
    rooms: Rooms,
    ends_at: float,
    *,
    deliver: Callable[[Delivery, float], object],
    guarded: Guarded,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Deliver all signals at once, so that none waits for another, then write and push the metrics page.

    Args:
        rooms: of the project.
        ends_at: of ``time.monotonic``, for everything together; what is not done then is left behind.
        deliver: delivers one signal, until a time; raises nothing.
        guarded: calls a part of the rest.
        meanwhile: called while it is delivered; raises nothing.
    """
    now = time.monotonic()
    last_request_ends_at = max(ends_at - _MARGIN_SECONDS, now + (ends_at - now) * _MOST_OF_THE_TIME)
    delivering = Together([partial(deliver, each, last_request_ends_at) for each in rooms.deliveries])
    meanwhile()
    exposition = rooms.exposition
    if exposition.has_end:
        now = time.monotonic()
        delivering.wait_until(now + (ends_at - now) * _SHARE_OF_DELIVERY)
        Together(
            [
                partial(guarded, "textfile", exposition.write_textfile),
                partial(guarded, "pushgateway", exposition.push, ends_at),
            ]
        ).wait_until(ends_at)
    delivering.wait_until(ends_at)
