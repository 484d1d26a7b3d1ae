"""The table of all settings: what each may be, which variable goes over it, and what it means."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from pellucid._util.rows import Row
from pellucid.observability.options import _kinds as kinds
from pellucid.observability.options._model import Options

SAMPLERS = (
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
)
PROPAGATORS = ("tracecontext", "baggage", "b3", "b3multi", "jaeger", "xray", "ottrace", "none")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_DAY = 86_400.0
_LARGE = 2**40
_OTLP = "OTEL_EXPORTER_OTLP_"


class Key(Row):
    """One setting.

    Attributes:
        name: with dots, as the file nests it.
        kind: what it may be.
        text: what it means.
        variables: those that go over it, the first one first.
        is_secret: whether its value is not to be shown.
    """

    name: str
    kind: kinds.Kind
    text: str
    variables: tuple[str, ...] = ()
    is_secret: bool = False


class OptionRow(Row):
    """One line of the table of all settings.

    Attributes:
        key: with dots, as the file nests it.
        values: what is allowed.
        default: as YAML has it.
        variables: those that go over it, the first one first.
        meaning: in one sentence.
    """

    key: str
    values: str
    default: str
    variables: tuple[str, ...]
    meaning: str


def _otlp_keys(section: str, signal: str, what: str) -> tuple[Key, ...]:
    def over(name: str) -> tuple[str, ...]:
        return f"{_OTLP}{signal}_{name}", f"{_OTLP}{name}"

    name = f"{section}.otlp"
    return (
        Key(f"{name}.endpoint", kinds.endpoint(), f"Where {what} are sent: a URL, used as it is if it has a path, else "
            f"/v1/{signal.lower()} is added; or the target of grpc. Null sends nothing.",
            (*over("ENDPOINT"), f"OTEL_{signal}_EXPORTER")),
        Key(f"{name}.protocol", kinds.choice("http/protobuf", "grpc"), "Of the wire.", over("PROTOCOL")),
        Key(f"{name}.headers", kinds.headers(), "Sent with each request.", over("HEADERS"), is_secret=True),
        Key(f"{name}.timeout_seconds", kinds.number(0.001, 3600), "Of one request; the variables are in milliseconds, "
            "as OpenTelemetry specifies.", over("TIMEOUT")),
        Key(f"{name}.compression", kinds.choice("none", "gzip"), "Of the body.", over("COMPRESSION")),
        Key(f"{name}.certificate", kinds.path(), "A file with the authorities to trust.", over("CERTIFICATE")),
        Key(f"{name}.client_key", kinds.path(), "A file.", over("CLIENT_KEY")),
        Key(f"{name}.client_certificate", kinds.path(), "A file.", over("CLIENT_CERTIFICATE")),
        Key(f"{name}.insecure", kinds.flag(), "Use grpc without TLS where the endpoint does not say.",
            over("INSECURE")),
    )  # fmt: skip


KEYS: tuple[Key, ...] = (
    Key("enabled", kinds.flag(), "Record at all.", ("OTEL_SDK_DISABLED",)),
    Key("exit_budget_seconds", kinds.number(0, 60), "How long the end of a process may be held up, in all."),
    Key("service_name", kinds.text(), "The resource's service.name; null is the package's name.",
        ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES")),
    Key("resource", kinds.texts_by_name(), "Further attributes of the resource; the variable's are added.",
        ("OTEL_RESOURCE_ATTRIBUTES",)),
    Key("expected_interval_seconds", kinds.numbers_by_name(0), "How often a pipeline is expected to run, by its name."),
    Key("diagnostics_level", kinds.choice(*_LEVELS, folds=True), "Of what telemetry says of itself.",
        ("OTEL_LOG_LEVEL",)),
    Key("tracing.enabled", kinds.flag(), "Take spans."),
    Key("tracing.sampler", kinds.choice(*SAMPLERS), "Which traces are delivered; the local history has all.",
        ("OTEL_TRACES_SAMPLER",)),
    Key("tracing.sampler_argument", kinds.share(), "The share of traces, for a sampler by ratio; empty is all.",
        ("OTEL_TRACES_SAMPLER_ARG",)),
    Key("tracing.attribute_count_limit", kinds.whole(0, 10_000), "The most attributes of a span.",
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")),
    Key("tracing.attribute_value_length_limit", kinds.whole(0, 1_000_000), "The most characters of an attribute.",
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")),
    Key("tracing.propagators", kinds.words(*PROPAGATORS), "The formats in which the context travels.",
        ("OTEL_PROPAGATORS",)),
    *_otlp_keys("tracing", "TRACES", "spans"),
    Key("metrics.enabled", kinds.flag(), "Count."),
    Key("metrics.series_limit", kinds.whole(1, 1_000_000), "The most sets of labels of one metric."),
    Key("metrics.scrape", kinds.flag(), "Serve /metrics while a run lasts.", ("OTEL_METRICS_EXPORTER",)),
    Key("metrics.scrape_host", kinds.text(), "The address to bind.", ("OTEL_EXPORTER_PROMETHEUS_HOST",)),
    Key("metrics.scrape_port", kinds.whole(0, 65_535), "The port; 0 takes any free one.",
        ("OTEL_EXPORTER_PROMETHEUS_PORT",)),
    Key("metrics.textfile", kinds.prom_file(), "The file to write at the end of a run, for node-exporter."),
    Key("metrics.pushgateway", kinds.url(), "Where to push at the end of a run."),
    Key("metrics.pushgateway_job", kinds.text(), "The job to push as; null is the package's name."),
    Key(
        "metrics.pushgateway_grouping",
        kinds.texts_by_name(),
        "Further labels of the group that a push replaces, such as instance, where several machines push one job.",
    ),
    Key("logging.enabled", kinds.flag(), "Log; without, the project's own logging is as it was."),
    Key("logging.level", kinds.choice(*_LEVELS, folds=True), "Of the project's and the runtime's loggers."),
    Key("logging.stderr", kinds.choice("auto", "json", "console", "off"), "The form on stderr; auto is console on a "
        "terminal, and json elsewhere."),
    Key("logging.file", kinds.path(), "The rotating file; null for none."),
    Key("logging.file_bytes", kinds.whole(4096, _LARGE), "Its largest size."),
    Key("logging.file_count", kinds.whole(0, 1000), "How many older files are kept."),
    *_otlp_keys("logging", "LOGS", "log records"),
    Key("spool.path", kinds.required_path(), "The folder of what is kept until it is delivered."),
    Key("spool.segment_bytes", kinds.whole(4096, _LARGE), "The largest size of one file; at most a quarter of all."),
    Key("spool.total_bytes", kinds.whole(65_536, _LARGE), "Of all; beyond it the oldest goes."),
    Key("spool.age_days", kinds.number(0.001, 36_500), "What is older goes."),
    Key("spool.roll_seconds", kinds.number(0.1, _DAY), "How long a file is written to before it moves on."),
    Key("history.enabled", kinds.flag(), "Keep the local history of runs."),
    Key("history.path", kinds.required_path(), "Its file."),
    Key("history.keep_days", kinds.number(0.001, 36_500), "How long a run is kept."),
    Key("history.keep_runs", kinds.whole(1, 10_000_000), "How many runs are kept."),
    Key("redaction.keys", kinds.patterns(), "A value whose key one of them is found in is hidden, too."),
    Key("redaction.value_length", kinds.whole(32, 1_000_000), "The most characters of one value."),
    Key("redaction.items", kinds.whole(1, 100_000), "The most items of one collection."),
)  # fmt: skip
"""In the order of the documentation; a test holds that it is complete."""


def key_named(name: str) -> Key | None:
    """Return the setting of a name, or None."""
    return next((each for each in KEYS if each.name == name), None)


def defaults() -> dict[str, Any]:
    """Return the default of each setting by its name."""
    return flat(Options())


def flat(options: Any, prefix: str = "") -> dict[str, Any]:
    """Return the settings of a group and of those in it by their names with dots."""
    found: dict[str, Any] = {}
    for each in fields(options):
        value = getattr(options, each.name)
        name = f"{prefix}{each.name}"
        found.update(flat(value, f"{name}.") if is_dataclass(value) else {name: value})
    return found


def options_table() -> list[OptionRow]:
    """Return all settings with what the documentation says of them; what is checked comes from the same source."""
    values = defaults()
    return [
        OptionRow(
            each.name,
            each.kind.allowed(),
            shown(values[each.name]),
            each.variables,
            each.text,
        )
        for each in KEYS
    ]


def shown(value: Any) -> str:
    """Return a value of a setting as YAML would have it."""
    import json
    from collections.abc import Mapping
    from pathlib import Path

    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return value or '""'
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)
