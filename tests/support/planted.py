"""A project with a secret in every place that one can get into telemetry from."""

from __future__ import annotations

import base64
import hashlib
import socket
from typing import TYPE_CHECKING

from tests.support.observed import Observed, observed_project

if TYPE_CHECKING:
    from pathlib import Path

PLACES = (
    "parameter",
    "nested_parameter",
    "parameter_in_list",
    "url_user_in_parameter",
    "url_query_in_parameter",
    "runtime_parameter",
    "nested_runtime_parameter",
    "command_line_parameter",
    "credentials",
    "credentials_url",
    "credentials_list",
    "credentials_base64",
    "credentials_private_key",
    "catalog_url",
    "catalog_key",
    "catalog_save_args",
    "dataset_error",
    "exception_message",
    "exception_source_line",
    "exception_cause",
    "exception_note",
    "exception_command",
    "exception_logged",
    "environment",
    "environment_url",
    "environment_set_later",
    "log_message",
    "log_url",
    "log_basic",
    "log_oracle",
    "log_curl",
    "log_token",
    "log_signature",
    "library_extra",
    "library_header",
    "secret_type",
    "secret_type_in_list",
    "otlp_header",
    "pushgateway_user",
    "resource_attribute",
    "span_attribute",
    "span_attribute_url",
    "span_event",
    "span_status",
    "span_exception",
    "span_ended_by",
    "span_name",
    "warning",
)
"""Where the secrets are."""

PIN = 48151623
"""Of the credentials, as a number."""


def secret(place: str) -> str:
    """Return the secret of a place: letters and digits, as every form of a text has them."""
    return f"zq{hashlib.sha256(place.encode()).hexdigest()[:18]}"


SECRETS = {**{place: secret(place) for place in PLACES}, "credentials_number": str(PIN)}
FORBIDDEN = {
    **SECRETS,
    **{f"{place} in base64": base64.b64encode(secret(place).encode()).decode()[:20] for place in PLACES},
}
"""What is to be found nowhere, by where it was put."""

DATASET = """
from pellucid.io import AbstractDataset
from pellucid.io.core import DatasetError

class Table(AbstractDataset):
    def __init__(self, url, credentials, options=None, fails=False):
        self.url, self.credentials, self.options, self.fails = url, credentials, options or {}, fails

    def _load(self):
        if self.fails:
            raise ConnectionError(
                f"cannot log in as {self.credentials['user']} with {self.credentials['phrase']} to "
                f"mysql://root:@dataset_error@@10.0.0.1/x"
            )
        return [1, 2, 3]

    def _save(self, data):
        import logging
        logging.getLogger("driver").warning("Saving to %s with %s", self.url, self.credentials)

    def _describe(self):
        return {"url": self.url, "options": self.options, "credentials": self.credentials}
"""

NODES = """
import base64, json, logging, os, subprocess, urllib.request, warnings
from pathlib import Path
from opentelemetry import trace
from pellucid.pipeline import node, pipeline

logger, library = logging.getLogger(__name__), logging.getLogger("urllib3.connectionpool")
tracer = trace.get_tracer("mine")

class Setting:
    def __init__(self, value): self.value = value
    def get_secret_value(self): return self.value
    def __repr__(self): return f"Setting({self.value})"
    __str__ = __repr__

def use(table, parameters):
    credentials = ["@credentials@", "@credentials_list@"]
    logger.info("It has %s and %r.", credentials, {"x": credentials})
    logger.info("As a header: %s", base64.b64encode(b"user:@credentials_base64@").decode())
    logger.info("The key is %s, the pin %s.", Path("key.pem").read_text(), int("48151623"))
    logger.warning("token=%s, and %s", "@log_message@", dict(os.environ))
    logger.info("connecting to redis://:@log_url@@10.0.0.1:6379/0")
    logger.info("A process gets %s and %s.", os.environ["MY_API_TOKEN"], os.environ["DATABASE_URL"].split(":")[2][:-4])
    logger.info("It was given %s.", os.environ["SET_LATER_PASSWORD"])
    logger.info("Sent Basic %s.", base64.b64encode(b"me:@log_basic@").decode())
    logger.info("Connecting to jdbc:oracle:thin:scott/@log_oracle@@db:1521:x")
    logger.info("$ curl -s -u me:@log_curl@ https://example.test/")
    logger.info("Got the token sk_live_@log_token@.")
    logger.info("Reading container/blob?sv=2024&sig=@log_signature@&se=2030")
    library.warning("request", extra={"password": "@library_extra@", "headers": {"x-token": "@library_extra@"}})
    library.warning("Authorization: Basic @library_header@")
    logger.warning("settings", extra={"one": Setting("@secret_type@"), "many": [Setting("@secret_type_in_list@")]})
    logger.info("parameters %s", json.dumps(parameters, default=str))
    logging.captureWarnings(True)
    warnings.warn("password: @warning@ is too weak")
    logging.captureWarnings(False)
    try:
        raise LookupError("secret: @exception_logged@")
    except LookupError:
        logger.exception("It failed, but that is all right.")
    with tracer.start_as_current_span("GET https://example.test/?sig=@span_name@") as span:
        span.set_attribute("db.password", "@span_attribute@")
        span.set_attribute("http.url", "https://bob:@span_attribute_url@@example.test/")
        span.add_event("login", {"api_key": "@span_event@", "said": "token=@span_event@"})
        span.record_exception(ValueError("password='@span_exception@'"))
        span.set_status(trace.StatusCode.ERROR, "token: @span_status@ refused")
    try:
        with tracer.start_as_current_span("login"):
            raise PermissionError("mysql://root:@span_ended_by@@10.0.0.1/x refused " + os.environ["MY_API_TOKEN"])
    except PermissionError:
        pass
    return {"table": len(table)}

def look(used):
    with urllib.request.urlopen(os.environ["PAGE"], timeout=10) as page:
        found = page.read().decode()
    logger.info("The page has %d lines.", len(found.splitlines()))
    return found

def end(page, used):
    if not os.environ.get("FAILS"):
        return "done"
    try:
        try:
            raise subprocess.CalledProcessError(1, ["mysql", "-uroot", "-p@exception_command@", "x"])
        except subprocess.CalledProcessError:
            raise OSError("cannot open postgresql://me:@exception_cause@@10.0.0.1/x")
    except OSError as error:
        if hasattr(error, "add_note"):
            error.add_note("Authorization: Bearer @exception_note@")
        more = "password=@exception_message@ and @credentials@ and " + os.environ["MY_API_TOKEN"]
        raise RuntimeError(more, dict(token="@exception_source_line@")) from error

def create_pipeline(**kwargs):
    return pipeline([
        node(use, ["table", "parameters"], "used", name="use", tags=["first"]),
        node(look, "used", "page", name="look"),
        node(end, ["page", "used"], "table_out", name="end"),
    ])
"""

