"""The reference runs: one of everything that a run can have, in forms that do not depend on the time or the machine."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from tests.support.observed import Observed, lines_of, observed_project

from pellucid.observability.metrics import TotalsStore, render
from pellucid.observability.wire import decode_span

if TYPE_CHECKING:
    from pathlib import Path

    from pellucid.observability.history import StoredSpan
    from pellucid.observability.metrics import Totals
    from pellucid.observability.wire import SpanData

_NODES = """
from pellucid.pipeline import node, pipeline

def clean(raw):
    return sorted(int(each) for each in raw.split())

def add_up(cleaned):
    return sum(cleaned)

def scale(cleaned, factor):
    return [factor * each for each in cleaned]

def inspect(scaled):
    return None

def report(total, scaled):
    return f"{total} {scaled}"

def fail(cleaned, mode):
    raise LookupError(f"nothing to do in mode {mode}")

def stream(cleaned):
    for each in cleaned:
        yield f"number {each}"

cleaning = pipeline([node(clean, "raw_orders", "cleaned", name="clean", tags=["first"])])

def complete():
    inside = pipeline([node(add_up, "cleaned", "total", name="add_up", tags=["sums"])])
    return cleaning + pipeline(inside, namespace="shop", inputs="cleaned", outputs="total") + pipeline([
        node(scale, ["cleaned", "params:factor"], "scaled", name="scale"),
        node(inspect, "scaled", None, name="inspect", tags=["last"]),
        node(report, ["total", "scaled"], "out_report", name="report", tags=["last", "sums"]),
    ])

def broken():
    return cleaning + pipeline([
        node(fail, ["cleaned", "params:options.mode"], "never", name="fail"),
        node(add_up, "never", "total", name="afterwards"),
    ])

def streamed():
    return cleaning + pipeline([node(stream, "cleaned", "out_stream", name="stream")])
"""

_REGISTRY = """
from observed_project import nodes

def register_pipelines():
    return {
        "__default__": nodes.complete(),
        "broken": nodes.broken(),
        "streamed": nodes.streamed(),
    }
"""

_CATALOG = """
"raw_{name}":
  type: text.TextDataset
  filepath: data/raw_{name}.txt
"out_{name}":
  type: text.TextDataset
  filepath: data/out_{name}.txt
scaled:
  type: json.JSONDataset
  filepath: data/scaled.json
  versioned: true
warehouse:
  type: text.TextDataset
  filepath: data/warehouse.txt
  credentials: warehouse
"""

_PARAMETERS = """
factor: 3
options:
  mode: strict
  api_key: the-secret-of-a-parameter
  title: "the-secret-of-the-warehouse is in here"
"""

RUN = """
from pellucid.runner import ParallelRunner, SequentialRunner, ThreadRunner
with KedroSession.create(env="local") as session:
    session.run(pipeline_names=["{pipeline}"], runner={{runner}})
