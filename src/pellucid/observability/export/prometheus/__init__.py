"""The three ways to Prometheus: a page that is scraped, a file for node-exporter, a push to a Pushgateway.

All three carry the same totals, which outlive the process: one series each, that grows from run to run.

**Scrape**, while a run lasts. With ``metrics: {scrape: true}`` in ``observability.yml``, ``/metrics`` is served at
``127.0.0.1:9464``; ``scrape_host`` and ``scrape_port`` change that. It suits runs that are long, or follow each other
in one process: between runs nobody answers. Exemplars, which lead from a bucket to a trace, are in the OpenMetrics
format alone, for which Prometheus asks by itself, and which it keeps with ``--enable-feature=exemplar-storage``::

    scrape_configs:
      - job_name: pellucid
        static_configs:
          - targets: ["127.0.0.1:9464"]

**Textfile**, at the end of a run: for short runs on a machine that has a node-exporter. With
``metrics: {textfile: /var/lib/prometheus/node-exporter/my_project.prom}``, the file is replaced as a whole; the name
ends in ``.prom``, one for each project, and the folder is there and writable. node-exporter is started with
``--collector.textfile.directory=/var/lib/prometheus/node-exporter`` (Debian's package does that), refuses timestamps
and exemplars, and tells by ``node_textfile_scrape_error`` and ``node_textfile_mtime_seconds`` how that went::

    scrape_configs:
      - job_name: node
        static_configs:
          - targets: ["127.0.0.1:9100"]

**Push**, at the end of a run: for short runs on machines that do not last. With
``metrics: {pushgateway: "https://user:password@gateway.example:9091", pushgateway_job: my_project}``, each push
replaces the group of the job. A Pushgateway forgets nothing by itself: delete the groups of projects that are no
more. Labels are the pushed ones only with ``honor_labels``::

    scrape_configs:
      - job_name: pushgateway
        honor_labels: true
        static_configs:
          - targets: ["gateway.example:9091"]
"""

from pellucid.observability.export.prometheus._errors import (
    PrometheusError,
    PushError,
    ScrapeAddressError,
    TextfileError,
)
from pellucid.observability.export.prometheus._loop import ScrapeLimits
from pellucid.observability.export.prometheus._push import push
from pellucid.observability.export.prometheus._scrape import ScrapeServer
from pellucid.observability.export.prometheus._textfile import write_textfile

__all__ = [
    "PrometheusError",
    "PushError",
    "ScrapeAddressError",
    "ScrapeLimits",
    "ScrapeServer",
    "TextfileError",
    "push",
    "write_textfile",
]
