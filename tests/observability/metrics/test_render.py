"""The page: both formats, what is left out, and that others can read it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from tests.support.external import binary
from tests.support.metrics import NOW_NS, node_span, payloads_of, segment_of, span_of, totals_of

from pellucid._version import __version__
from pellucid.observability.metrics import Deltas, LiveState, Totals, TotalsStore, registry, render
from pellucid.observability.metrics._series import Distribution, Exemplar, Key, Sum
from pellucid.observability.semconv import METRICS

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
LIVE = LiveState({"daily": 2}, 41, 12_345, {"daily": 3600.0, "weekly": 604_800.0})
HERE = Path()

# They are not annotated.
parse_text: Any = text_parser.text_string_to_metric_families
parse_openmetrics: Any = openmetrics_parser.text_string_to_metric_families

SNAPSHOTS = Path(__file__).parent / "snapshots"


@pytest.fixture(scope="module")
def totals() -> Totals:
    spans = [
        span_of("session.create", seconds=0.01),
        span_of("context.load", seconds=0.02, result="failure"),
        span_of("catalog.create", seconds=0.03),
        node_span(),
        node_span(node='say "hi"\\', result="failure", datasets=[], at=4, number=30),
        span_of("run", seconds=100, result="failure"),
        span_of("run", pipeline="weekly", seconds=3, number=2),
    ]
    store = TotalsStore(None)
    store.take(segment_of("one", [*payloads_of(HERE, *spans), b"no event"]))
    deltas = Deltas()
    deltas.count("telemetry_spans_total", 9, state="produced")
    deltas.count("telemetry_series_refused_total", 3, metric="pellucid_dataset_rows")
    store.add(deltas)
    made = store.read()
    store.close()
    return made


def text_of(totals: Totals, live: LiveState | None = LIVE, accept: str = "") -> str:
    return render(totals, live, accept)[0].decode()


def stable(page: str) -> str:
    """Return a page without what differs between versions."""
    lines = page.splitlines(keepends=True)
    return "".join(each for each in lines if not each.startswith("pellucid_build_info"))


@pytest.mark.parametrize(("name", "accept"), [("page.txt", ""), ("page.openmetrics", PROMETHEUS)])
def test_a_whole_page(totals: Totals, name: str, accept: str) -> None:
    assert stable(text_of(totals, accept=accept)) == (SNAPSHOTS / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("accept", "is_openmetrics"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ('application/openmetrics-text; version="1.0.0"; charset=utf-8', True),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4", True),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.8", False),
        ("text/*,application/openmetrics-text;q=0.8", False),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nan", False),
        ("application/openmetrics-text;q=much", False),
        ("application/openmetrics-text;q=7", False),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", False),
        ("", False),
        ("*/*", False),
        (";;;,,,=", False),
        ("x," * 5000 + "application/openmetrics-text", False),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, is_openmetrics: bool) -> None:
    page, kind = render(Totals(), None, accept)
    assert kind.startswith(
        "application/openmetrics-text; version=1.0.0" if is_openmetrics else "text/plain; version=0.0.4"
    )
    assert page.endswith(b"# EOF\n") == is_openmetrics


@settings(deadline=None)
@given(st.text())
def test_any_accept_gets_an_answer(accept: str) -> None:
    assert render(Totals(), None, accept)[0]


def test_names_and_types_are_those_of_semconv(totals: Totals) -> None:
    known = {each.name: each.kind for each in METRICS}
    families = parse_text(text_of(totals))
    found = {each.name + "_total" * (each.type == "counter"): each.type for each in families}
    assert found == known


def test_both_formats_say_the_same(totals: Totals) -> None:
    def samples(families: Any) -> list[tuple[str, Any, float]]:
        found = [each for family in families for each in family.samples]
        return sorted((each.name, tuple(sorted(each.labels.items())), each.value) for each in found)

    ours = samples(parse_text(text_of(totals)))
    assert ours == samples(parse_openmetrics(text_of(totals, accept=PROMETHEUS)))
    assert len(ours) > 100


def test_exemplars_have_the_trace_and_the_time(totals: Totals) -> None:
    families = {each.name: each for each in parse_openmetrics(text_of(totals, accept=PROMETHEUS))}
    samples = families["pellucid_pipeline_run_duration_seconds"].samples
    (found,) = [each for each in samples if each.exemplar and each.labels["pipeline"] == "daily"]
    assert found.labels["le"] == "120.0"
    assert found.exemplar is not None
    assert found.exemplar.labels == {"trace_id": bytes(range(16)).hex(), "span_id": "0000000000000001"}
    assert found.exemplar.value == 100
    assert float(found.exemplar.timestamp or 0) == NOW_NS / 1e9 + 100


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "ünï", "a{b}", "\u2028", "\x00", "a" * 5000, "\ud800"])
def test_labels_are_escaped(name: str) -> None:
    found = totals_of(*payloads_of(HERE, span_of("run", pipeline=name)))
    (label,) = {each["pipeline"] for each in found.labels("pipeline_runs_total")}
    for page in (parse_text(text_of(found, None)), parse_openmetrics(text_of(found, None, PROMETHEUS))):
        read = {each.labels["pipeline"] for family in page for each in family.samples if "pipeline" in each.labels}
        assert read == {label}


def test_without_a_live_state_its_gauges_are_left_out(totals: Totals) -> None:
    page = text_of(totals, None)
    assert "telemetry_spool" not in page
    assert "runs_active" not in page
    assert "expected_interval" not in page
    assert f'version="{__version__}"' in page


def test_what_is_not_known_of_the_spool_is_left_out() -> None:
    page = text_of(Totals(), LiveState())
    assert "telemetry_spool" not in page
    assert "runs_active" not in page


def test_a_pipeline_that_ran_before_has_no_active_runs(totals: Totals) -> None:
    assert 'pellucid_pipeline_runs_active{pipeline="daily"} 0.0' in text_of(totals, LiveState())


def broken_pages() -> list[tuple[Totals, LiveState]]:
    unfit: Any = {"daily": "many"}
    duration = Key("pellucid_pipeline_run_duration_seconds", ("daily", "success"))
    bad_exemplar: Any = Exemplar(NOW_NS, 5, 3, None)  # type: ignore[arg-type]
    return [
        (Totals(), LiveState(unfit)),
        (Totals({Key("pellucid_dataset_rows", ("too", "many")): Sum(1)}), LiveState()),
        (Totals({duration: Distribution(5, {5.0: 1}, {5.0: bad_exemplar})}), LiveState()),
    ]


@pytest.mark.parametrize(("totals", "live"), broken_pages())
def test_a_metric_that_cannot_be_collected_or_written_is_left_out_and_counted(totals: Totals, live: LiveState) -> None:
    page = text_of(totals, live, PROMETHEUS)
    assert 'pellucid_telemetry_faults_total{part="render"} 1.0' in page
    assert "pellucid_build_info" in page
    list(parse_openmetrics(page))


def test_faults_of_the_page_are_added_to_those_that_were_counted() -> None:
    deltas, store = Deltas(), TotalsStore(None)
    deltas.count("telemetry_faults_total", 4, part="render")
    deltas.count("telemetry_faults_total", 2, part="spool")
    store.add(deltas)
    unfit: Any = {"daily": "many"}
    page = text_of(store.read(), LiveState(unfit))
    store.close()
    assert 'pellucid_telemetry_faults_total{part="render"} 5.0' in page
    assert 'pellucid_telemetry_faults_total{part="spool"} 2.0' in page


def test_users_can_embed_the_metrics_in_a_registry_of_their_own(totals: Totals) -> None:
    own = CollectorRegistry()
    Gauge("mine", "The user's.", registry=own).set(7)
    assert registry(totals, LIVE, own) is own
    assert own.get_sample_value("mine") == 7
    assert own.get_sample_value("pellucid_pipeline_runs_total", {"pipeline": "daily", "result": "failure"}) == 1
    assert "mine 7.0" in generate_latest(own).decode()
    with pytest.raises(ValueError, match="Duplicated"):
        registry(totals, LIVE, own)


def test_a_registry_of_its_own_is_not_the_global_one(totals: Totals) -> None:
    made = registry(totals)
    assert made.get_sample_value("pellucid_pipeline_runs_total", {"pipeline": "daily", "result": "success"}) == 0
    assert made.get_sample_value("process_cpu_seconds_total") is None


def test_nothing_of_it_is_imported_before_something_is_rendered() -> None:
    code = (
        "import sys; import pellucid.observability.metrics, pellucid.observability.hooks.metrics;"
        "print(sorted({'prometheus_client', 'sqlite3', 'opentelemetry', 'http.client', 'ssl'} & set(sys.modules)))"
    )
    # Coverage of processes would import sqlite3 there.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"


@pytest.mark.external
@pytest.mark.processes
def test_promtool_finds_nothing_wrong(totals: Totals) -> None:
    page = render(totals, LIVE, "")[0]
    done = subprocess.run([binary("promtool"), "check", "metrics"], input=page, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# ------------------------------------------------------------------------- reading in the process


def test_a_counter_is_added_up_over_the_labels_that_are_left_out(totals: Totals) -> None:
    assert totals.value("node_runs_total") == 2
    assert totals.value("pellucid_node_runs_total", node="clean") == 1
    assert totals.value("node_runs_total", result="failure") == 1
    assert totals.value("node_runs_total", node="never heard of") == 0


def test_a_gauge_has_to_be_one(totals: Totals) -> None:
    assert totals.value("dataset_rows", dataset="companies") == 10
    assert math.isnan(totals.value("dataset_rows", dataset="never heard of"))
    with pytest.raises(ValueError, match="2 series"):
        totals.value("dataset_rows")


def test_histograms_have_their_own_questions(totals: Totals) -> None:
    with pytest.raises(ValueError, match="count"):
        totals.value("node_run_duration_seconds")
    assert totals.count("node_run_duration_seconds") == 2
    assert totals.sum("node_run_duration_seconds") == 4
    assert totals.buckets("node_run_duration_seconds")[1.0] == 0
    assert totals.buckets("node_run_duration_seconds")[math.inf] == 2
    assert totals.count("dataset_rows") == 0


def test_names_that_do_not_exist_are_errors(totals: Totals) -> None:
    with pytest.raises(KeyError):
        totals.value("no_such_metric")
    with pytest.raises(KeyError, match="no label dataset"):
        totals.value("node_runs_total", dataset="companies")