"""

PIPELINES = {"complete": "__default__", "broken": "broken", "streamed": "streamed"}
"""The pipelines by the names that they are known by here."""

_SPAN_KINDS = {0: "UNSPECIFIED", 1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}
_STATUS = {0: "UNSET", 1: "OK", 2: "ERROR"}
_HIDDEN_BY_KEY = {
    "pellucid.runner": "<runner>",
    "pellucid.node.is_async": "<is async>",
    "pellucid.node.queue_wait_seconds": "<seconds>",
    "pellucid.node.cpu_seconds": "<seconds>",
    "pellucid.node.memory_peak_bytes": "<bytes>",
    "exception.stacktrace": "<traceback>",
}
_MEMORY = re.compile(r"pellucid\.io\.(shared_)?memory_dataset\.\w+")
_SESSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d+Z(-[0-9a-f]+)?")


def reference_project(folder: Path) -> Observed:
    """Write the project of the reference runs."""
    observed = observed_project(folder, catalog=_CATALOG, parameters=_PARAMETERS)
    project = observed.project
    project.module("nodes", _NODES)
    project.module("pipeline_registry", _REGISTRY)
    project.write("conf/local/credentials.yml", "warehouse:\n  key: the-secret-of-the-warehouse\n")
    observed.configure("exit_budget_seconds: 30\n")  # a busy machine may need more than the default to collect
    return observed


class Normal:
    """Puts what differs from run to run into a form that does not: ids are counted, in the order of the tree.

    Args:
        spans: of one run.
        path: of the project.
    """

    def __init__(self, spans: list[StoredSpan], path: Path) -> None:
        self._path = str(path)
        self._data = [decode_span(span.body) for span in spans]
        self._numbers: dict[str, str] = {}
        self._ordered = self._in_order()
        for trace_id in dict.fromkeys(each.trace_id.hex() for _, each in self._ordered):
            self._numbers[trace_id] = f"<trace {len({*self._numbers})}>"
        for count, (_, each) in enumerate(self._ordered):
            self._numbers[each.span_id.hex()] = f"<span {count}>"

    def _in_order(self) -> list[tuple[int, SpanData]]:
        """Return the spans with their depths; siblings in the order of names."""
        ids = {each.span_id for each in self._data}
        found: list[tuple[int, SpanData]] = []

        def walk(parent: bytes | None, depth: int) -> None:
            inner = [e for e in self._data if (e.parent_span_id if e.parent_span_id in ids else None) == parent]
            for each in sorted(inner, key=lambda span: (span.name, span.start_ns)):
                found.append((depth, each))
                walk(each.span_id, depth + 1)

        walk(None, 0)
        assert len(found) == len(self._data)
        return found

    # ------------------------------------------------------------------------- spans

    def spans(self) -> str:
        """Return the spans as a tree, with all that is in them."""
        return "\n".join(line for depth, span in self._ordered for line in self._span(span, "  " * depth)) + "\n"

    def _span(self, span: SpanData, indent: str) -> list[str]:
        assert 0 < span.start_ns <= span.end_ns
        parent = self._numbers[span.parent_span_id.hex()] if span.parent_span_id else "no parent"
        ids = f"{self._numbers[span.trace_id.hex()]} {self._numbers[span.span_id.hex()]} under {parent}"
        status = f"{_STATUS[span.status_code]} {self._text(span.status_message)}".rstrip()
        lines = [f"{span.name} | {_SPAN_KINDS[span.kind]} | {status} | flags {span.flags:#x} | {ids}"]
        lines += [f"    {line}" for line in self._attributes(span.attributes)]
        for event in span.events:
            assert span.start_ns <= event.time_ns <= span.end_ns
            lines += [f"    event {event.name}", *(f"        {line}" for line in self._attributes(event.attributes))]
        for link in span.links:
            lines += [f"    link {self._numbers.get(link.span_id.hex(), '<elsewhere>')}"]
        dropped = span.dropped_attributes, span.dropped_events, span.dropped_links
        if any(dropped):
            lines += [f"    dropped {dropped}"]
        return [indent + self._text(line) for line in lines]

    def _attributes(self, attributes: Any) -> list[str]:
        found = []
        for key, value in sorted(attributes.items()):
            if key == "exception.stacktrace":
                assert "Traceback" in value
                assert "LookupError" in value
            found.append(f"{key} = {_HIDDEN_BY_KEY.get(key) or json.dumps(value)}")
        return found

    def _text(self, text: str) -> str:
        text = _MEMORY.sub("<in memory>", text.replace(self._path, "<project>"))
        text = re.sub(r"pellucid\.runner\.\w+_runner\b", "<runner's logger>", text)
        return _SESSION.sub("<session>", text)

    # ------------------------------------------------------------------------- logs

    def logs(self, err: str) -> str:
        """Return the log lines, sorted, as they come in no order from several workers."""
        return "\n".join(sorted(self._line(line) for line in lines_of(err))) + "\n"

    def _line(self, line: dict[str, Any]) -> str:
        line = dict(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
        for key in ("trace_id", "span_id"):
            line[key] = self._numbers[line[key]]
        if "duration_seconds" in line:
            assert line["duration_seconds"] >= 0
            line["duration_seconds"] = "<seconds>"
        if "runner" in line:
            line["runner"] = "<runner>"
        if "traceback" in line:
            assert "LookupError" in line["traceback"]
            line["traceback"] = "<traceback>"
        order = ["event", "node", "dataset", "pipeline"]
        ordered = {key: line[key] for key in [*order, *sorted(set(line) - set(order))] if key in line}
        return self._text(json.dumps(ordered))

    # ------------------------------------------------------------------------- metrics

    def metrics(self, page: str) -> str:
        """Return a page of metrics: what was measured is left out, what was counted stays.

        Buckets are told once for a metric. An exemplar is where the measured value fell: it is told that there is one.
        """
        lines: list[str] = []
        bounds: dict[str, list[str]] = {}
        exemplars: set[str] = set()
        for line in page.splitlines():
            if line.startswith("#"):
                lines.append(line)
                continue
            sample, _, exemplar = line.partition(" # ")
            name, _, value = sample.rpartition(" ")
            series = re.sub(r'le="[^"]*",?', "", name)
            if exemplar:
                ids = re.search(r'trace_id="(\w+)"', exemplar), re.search(r'span_id="(\w+)"', exemplar)
                assert all(each is not None and each[1] in self._numbers for each in ids), exemplar
                exemplars.add(series)
            if "_bucket{" not in name:
                lines.append(_sample(name, value))
            else:
                found = re.search(r'le="([^"]*)"', name)
                assert found is not None
                bounds.setdefault(series, []).append(found[1])
        shared = {series.partition("{")[0]: "bounds " + " ".join(each) for series, each in bounds.items()}
        assert all("bounds " + " ".join(each) == shared[series.partition("{")[0]] for series, each in bounds.items())
        told = [f"{name} {each}" for name, each in sorted(shared.items())]
        told += [f"{series} has an exemplar" for series in sorted(exemplars)]
        return self._text("\n".join([*lines, *told])) + "\n"


def _sample(name: str, value: str) -> str:
    kind = name.partition("{")[0]
    measured = kind.endswith(("_sum", "_created", "_seconds", "_cpu_seconds_total", "_memory_peak_bytes"))
    name = re.sub(r'(version|python)="[^"]*"', r'\1="<version>"', name)
    return f"{name} {'<measured>' if measured else value}"


def totals_of(observed: Observed) -> Totals:
    """Return what was counted in a project."""
    return TotalsStore(observed.path / ".pellucid" / "metrics.db").read(deadline=time.monotonic() + 30)


def page_of(observed: Observed) -> str:
    """Return the metrics page of a project, as it would be served."""
    body, _ = render(totals_of(observed), None, "application/openmetrics-text; version=1.0.0")
    return body.decode()
