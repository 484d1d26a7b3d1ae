"""The standard variables of the environment, over what files say.

Names, units and defaults are those of OpenTelemetry's specification, "Environment Variable Specification" and "OTLP
Exporter Configuration": an empty variable counts as unset, time-outs are in milliseconds, the general endpoint gets
``/v1/traces`` or ``/v1/logs`` over http, and one of a signal is used as it is. Deviations: without any endpoint nothing
is sent; the general endpoint alone sends spans and no logs. An endpoint in a file, which is one of a signal, gets the
path if it has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pellucid._util.suggest import did_you_mean
from pellucid.observability.guard import STRICT_VARIABLE
from pellucid.observability.options._keys import SAMPLERS
from pellucid.observability.options._kinds import PAIRS, MisfitError, is_http_url, pairs
from pellucid.observability.options._settings import DEFAULT, said_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pellucid.observability.options._settings import Settings

_LEAST_SEGMENTS = 4
_SERVICE_NAME = "service.name"
_OTLP = "OTEL_EXPORTER_OTLP_"
_SIGNALS = (("tracing", "TRACES", "v1/traces"), ("logging", "LOGS", "v1/logs"))
_DEFAULT_HTTP, _DEFAULT_GRPC = "http://localhost:4318", "http://localhost:4317"
_SECURITY = {"certificate": "CERTIFICATE", "client_key": "CLIENT_KEY", "client_certificate": "CLIENT_CERTIFICATE"}
_PLAIN = (
    ("diagnostics_level", ("OTEL_LOG_LEVEL",)),
    ("tracing.sampler", ("OTEL_TRACES_SAMPLER",)),
    ("tracing.sampler_argument", ("OTEL_TRACES_SAMPLER_ARG",)),
    ("tracing.attribute_count_limit", ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT")),
    (
        "tracing.attribute_value_length_limit",
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    ),
    ("tracing.propagators", ("OTEL_PROPAGATORS",)),
    ("metrics.scrape_host", ("OTEL_EXPORTER_PROMETHEUS_HOST",)),
    ("metrics.scrape_port", ("OTEL_EXPORTER_PROMETHEUS_PORT",)),
)
_LEVELS = {
    "trace": "DEBUG", "verbose": "DEBUG", "all": "DEBUG", "debug": "DEBUG", "info": "INFO", "warn": "WARNING",
    "error": "ERROR", "fatal": "CRITICAL", "none": "CRITICAL", "off": "CRITICAL",
}  # fmt: skip


def take_variables(settings: Settings, environ: Mapping[str, str]) -> None:
    """Put what the standard variables say over the settings; one that cannot be used is noted, and left out."""
    strict = environ.get(STRICT_VARIABLE, "")
    if strict not in ("", "0", "1"):
        settings.note("", STRICT_VARIABLE, f"should be 0 or 1, not {said_of(strict)}. It counts as 0.")
    given = {name: environ[name].strip() for name in environ if name.startswith("OTEL_") and environ[name].strip()}
    if not given:
        return
    _take_switch(settings, given)
    _take_resource(settings, given)
    for key, variables in _PLAIN:
        for variable in variables:
            text = given.get(variable)
            if key == "diagnostics_level" and text is not None:
                text = _LEVELS.get(text.lower(), text)
            # Where one for spans cannot be used, the general one is.
            if text is not None and settings.take_text(key, variable, text):
                break
    _take_metrics_exporter(settings, given)
    for section, signal, path in _SIGNALS:
        _take_otlp(settings, given, section, signal)
        _take_endpoint(settings, given, section, signal, path)


def _take_switch(settings: Settings, given: Mapping[str, str]) -> None:
    text = given.get("OTEL_SDK_DISABLED")
    if text is None:
        return
    if text.lower() not in ("true", "false"):
        hint = did_you_mean(text[:80], ("true", "false"))
        said = f"should be true or false, not {said_of(text)}.{hint} It counts as false."
        settings.note("enabled", "OTEL_SDK_DISABLED", said)
    elif text.lower() == "true":
        settings.set("enabled", False, "OTEL_SDK_DISABLED")


def _take_resource(settings: Settings, given: Mapping[str, str]) -> None:
    name = "OTEL_RESOURCE_ATTRIBUTES"
    if name in given:
        try:
            found = pairs(given[name])
        except MisfitError as error:
            settings.note("resource", name, f"should be {PAIRS}. {error} None of it counts.")
        else:
            service = found.pop(_SERVICE_NAME, "")
            if service:
                settings.set("service_name", service, name)
            if found:
                merged = {**settings.values["resource"], **found}
                settings.set("resource", merged, name)
    if "OTEL_SERVICE_NAME" in given:
        settings.set("service_name", given["OTEL_SERVICE_NAME"], "OTEL_SERVICE_NAME")


def _take_metrics_exporter(settings: Settings, given: Mapping[str, str]) -> None:
    name = "OTEL_METRICS_EXPORTER"
    for each in _exporters(settings, given, name, "metrics.scrape", ("prometheus", "none")):
        settings.set("metrics.scrape", each == "prometheus", name)


def _exporters(settings: Settings, given: Mapping[str, str], name: str, key: str, known: tuple[str, ...]) -> list[str]:
    """Return the exporters that a variable names, of those that are known."""
    words = [each.strip().lower() for each in given.get(name, "").split(",") if each.strip()]
    for each in words:
        if each not in known:
            hint = did_you_mean(each[:80], known)
            settings.note(
                key,
                name,
                f"The exporter '{each[:80]}' is not known; there are {', '.join(known)}.{hint} It is left out.",
            )
    return [each for each in words if each in known]


def _take_otlp(settings: Settings, given: Mapping[str, str], section: str, signal: str) -> None:
    plain = {"protocol": "PROTOCOL", "headers": "HEADERS", "compression": "COMPRESSION", "insecure": "INSECURE"}
    for name, suffix in {**plain, **_SECURITY}.items():
        for variable in (f"{_OTLP}{signal}_{suffix}", f"{_OTLP}{suffix}"):
            if variable in given and settings.take_text(f"{section}.otlp.{name}", variable, given[variable]):
                break
    for variable in (f"{_OTLP}{signal}_TIMEOUT", f"{_OTLP}TIMEOUT"):
        if variable in given and _take_timeout(settings, f"{section}.otlp.timeout_seconds", variable, given[variable]):
            break


def _take_timeout(settings: Settings, key: str, variable: str, text: str) -> bool:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 3_600_000):
        allowed = "a whole number of milliseconds from 1 to 3,600,000"
        stays = f"{settings.values[key]:g} s"
        settings.note(key, variable, f"should be {allowed}, not {said_of(text)}. It stays {stays}.")
        return False
    settings.set(key, int(text) / 1000, variable)
    return True


def _take_endpoint(settings: Settings, given: Mapping[str, str], section: str, signal: str, path: str) -> None:
    key, exporter = f"{section}.otlp.endpoint", f"OTEL_{signal}_EXPORTER"
    known = ("otlp", "none") if section == "tracing" else ("otlp", "console", "none")
    exporters = _exporters(settings, given, exporter, key, known)
    if "console" in exporters:
        settings.set("logging.stderr", "console", exporter)
    if exporters and "otlp" not in exporters:
        settings.set(key, None, exporter)
        return
    is_grpc = settings.values[f"{section}.otlp.protocol"] == "grpc"
    own, general = f"{_OTLP}{signal}_ENDPOINT", f"{_OTLP}ENDPOINT"
    if own in given and settings.take_text(key, own, given[own]):
        return
    # Logs repeat what is on stderr and in the file: they are sent only if somebody asks for that.
    is_asked_for = section == "tracing" or "otlp" in exporters or settings.values[key] is not None
    if general in given and is_asked_for:
        text = given[general]
        # What is no URL is told as it was given.
        is_whole = is_grpc or not is_http_url(text)
        if settings.take_text(key, general, text if is_whole else f"{text.rstrip('/')}/{path}"):
            return
    if "otlp" in exporters and settings.values[key] is None:
        settings.set(key, _DEFAULT_GRPC if is_grpc else f"{_DEFAULT_HTTP}/{path}", exporter)


def check_together(settings: Settings) -> None:
    """Note, and put right, what does not go together."""
    for section, _, path in _SIGNALS:
        key, protocol = f"{section}.otlp.endpoint", settings.values[f"{section}.otlp.protocol"]
        value, source = settings.values[key], settings.origins[key]
        if value is None or protocol != "http/protobuf":
            continue
        if not is_http_url(value):
            settings.set(key, None, source)
            settings.note_misfit(key, value, source, "Over http it is a URL.")
        elif not source.startswith("OTEL_"):
            settings.set(key, _with_path(value, path), source)
    for section, _, _ in _SIGNALS:
        certificate, key = (settings.values[f"{section}.otlp.client_{each}"] for each in ("certificate", "key"))
        if (certificate is None) != (key is None):
            name = f"{section}.otlp.client_{'key' if key is None else 'certificate'}"
            other = f"{section}.otlp.client_{'certificate' if key is None else 'key'}"
            settings.note(name, settings.origins[other], f"'{other}' is given without '{name}'.")
    if settings.values["tracing.sampler"] not in SAMPLERS[2::3] and settings.values["tracing.sampler_argument"]:
        source = settings.origins["tracing.sampler_argument"]
        sampler = settings.values["tracing.sampler"]
        settings.note("tracing.sampler_argument", source, f"The sampler '{sampler}' takes no argument; it is left out.")
        settings.set("tracing.sampler_argument", "", source)
    _check_spool(settings)


def _with_path(endpoint: str, path: str) -> str:
    """Return the endpoint of a file as a full URL: one without a path is that of the backend, for all signals."""
    parts = urlsplit(endpoint)
    return endpoint if parts.path.strip("/") else parts._replace(path=f"/{path}").geturl()


def _check_spool(settings: Settings) -> None:
    """Let several files fit into the spool: what one alone would fill is dropped as soon as it is there."""
    key, most = "spool.segment_bytes", settings.values["spool.total_bytes"] // _LEAST_SEGMENTS
    if settings.values[key] <= most:
        return
    source = settings.origins[key]
    if source != DEFAULT:
        settings.note(key, source, f"'{key}' is more than a quarter of 'spool.total_bytes'. It becomes {most}.")
    settings.set(key, most, settings.origins["spool.total_bytes"] if source == DEFAULT else source)
