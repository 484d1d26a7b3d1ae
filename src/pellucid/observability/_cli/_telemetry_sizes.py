"""How many spans and series one run of the project makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.exceptions import PellucidError
from pellucid.io.core import is_parameter
from pellucid.observability._cli._telemetry_check import Check
from pellucid.observability.semconv import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pellucid.observability.options import Options
    from pellucid.observability.semconv import Metric

_AROUND = 5  # session, session.create, context.load, catalog.create, run
_VALUES = {"result": 6, "state": 3, "pipeline": 1, "version": 1, "python": 1}
_OF_HISTOGRAM = 3  # +Inf, sum, count


def check_sizes(project_path: Path, options: Options, pipeline: str) -> Iterator[Check]:
    """Count what one run of a pipeline makes; this imports the project."""
    from pellucid._util.suggest import did_you_mean
    from pellucid.framework.project import pipelines

    try:
        if pipeline not in pipelines:
            yield Check("FAIL", "sizes", f"There is no pipeline '{pipeline}'.{did_you_mean(pipeline, pipelines)}")
            return
        nodes = list(pipelines[pipeline].nodes)
    except PellucidError as error:
        yield Check("FAIL", "sizes", f"The pipelines cannot be told: {error}")
        return
    loads = [name for node in nodes for name in node.inputs if not is_parameter(name)]
    saves = [name for node in nodes for name in node.outputs]
    spans = _AROUND + len(nodes) + len(loads) + len(saves)
    yield Check("OK", "spans of a run", f"{spans:,} from '{pipeline}', with {len(nodes):,} nodes")
    label = _labels(project_path)
    operations = {(label(name), "load") for name in loads} | {(label(name), "save") for name in saves}
    largest, total = 0, 0
    for metric in METRICS:
        sets = _sets_of(metric, len(nodes), operations)
        largest = max(largest, sets)
        total += sets * (len(metric.buckets) + _OF_HISTOGRAM if metric.kind == "histogram" else 1)
    limit = options.metrics.series_limit
    text = (
        f"at most {total:,} from '{pipeline}'; {largest:,} sets of labels in the largest metric, of {limit:,} allowed"
    )
    if largest > limit:
        yield Check(
            "WARN", "series of a run", f"{text}.", "What is beyond is counted as refused: raise metrics.series_limit."
        )
    else:
        yield Check("OK", "series of a run", text)


def _sets_of(metric: Metric, nodes: int, operations: set[tuple[str, str]]) -> int:
    """Return how many sets of labels a metric can have."""
    datasets = len({name for name, _ in operations})
    sets = 1
    for label in metric.labels:
        if label == "node":
            sets *= nodes
        elif label == "dataset":
            sets *= len(operations) if "operation" in metric.labels else datasets
        else:
            sets *= _VALUES.get(label, 1)
    return sets


def _labels(project_path: Path) -> Callable[[str], str]:
    """Return what tells the label of a dataset: the pattern of the catalog that makes it, or its name."""
    from pellucid.config import OmegaConfigLoader
    from pellucid.framework.project import settings
    from pellucid.io import CatalogConfigResolver

    try:
        loader: Any = OmegaConfigLoader(project_path / settings.CONF_SOURCE, **settings.CONFIG_LOADER_ARGS)
        resolver = CatalogConfigResolver(loader["catalog"])
    except Exception:  # of the project's configuration; a run says so
        return str
    known = set(resolver.config)
    return lambda name: name if name in known else resolver.match_dataset_pattern(name) or name
