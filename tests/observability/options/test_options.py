"""Settings come from files and from the standard variables, and what cannot be used never stops a run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pellucid.observability.options import LoadedOptions, Options, effective, load_options, options_table, resource_of
from pellucid.observability.options._keys import KEYS, defaults


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for env in ("base", "local", "prod"):
        (tmp_path / "conf" / env).mkdir(parents=True)
    return tmp_path


def load(project: Path, environ: dict[str, str] | None = None, env: str | None = None, **more: Any) -> LoadedOptions:
    return load_options(project, "conf", env, "demo", environ or {}, **more)


def write(project: Path, text: str, env: str = "base", name: str = "observability.yml") -> None:
    (project / "conf" / env / name).write_text(text, encoding="utf-8")


def said(loaded: LoadedOptions) -> str:
    return "\n".join(map(str, loaded.problems))


def test_without_configuration_all_is_default_and_nothing_is_sent(project: Path) -> None:
    loaded = load(project)
    assert asdict(loaded.options) == {**asdict(Options()), "service_name": "demo"}
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.problems == ()
    assert loaded.options.tracing.otlp.endpoint is loaded.options.logging.otlp.endpoint is None


def test_without_a_file_nothing_heavy_is_imported(project: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pellucid.observability.options import load_options;"
        f"load_options(Path({str(project)!r}), 'conf', None, 'demo', {{}});"
        "print([m for m in ('omegaconf', 'yaml', 'fsspec', 'click', 'ssl') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_table_has_every_setting_once_and_is_what_is_checked() -> None:
    assert [row.key for row in options_table()] == [key.name for key in KEYS]
    assert sorted(defaults()) == sorted(row.key for row in options_table())
    rows = {row.key: row for row in options_table()}
    assert rows["tracing.otlp.timeout_seconds"].default == "10.0"
    assert rows["logging.file"].values == "a path, or null"
    assert all(row.meaning.endswith(".") and row.values for row in rows.values())


def test_every_default_fits() -> None:
    values = defaults()
    for key in KEYS:
        if values[key.name] is not None:
            assert key.kind.check(values[key.name]) == values[key.name]


def test_environments_are_merged_as_all_configuration_is(project: Path) -> None:
    write(project, "metrics: {scrape: true, scrape_port: 1}\ntracing: {attribute_count_limit: 7}")
    write(project, "metrics: {scrape_port: 2}", "prod")
    loaded = load(project, env="prod")
    assert (loaded.options.metrics.scrape, loaded.options.metrics.scrape_port) == (False, 2)
    assert loaded.options.tracing.attribute_count_limit == 7
    assert loaded.origins["metrics.scrape_port"] == "conf/prod/observability.yml"
    assert loaded.origins["metrics.scrape"] == "default"
    soft = load(project, env="prod", loader_args={"merge_strategy": {"observability": "soft"}})
    assert (soft.options.metrics.scrape, soft.options.metrics.scrape_port) == (True, 2)
    assert soft.origins["metrics.scrape"] == "conf/base/observability.yml"
    assert load(project).options.metrics.scrape_port == 1
    assert load(project, base_env="prod").options.metrics.scrape_port == 2


def test_files_may_have_any_name_and_interpolations(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_KEY", "s3cr3t")
    write(
        project,
        "_host: collector\nlogging:\n  file:\n  stderr: off\n  otlp: {endpoint: 'http://${_host}:4318/x', "
        "headers: {api-key: '${oc.env:DEMO_KEY}'}}",
        name="observability_logs.yaml",
    )
    loaded = load(project)
    assert loaded.problems == ()
    assert loaded.options.logging.file is None
    assert loaded.options.logging.stderr == "off"
    assert loaded.options.logging.otlp.endpoint == "http://collector:4318/x"
    assert loaded.options.logging.otlp.headers == {"api-key": "s3cr3t"}
    assert "s3cr3t" not in repr(loaded) + repr(effective(loaded))


def test_an_archive_may_hold_the_configuration(project: Path) -> None:
    with zipfile.ZipFile(project / "conf.zip", "w") as archive:
        archive.writestr("base/observability.yml", "history: {keep_runs: 3}")
        archive.writestr("local/x.yml", "")
    assert load_options(project, "conf.zip", None, "demo", {}).options.history.keep_runs == 3


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("tracing: {sampler: alwayson}", "tracing.sampler", "Did you mean 'always_on'"),
        ("tracing: {samplr: x}", "tracing.samplr", "Did you mean 'tracing.sampler'"),
        ("zzz: 1", "zzz", "There is no setting 'zzz'"),
        ("metrics: {scrape_port: 99999}", "metrics.scrape_port", "a whole number from 0 to 65,535, not 99999"),
        ("metrics: {scrape_port: true}", "metrics.scrape_port", "not True"),
        ("metrics: {scrape: 'maybe'}", "metrics.scrape", "true or false, not 'maybe'"),
        ("metrics: {textfile: data/metrics.txt}", "metrics.textfile", "a path that ends in .prom, or null, not 'data/"),
        ("metrics: {textfile: .prom}", "metrics.textfile", "node-exporter reads no other file"),
        ("metrics: 5", "metrics", "a group of settings, not 5"),
        ("metrics: {pushgateway: 'http://me:pass1@h:x'}", "metrics.pushgateway", "http://<redacted>@h:x"),
        ("spool: {age_days: [1]}", "spool.age_days", "not a list"),
        ("spool: {path: 5}", "spool.path", "a path, not 5"),
        ("service_name: ' '", "service_name", "a text, or null"),
        ("logging: {level: 5}", "logging.level", "not 5"),
        ("resource: [1]", "resource", "names with texts"),
        ("expected_interval_seconds: {a: x}", "expected_interval_seconds", "names with numbers"),
        ("expected_interval_seconds: [1]", "expected_interval_seconds", "names with numbers"),
        ("redaction: {keys: ['(']}", "redaction.keys", "'(' is none"),
        ("redaction: {keys: x}", "redaction.keys", "a list of regular expressions"),
        ("tracing: {propagators: [b4]}", "tracing.propagators", "Did you mean 'b3'"),
        ("tracing: {propagators: b3}", "tracing.propagators", "a list of"),
        ("tracing: {sampler_argument: 2}", "tracing.sampler_argument", "from 0 to 1"),
        ("tracing: {sampler_argument: x}", "tracing.sampler_argument", "from 0 to 1"),
        ("tracing: {otlp: {headers: {'a b': x}}}", "tracing.otlp.headers", "none that HTTP allows"),
        ("tracing: {otlp: {headers: {a: [s3cr3t]}}}", "tracing.otlp.headers", "'a' is no text"),
        ('tracing: {otlp: {headers: {a: "s3cr3t\\n"}}}', "tracing.otlp.headers", "line end"),
        ("tracing: {otlp: {headers: s3cr3t}}", "tracing.otlp.headers", "names with texts"),
        ("tracing: {otlp: {endpoint: 'collector:4318'}}", "tracing.otlp.endpoint", "Over http it is a URL"),
        ("tracing: {otlp: {endpoint: 'a b'}}", "tracing.otlp.endpoint", "It stays null"),
        ("tracing: {otlp: {client_key: k}}", "tracing.otlp.client_certificate", "without"),
        ("tracing: {otlp: {client_certificate: k}}", "tracing.otlp.client_key", "without"),
        ("tracing: {sampler_argument: 0.5}", "tracing.sampler_argument", "takes no argument"),
        ("a: [", "", "it cannot be used"),
        ("a: ${nothing}", "", "it cannot be used"),
    ],
)
def test_what_cannot_be_used_is_told_with_key_file_and_what_is_allowed(
    project: Path, text: str, key: str, expected: str
) -> None:
    write(project, text)
    loaded = load(project)
    (problem,) = loaded.problems
    assert problem.key == key
    assert expected in problem.text
    assert "s3cr3t" not in str(problem)
    assert str(problem).startswith("conf/base/observability.yml: ")
    values = asdict(loaded.options)
    for section, default in asdict(Options()).items():
        if section not in ("tracing", "service_name"):
            assert values[section] == default


def test_null_is_none_or_the_default(project: Path) -> None:
    write(project, "tracing:\nlogging: {file: null, level: null}\nmetrics: {textfile: ~/x.prom}")
    loaded = load(project)
    assert loaded.problems == ()
    assert (loaded.options.logging.file, loaded.options.logging.level) == (None, "INFO")
    assert loaded.options.metrics.textfile == Path("~/x.prom").expanduser()


def test_a_loader_that_cannot_be_made_is_a_problem(project: Path) -> None:
    loaded = load(project, loader_args={"custom_resolvers": {"x": 5}})
    assert "it cannot be used" in said(loaded)
    assert load_options(project, "nowhere", None, "demo", {}).problems == ()

    def broken(*_: Any) -> Any:
        raise OSError("disk")

    write(project, "enabled: ${broken:1}")
    assert "it cannot be used" in said(load(project, loader_args={"custom_resolvers": {"broken": broken}}))


OTLP = "OTEL_EXPORTER_OTLP_"


def test_variables_go_over_files_and_those_of_a_signal_over_general_ones(project: Path) -> None:
    write(project, "tracing: {otlp: {endpoint: 'http://file/x', compression: none}}\nresource: {a: 1, b: 2}")
    loaded = load(
        project,
        {
            "OTEL_SERVICE_NAME": "service",
            "OTEL_RESOURCE_ATTRIBUTES": "b=3%2C4,service.name=other, c=5,",
            f"{OTLP}ENDPOINT": "https://general:4318/",
            f"{OTLP}TRACES_ENDPOINT": "https://own:4318/here",
            f"{OTLP}HEADERS": "a=b%20c,d=e",
            f"{OTLP}TRACES_HEADERS": "x=y",
            f"{OTLP}TIMEOUT": "2500",
            f"{OTLP}COMPRESSION": "gzip",
            f"{OTLP}CERTIFICATE": "/ca.pem",
            f"{OTLP}INSECURE": "TRUE",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_ATTRIBUTE_COUNT_LIMIT": "10",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "20",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "30",
            "OTEL_LOG_LEVEL": "warn",
            "OTEL_EXPORTER_PROMETHEUS_HOST": "0.0.0.0",  # noqa: S104 - what the variable says
            "OTEL_EXPORTER_PROMETHEUS_PORT": "0",
            "OTEL_METRICS_EXPORTER": "prometheus",
            "OTEL_PROPAGATORS": "b3, tracecontext,b3",
        },
    )
    options = loaded.options
    assert loaded.problems == ()
    assert (options.service_name, options.resource) == ("service", {"a": "1", "b": "3,4", "c": "5"})
    assert options.tracing.otlp.endpoint == "https://own:4318/here"
    assert options.tracing.otlp.headers == {"x": "y"}
    assert options.logging.otlp.headers == {"a": "b c", "d": "e"}
    assert options.tracing.otlp.timeout_seconds == 2.5
    assert (options.tracing.otlp.compression, options.tracing.otlp.insecure) == ("gzip", True)
    assert options.tracing.otlp.certificate == Path("/ca.pem")
    assert (options.tracing.sampler, options.tracing.sampler_argument) == ("traceidratio", "0.25")
    assert (options.tracing.attribute_count_limit, options.tracing.attribute_value_length_limit) == (20, 30)
    assert options.tracing.propagators == ("b3", "tracecontext")
    assert (options.diagnostics_level, options.metrics.scrape, options.metrics.scrape_port) == ("WARNING", True, 0)
    assert options.logging.otlp.endpoint is None
    assert loaded.origins["tracing.otlp.headers"] == f"{OTLP}TRACES_HEADERS"


@pytest.mark.parametrize(
    ("environ", "file", "traces", "logs"),
    [
        ({f"{OTLP}ENDPOINT": "http://h:1/base/"}, "", "http://h:1/base/v1/traces", None),
        ({f"{OTLP}ENDPOINT": ""}, "", None, None),
        ({f"{OTLP}LOGS_ENDPOINT": "http://h/l"}, "", None, "http://h/l"),
        ({f"{OTLP}ENDPOINT": "http://h", "OTEL_LOGS_EXPORTER": "otlp"}, "", "http://h/v1/traces", "http://h/v1/logs"),
        ({f"{OTLP}ENDPOINT": "http://h", "OTEL_TRACES_EXPORTER": "none"}, "", None, None),
        ({f"{OTLP}ENDPOINT": "http://h"}, "logging: {otlp: {endpoint: 'http://f/'}}", "http://h/v1/traces",
         "http://h/v1/logs"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "", "http://localhost:4318/v1/traces", None),
        ({"OTEL_LOGS_EXPORTER": "otlp", f"{OTLP}PROTOCOL": "grpc"}, "", None, "http://localhost:4317"),
        ({f"{OTLP}ENDPOINT": "h:4317", f"{OTLP}PROTOCOL": "grpc"}, "", "h:4317", None),
        ({f"{OTLP}ENDPOINT": "http://h", "OTEL_LOGS_EXPORTER": "console"}, "", "http://h/v1/traces", None),
    ],
)  # fmt: skip
def test_where_signals_go(
    project: Path, environ: dict[str, str], file: str, traces: str | None, logs: str | None
) -> None:
    write(project, file)
    loaded = load(project, environ)
    assert loaded.problems == ()
    assert (loaded.options.tracing.otlp.endpoint, loaded.options.logging.otlp.endpoint) == (traces, logs)


NUMBERS = "a whole number from 0 to "
PAIRS = "name=value, with commas between"
WRONG: dict[str, tuple[str, tuple[str, ...]]] = {
    "OTEL_SDK_DISABLED": ("ture", ("true or false, not 'ture'", "Did you mean 'true'?", "It counts as false.")),
    "OTEL_RESOURCE_ATTRIBUTES": ("a=b%zz", (PAIRS, "'a' has a %", "None of it counts.")),
    "OTEL_LOG_LEVEL": ("infor", ("DEBUG, INFO, WARNING, ERROR, CRITICAL, not 'infor'", "Did you mean 'INFO'?")),
    "OTEL_TRACES_SAMPLER": ("alwayson", ("always_on, always_off, traceidratio", "Did you mean 'always_on'")),
    "OTEL_TRACES_SAMPLER_ARG": ("2", ("a number from 0 to 1, not '2'",)),
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": ("-1", (f"{NUMBERS}10,000, not '-1'", "It stays 128.")),
    "OTEL_ATTRIBUTE_COUNT_LIMIT": ("many", (f"{NUMBERS}10,000, not 'many'", "It stays 128.")),
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("1.5", (f"{NUMBERS}1,000,000, not '1.5'",)),
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": ("x", (f"{NUMBERS}1,000,000, not 'x'",)),
    "OTEL_PROPAGATORS": ("b4", ("tracecontext, baggage, b3", "with commas between", "Did you mean 'b3'?")),
    "OTEL_TRACES_EXPORTER": ("console", ("'console' is not known", "there are otlp, none.")),
    "OTEL_LOGS_EXPORTER": ("oltp", ("'oltp' is not known", "otlp, console, none", "Did you mean 'otlp'?")),
    "OTEL_METRICS_EXPORTER": ("prometeus", ("prometheus, none", "Did you mean 'prometheus'?")),
    "OTEL_EXPORTER_PROMETHEUS_PORT": ("0x10", (f"{NUMBERS}65,535, not '0x10'", "It stays 9464.")),
    f"{OTLP}ENDPOINT": ("collector:4318", ("http://… or https://…", "not 'collector:4318'", "It stays null.")),
    f"{OTLP}PROTOCOL": ("http/json", ("http/protobuf, grpc, not 'http/json'", "Did you mean 'http/protobuf'?")),
    f"{OTLP}HEADERS": ("s3cr3t", (PAIRS, "Part 1 is not name=value.")),
    f"{OTLP}TIMEOUT": ("1.5", ("milliseconds from 1 to 3,600,000, not '1.5'", "It stays 10 s.")),
    f"{OTLP}COMPRESSION": ("gz", ("none, gzip, not 'gz'", "Did you mean 'gzip'?")),
    f"{OTLP}INSECURE": ("1", ("true or false, not '1'", "It stays false.")),
}
"""Variables with what they cannot be, and what is said of it."""
ANYTHING_FITS = (
    *("OTEL_SERVICE_NAME", "OTEL_EXPORTER_PROMETHEUS_HOST"),
    *(f"{OTLP}CERTIFICATE", f"{OTLP}CLIENT_KEY", f"{OTLP}CLIENT_CERTIFICATE"),
)


def general(variable: str) -> str:
    return variable.replace(f"{OTLP}TRACES_", OTLP).replace(f"{OTLP}LOGS_", OTLP)


@pytest.mark.parametrize("name", sorted({each for row in options_table() for each in row.variables}))
def test_a_variable_that_cannot_be_used_is_told_and_left_out(project: Path, name: str) -> None:
    """Once, with the variable, what it is, what it may be, and the nearest of that; and the run goes on."""
    if general(name) in ANYTHING_FITS:
        return
    value, expected = WRONG[general(name)]
    loaded = load(project, {name: value})
    (problem,) = loaded.problems
    assert str(problem).startswith(f"{name}: ")
    assert [each for each in expected if each not in problem.text] == [], problem.text
    assert "or null" not in problem.text
    assert "s3cr3t" not in problem.text
    assert asdict(loaded.options) == {**asdict(Options()), "service_name": "demo"}


def test_the_switch_for_tests_is_checked_too(project: Path) -> None:
    assert [load(project, {"PELLUCID_TELEMETRY_STRICT": each}).problems for each in ("", "0", "1")] == [()] * 3
    (problem,) = load(project, {"PELLUCID_TELEMETRY_STRICT": "yes"}).problems
    assert str(problem) == "PELLUCID_TELEMETRY_STRICT: should be 0 or 1, not 'yes'. It counts as 0."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_RESOURCE_ATTRIBUTES", "a"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%ff"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_LOG_LEVEL", "loud"),
        (f"{OTLP}ENDPOINT", "http://me:s3cr3t@:x"),
        (f"{OTLP}TRACES_ENDPOINT", "http://h:x"),
    ],
)
def test_what_else_a_variable_cannot_be(project: Path, name: str, value: str) -> None:
    loaded = load(project, {name: value})
    (problem,) = loaded.problems
    assert problem.source == name
    assert "s3cr3t" not in str(problem)
    assert asdict(loaded.options) == {**asdict(Options()), "service_name": "demo"}


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://h:4318", "http://h:4318/v1/{}"),
        ("https://me:pass1@h/?x=y", "https://me:pass1@h/v1/{}?x=y"),
        ("http://[::1]:4318/", "http://[::1]:4318/v1/{}"),
        ("http://h/base", "http://h/base"),
        ("http://h/v1/traces", "http://h/v1/traces"),
    ],
)
def test_an_endpoint_in_a_file_gets_the_path_of_its_signal_if_it_has_none(
    project: Path, endpoint: str, expected: str
) -> None:
    write(project, f"tracing: {{otlp: {{endpoint: '{endpoint}'}}}}\nlogging: {{otlp: {{endpoint: '{endpoint}'}}}}")
    loaded = load(project)
    assert loaded.problems == ()
    assert loaded.options.tracing.otlp.endpoint == expected.format("traces")
    assert loaded.options.logging.otlp.endpoint == expected.format("logs")
    grpc = load(project, {f"{OTLP}PROTOCOL": "grpc"}).options
    assert grpc.tracing.otlp.endpoint == grpc.logging.otlp.endpoint == endpoint
    # As OpenTelemetry has it: that of one signal is used as it is.
    own = load(project, {f"{OTLP}TRACES_ENDPOINT": endpoint}).options
    assert own.tracing.otlp.endpoint == endpoint


def test_the_sdk_can_be_disabled(project: Path) -> None:
    assert not load(project, {"OTEL_SDK_DISABLED": "True"}).options.enabled
    assert load(project, {"OTEL_SDK_DISABLED": "false"}).options.enabled


def test_the_resource_says_which_service_runs(project: Path) -> None:
    found = resource_of(load(project, {"OTEL_RESOURCE_ATTRIBUTES": "host.name=h"}).options, "demo", "id-1")
    assert (found["service.name"], found["service.instance.id"], found["host.name"]) == ("demo", "id-1", "h")
    assert "service.version" not in found
    assert resource_of(Options(), "p", "i", project_version="1.2")["service.version"] == "1.2"
    assert resource_of(Options(), "pellucid", "i")["telemetry.sdk.name"] == "pellucid"


def test_several_files_fit_into_the_spool(project: Path) -> None:
    write(project, "spool: {total_bytes: 1048576}")
    loaded = load(project)
    assert (loaded.options.spool.segment_bytes, loaded.problems) == (262_144, ())
    (row,) = (each for each in effective(loaded) if each.key == "spool.segment_bytes")
    assert row.value == "262144"
    assert row.origin.endswith("observability.yml")
    write(project, "spool: {total_bytes: 1048576, segment_bytes: 262144}")
    assert load(project).problems == ()
    write(project, "spool: {total_bytes: 1048576, segment_bytes: 262145}")
    loaded = load(project)
    assert loaded.options.spool.segment_bytes == 262_144
    assert "more than a quarter of 'spool.total_bytes'" in said(loaded)
