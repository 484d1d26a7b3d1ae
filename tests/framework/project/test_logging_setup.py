from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pellucid.exceptions import BadConfigException, ConfigSyntaxError, MissingConfigException
from pellucid.framework.project import LOGGING, configure_logging, configure_project
from pellucid.framework.startup import bootstrap_project
from pellucid.logging import RichHandler

if TYPE_CHECKING:
    from tests.support.framework import ProjectFolder

OWN = """
version: 1
disable_existing_loggers: false
handlers:
  file: {{class: logging.FileHandler, filename: {path}}}
root: {{handlers: [file]}}
"""


def bare_root(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Make logging that of a program which has not configured it, and return the root logger."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    return root


def test_plain_lines_on_stderr(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = bare_root(monkeypatch)
    bootstrap_project(project.path)
    logging.getLogger(f"{project.package}.x").info("from the project, a line that is %s long", "very " * 30)
    logging.getLogger("pellucid.x").info("from us")
    logging.getLogger("other").info("from others")
    logging.getLogger("other").warning("a warning of others")
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" INFO     ")[2] or line.partition(" WARNING  ")[2] for line in lines] == [
        f"{project.package}.x: from the project, a line that is {'very ' * 30} long",
        "pellucid.x: from us",
        "other: a warning of others",
    ]
    assert LOGGING["loggers"][project.package] == {"level": "INFO"}
    assert len(root.handlers) == 1


STATE = """
import logging, sys
{before}
from pellucid.framework.project import LOGGING, configure_project
logging.getLogger("pellucid.io"), logging.getLogger("others")
configure_project("package")
is_quick = "logging.config" not in sys.modules
if is_quick and {again}:
    plain = dict(LOGGING)
    logging.root.handlers.clear()
    LOGGING.configure(plain)
loggers = [logging.root, *(logging.getLogger(name) for name in ("pellucid", "pellucid.io", "package", "others"))]
for each in loggers:
    print(each.name, each.level, each.disabled, each.propagate, len(each.handlers))
(handler,) = logging.root.handlers
print(type(handler), handler.name, handler.level, handler.stream is sys.stderr, vars(handler.formatter)["_fmt"])
print(LOGGING, is_quick)
"""


def test_the_default_is_the_same_with_and_without_the_library_that_reads_configurations() -> None:
    def state(before: str = "", again: bool = False) -> str:
        code = STATE.format(before=before, again=again)
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert state() == state(again=True)
    assert state().endswith("True\n")
    for touched in ("setLevel(10)", "addHandler(logging.NullHandler())", "__setattr__('propagate', False)"):
        assert state(before=f"logging.getLogger('pellucid.io').{touched}") == state().replace("True\n", "False\n")


def test_logging_of_the_program_is_left_alone(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bare_root(monkeypatch)
    handler = logging.NullHandler()
    root.addHandler(handler)
    project.write("conf/logging.yml", OWN.format(path="nowhere.log"))
    bootstrap_project(project.path)
    assert root.handlers == [handler]
    assert not LOGGING
    configure_project(project.package, preserve_logging=True)
    assert root.handlers == [handler]


def test_our_own_configuration_may_be_replaced(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bare_root(monkeypatch)
    bootstrap_project(project.path)
    project.write("conf/logging.yml", OWN.format(path=project.path / "a.log"))
    bootstrap_project(project.path)
    logging.getLogger(project.package).info("hello")
    root.handlers[0].flush()
    assert (project.path / "a.log").read_text() == "hello\n"


def test_a_file_that_a_variable_names_wins(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bare_root(monkeypatch)
    project.write("conf/logging.yml", "handlers: [")
    for name in ("kedro", "pellucid"):
        path = project.write(f"{name}.yml", OWN.format(path=project.path / f"{name}.log"))
        monkeypatch.setenv(f"{name.upper()}_LOGGING_CONFIG", str(path))
    root.addHandler(logging.NullHandler())
    bootstrap_project(project.path)
    (handler,) = root.handlers
    assert isinstance(handler, logging.FileHandler)
    assert handler.baseFilename == str(project.path / "pellucid.log")
    monkeypatch.delenv("PELLUCID_LOGGING_CONFIG")
    bootstrap_project(project.path)
    (handler,) = root.handlers
    assert isinstance(handler, logging.FileHandler)
    assert handler.baseFilename == str(project.path / "kedro.log")


def test_a_variable_that_names_no_file(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_LOGGING_CONFIG", "nowhere.yml")
    with pytest.raises(MissingConfigException, match=r"PELLUCID_LOGGING_CONFIG.*nowhere\.yml"):
        bootstrap_project(project.path)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("a: 1\nb: [", ConfigSyntaxError, r"logging.yml:2"),
        ("- 1\n", BadConfigException, "is a mapping, not list"),
        ("version: 1\nroot: {handlers: [nope]}\n", BadConfigException, "nope"),
        (
            "version: 1\nhandlers: {a: {class: logging.FileHandler, filename: /nowhere/x}}\n",
            BadConfigException,
            "/nowhere",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch, text: str, kind: type[Exception], expected: str
) -> None:
    bare_root(monkeypatch)
    project.write("conf/logging.yml", text)
    with pytest.raises(kind, match=expected):
        bootstrap_project(project.path)


def test_kedros_handler_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    root = bare_root(monkeypatch)
    config: dict[str, Any] = {
        "version": 1,
        "handlers": {"rich": {"class": "kedro.logging.RichHandler", "rich_tracebacks": True}},
        "root": {"handlers": ["rich"]},
    }
    configure_logging(config)
    assert isinstance(root.handlers[0], RichHandler)
    assert config["handlers"]["rich"]["class"] == "kedro.logging.RichHandler"
    assert dict(LOGGING)["root"] == {"handlers": ["rich"]}
    assert "rich" in repr(LOGGING)
    LOGGING["x"] = 1
    del LOGGING["x"]
    assert len(LOGGING) == 4


def test_what_is_said_of_kedros_logger_is_meant_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    bare_root(monkeypatch)
    configure_logging({"version": 1, "loggers": {"kedro": {"level": "ERROR"}}})
    assert logging.getLogger("pellucid").level == logging.ERROR
    configure_logging({"version": 1, "loggers": {"kedro": {"level": "ERROR"}, "pellucid": {"level": "DEBUG"}}})
    assert logging.getLogger("pellucid").level == logging.DEBUG


@pytest.mark.processes
def test_a_worker_logs_as_its_parent(project: ProjectFolder) -> None:
    project.write("conf/logging.yml", OWN.format(path=project.path / "a.log"))
    project.pipeline(
        "double",
        """
        import logging
        from pellucid.pipeline import node, pipeline
        def say(x):
            logging.getLogger(__name__).info("said by %s", x)
            return x
        def create_pipeline():
            return pipeline([node(say, "params:x", "said", name="say")])
        """,
    )
    body = "from pellucid.runner import ParallelRunner\nKedroSession.create().run(runner=ParallelRunner(2))"
    code, _, err = project.run_script(body, PELLUCID_MP_CONTEXT="spawn", PELLUCID_LOGGING_CONFIG="")
    assert code == 0, err
    assert "said by 1\n" in (project.path / "a.log").read_text()
    assert os.environ.get("PELLUCID_LOGGING_CONFIG") is None
