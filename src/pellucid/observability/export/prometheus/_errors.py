"""What goes wrong on the way to Prometheus; the texts show no credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.exceptions import PellucidError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PrometheusError", "PushError", "ScrapeAddressError", "TextfileError"]


class PrometheusError(PellucidError):
    """A page of metrics that did not get out."""


class ScrapeAddressError(PrometheusError, OSError):
    """An address at which ``/metrics`` cannot be served.

    Attributes:
        is_taken: somebody else serves there, perhaps another run.
    """

    def __init__(self, host: str, port: int, reason: str, *, is_taken: bool = False) -> None:
        super().__init__(
            f"Metrics cannot be served at {host} port {port}: {reason}. "
            "Set another 'metrics.scrape_port' in observability.yml (0 takes any free one) or another "
            "'metrics.scrape_host'."
        )
        self.host, self.port, self.reason, self.is_taken = host, port, reason, is_taken


class TextfileError(PrometheusError, OSError):
    """A file for node-exporter that cannot be written; the one that was there is left as it was."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"Metrics cannot be written to '{path}': {reason}.")
        self.path, self.reason = path, reason


class PushError(PrometheusError, OSError):
    """A push that a Pushgateway did not take.

    Attributes:
        target: the URL without user and password.
        status: of HTTP; None where there was no answer.
    """

    def __init__(self, target: str, reason: str, status: int | None = None) -> None:
        super().__init__(f"Metrics were not pushed to {target}: {reason}")
        self.target, self.reason, self.status = target, reason, status
