"""The metrics page: served while a run lasts, written to a file and pushed at its end."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pellucid.observability.export.prometheus import ScrapeServer
    from pellucid.observability.flow._forks import ForkGate
    from pellucid.observability.flow._totals import CountedTotals
    from pellucid.observability.metrics import LiveState
    from pellucid.observability.options import MetricsOptions
    from pellucid.observability.recording import Recording

_TEXT = "text/plain;version=0.0.4"
_TAKEN = (
    "/metrics is not served by this run, as %s port %d is taken. By another run of this project? Then that one serves "
    "what both count; else set another 'metrics.scrape_port' in observability.yml (0 takes any free one)."
)

_logger = logging.getLogger("pellucid.telemetry")


class Exposition:
    """The three ways to Prometheus, for one session.

    Args:
        recording: of the session.
        totals: what was counted.
        live: how things are now.
        gate: keeps this process from being forked while a page is made.
    """

    def __init__(
        self, recording: Recording, totals: CountedTotals, live: Callable[[], LiveState], gate: ForkGate
    ) -> None:
        self._recording = recording
        self._totals = totals
        self._live = live
        self._gate = gate
        self._server: ScrapeServer | None = None
        self._has_told = False

    @property
    def options(self) -> MetricsOptions:
        """What is configured."""
        return self._recording.options.metrics

    @property
    def has_end(self) -> bool:
        """Whether anything is to be done at the end."""
        return self.options.textfile is not None or self.options.pushgateway is not None

    @property
    def url(self) -> str:
        """Where the page is served; empty if it is not."""
        return "" if self._server is None else self._server.url

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return the page, and its content type."""
        with self._gate:
            from pellucid.observability.metrics import render

            return render(self._totals.read(), self._live(), accept)

    def start(self) -> None:
        """Serve the page, if it is to be scraped, and nobody serves there: the totals of all runs are the same.

        Raises:
            OSError: the address cannot be bound.
        """
        if not self.options.scrape or self._server is not None:
            return
        from pellucid.observability.export.prometheus import ScrapeAddressError, ScrapeServer

        server = ScrapeServer(
            self.page,
            self.options.scrape_host,
            self.options.scrape_port,
            on_fault=lambda error: self._recording.guard.note("scrape", error),
        )
        try:
            self._server = server.start()
        except ScrapeAddressError as error:
            if not error.is_taken:
                raise
            if not self._has_told:
                self._has_told = True
                _logger.info(_TAKEN, error.host, error.port)

    def close(self, seconds: float) -> None:
        """Serve no more."""
        server, self._server = self._server, None
        if server is not None:
            server.close(seconds)

    def write_textfile(self) -> None:
        """Write the file for node-exporter, if there is to be one.

        Raises:
            OSError: it cannot be written.
        """
        if self.options.textfile is None:
            return
        from pellucid.observability.export.prometheus import write_textfile

        body, _ = self.page(_TEXT)
        write_textfile(self._recording.path(self.options.textfile), body)

    def push(self, ends_at: float) -> None:
        """Push to the Pushgateway, if there is one.

        Args:
            ends_at: of ``time.monotonic``.

        Raises:
            OSError: it does not take the page, or not in time.
        """
        if self.options.pushgateway is None:
            return
        from pellucid.observability.export.prometheus import push

        body, content_type = self.page(_TEXT)
        seconds = ends_at - time.monotonic()
        if seconds > 0:
            job = self.options.pushgateway_job or self._recording.package
            push(self.options.pushgateway, job, self.options.pushgateway_grouping, body, content_type, seconds)
