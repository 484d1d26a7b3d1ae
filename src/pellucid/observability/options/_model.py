"""The settings of observability, as they are in force."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pellucid._util.values import values

if TYPE_CHECKING:
    from collections.abc import Mapping


@values(frozen=True)
class OtlpOptions:
    """Where and how one signal is sent.

    Attributes:
        endpoint: the full URL (http) or target (grpc); None sends nothing.
        protocol: of the wire.
        headers: sent with each request; values are secrets.
        timeout_seconds: of one request.
        compression: of the body.
        certificate: a file with the authorities to trust.
        client_key: a file.
        client_certificate: a file.
        insecure: grpc without TLS.
    """

    endpoint: str | None = None
    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 10.0
    compression: Literal["none", "gzip"] = "none"
    certificate: Path | None = None
    client_key: Path | None = None
    client_certificate: Path | None = None
    insecure: bool = False


@values(frozen=True)
class TracingOptions:
    """Spans: whether there are any, which are delivered, how large they may be, and where they go.

    Attributes:
        enabled: take them at all.
        sampler: which traces are delivered, by OpenTelemetry's names; the local history has all.
        sampler_argument: the share of traces, for a sampler by ratio; empty is all.
        attribute_count_limit: the most attributes of a span.
        attribute_value_length_limit: the most characters of an attribute's text.
        otlp: where they are sent.
        propagators: the formats in which the context travels, by OpenTelemetry's names.
    """

    enabled: bool = True
    sampler: str = "parentbased_always_on"
    sampler_argument: str = ""
    attribute_count_limit: int = 128
    attribute_value_length_limit: int = 4096
    otlp: OtlpOptions = field(default_factory=OtlpOptions)
    propagators: tuple[str, ...] = ("tracecontext", "baggage")


@values(frozen=True)
class MetricsOptions:
    """Metrics: whether there are any, how many series, and the three ways to Prometheus.

    Attributes:
        enabled: count at all.
        series_limit: the most sets of labels of one metric.
        scrape: serve ``/metrics`` while a run lasts.
        scrape_host: the address to bind; loopback unless told otherwise.
        scrape_port: 0 takes any free one.
        textfile: the file to write at the end of a run, for node-exporter.
        pushgateway: the URL to push to at the end of a run.
        pushgateway_job: the job to push as; None is the package's name.
        pushgateway_grouping: further labels of the group that a push replaces.
    """

    enabled: bool = True
    series_limit: int = 2000
    scrape: bool = False
    scrape_host: str = "127.0.0.1"
    scrape_port: int = 9464
    textfile: Path | None = None
    pushgateway: str | None = None
    pushgateway_job: str | None = None
    pushgateway_grouping: Mapping[str, str] = field(default_factory=dict)


@values(frozen=True)
class LoggingOptions:
    """Log lines: where they go, and in which form.

    Attributes:
        enabled: log at all; without, the project's own logging is as it was.
        level: of the project's and the runtime's loggers.
        stderr: "auto" is "console" on a terminal and "json" elsewhere; "off" writes nothing there.
        file: the rotating file, or None for none.
        file_bytes: its largest size before it is rotated.
        file_count: how many older files are kept.
        otlp: where log records are sent.
    """

    enabled: bool = True
    level: str = "INFO"
    stderr: Literal["auto", "json", "console", "off"] = "auto"
    file: Path | None = Path(".pellucid/logs/pellucid.jsonl")
    file_bytes: int = 10 * 1024 * 1024
    file_count: int = 5
    otlp: OtlpOptions = field(default_factory=OtlpOptions)


@values(frozen=True)
class SpoolOptions:
    """What is kept until it is delivered.

    Attributes:
        path: the folder.
        segment_bytes: the largest size of one file; at most a quarter of all.
        total_bytes: of all; beyond it the oldest goes, counted.
        age_days: what is older goes, counted.
        roll_seconds: how long a file is written to before what is in it moves on.
    """

    path: Path = Path(".pellucid/spool")
    segment_bytes: int = 8 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    age_days: float = 7.0
    roll_seconds: float = 5.0


@values(frozen=True)
class HistoryOptions:
    """The local history of runs, and how much of it is kept."""

    enabled: bool = True
    path: Path = Path(".pellucid/history.db")
    keep_days: float = 90.0
    keep_runs: int = 5000


@values(frozen=True)
class RedactionOptions:
    """What is hidden, and how long what is shown may be.

    Attributes:
        keys: regular expressions, in addition to the built-in ones; a value whose key matches is hidden.
        value_length: the most characters of one value.
        items: the most items of one collection.
    """

    keys: tuple[str, ...] = ()
    value_length: int = 4096
    items: int = 100


@values(frozen=True)
class Options:
    """All settings; relative paths are relative to the project.

    Attributes:
        enabled: False records nothing (``OTEL_SDK_DISABLED``).
        exit_budget_seconds: how long the end of a process may be held up, for everything together.
        service_name: ``service.name``; None is the package's name.
        resource: further attributes of the resource.
        expected_interval_seconds: how often a pipeline is expected to run, by its name.
        diagnostics_level: of what telemetry says of itself, by the logger ``pellucid.telemetry``.
    """

    enabled: bool = True
    exit_budget_seconds: float = 1.0
    service_name: str | None = None
    resource: Mapping[str, str] = field(default_factory=dict)
    expected_interval_seconds: Mapping[str, float] = field(default_factory=dict)
    tracing: TracingOptions = field(default_factory=TracingOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    logging: LoggingOptions = field(default_factory=LoggingOptions)
    spool: SpoolOptions = field(default_factory=SpoolOptions)
    history: HistoryOptions = field(default_factory=HistoryOptions)
    redaction: RedactionOptions = field(default_factory=RedactionOptions)
    diagnostics_level: str = "INFO"