BROKEN = """
from pellucid.pipeline import node, pipeline

def create_pipeline(**kwargs):
    return pipeline([node(len, "broken", "length", name="measure")])
"""

CATALOG = """
table:
  type: {package}.tables.Table
  url: https://ann:@catalog_url@@example.test/data?sv=@catalog_url@
  credentials: warehouse
  options: {password: "@catalog_key@", connection_string: "Host=x;Pwd=@catalog_save_args@"}
table_out:
  type: {package}.tables.Table
  url: https://example.test/data?sig=@catalog_url@
  credentials: warehouse
broken:
  type: {package}.tables.Table
  url: https://example.test/data
  credentials: warehouse
  fails: true
page:
  type: text.TextDataset
  filepath: data/page.txt
"""

PARAMETERS = """
api_key: "@parameter@"
rate: 3
model: {layers: [1, 2], database: {password: "@nested_parameter@"}}
services: [{name: a, token: "@parameter_in_list@"}]
source: postgresql://user:@url_user_in_parameter@@10.0.0.1:5432/x
download: https://example.test/a.csv?sig=@url_query_in_parameter@
"""

CREDENTIALS = """
warehouse:
  user: service-account-7
  phrase: "@credentials@"
  con: mysql://root:@credentials_url@@10.0.0.1/x
  hosts: ["@credentials_list@"]
  login: "user:@credentials_base64@"
  pin: 48151623
  pem: |
    -----BEGIN PRIVATE KEY-----
    @credentials_private_key@
    -----END PRIVATE KEY-----
"""

BODY = """
from pellucid.runner import ParallelRunner, SequentialRunner
params = {{"client_secret": "@runtime_parameter@", "auth": {{"pwd": "@nested_runtime_parameter@"}}, "rate": 4}}
try:
    with KedroSession.create(runtime_params=params) as session:
        os.environ["SET_LATER_PASSWORD"] = "@environment_set_later@"
        session.run(pipeline_name=os.environ["PIPELINE"], runner={runner})
except Exception:
    sys.exit(1)
"""


def planted(text: str) -> str:
    """Return a text with the secrets in their places."""
    for place in PLACES:
        text = text.replace(f"@{place}@", secret(place))
    return text


def free_port() -> int:
    """Return a port of the loopback that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def command_line() -> str:
    """Return the command for a run with a secret in its parameters."""
    return f"run --pipeline double --params client_secret={secret('command_line_parameter')},rate=5"


def planted_project(folder: Path, backend_port: int, page_port: int) -> Observed:
    """Write the project; it sends to a backend, pushes, writes a textfile and serves its metrics page."""
    observed = observed_project(folder, planted(NODES), "{}", planted(PARAMETERS))
    project = observed.project
    project.pipeline("broken", BROKEN)
    project.module("tables", planted(DATASET))
    project.write("conf/base/catalog.yml", planted(CATALOG).replace("{package}", project.package))
    project.write("conf/local/credentials.yml", planted(CREDENTIALS))
    project.write(
        "key.pem", planted("-----BEGIN PRIVATE KEY-----\n@credentials_private_key@\n-----END PRIVATE KEY-----\n")
    )
    observed.configure(
        f"""
exit_budget_seconds: 20
metrics:
  scrape: true
  scrape_port: {page_port}
  textfile: .pellucid/metrics.prom
  pushgateway: http://push:{secret("pushgateway_user")}@127.0.0.1:{backend_port}
logging: {{level: DEBUG, stderr: json}}
"""
    )
    return observed


def environment(backend_port: int, page_port: int) -> dict[str, str]:
    """Return the variables that the project is run with."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{backend_port}",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={secret('otlp_header')}",
        "OTEL_RESOURCE_ATTRIBUTES": f"deploy.token={secret('resource_attribute')},team=ours",
        "MY_API_TOKEN": secret("environment"),
        "DATABASE_URL": f"postgresql://me:{secret('environment_url')}@db/x",
        "PAGE": f"http://127.0.0.1:{page_port}/metrics",
        "PYTHONWARNINGS": "default",
    }
