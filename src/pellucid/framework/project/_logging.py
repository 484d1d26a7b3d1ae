"""Sets up logging for a project, unless the program around it has done so."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, MutableMapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pellucid.exceptions import BadConfigException, ConfigSyntaxError, MissingConfigException
from pellucid.framework.project import _state
from pellucid.utils import find_config_file

_logger = logging.getLogger(__name__)

_VARIABLES = ("PELLUCID_LOGGING_CONFIG", "KEDRO_LOGGING_CONFIG")
_KEDRO_HANDLER = "kedro.logging.RichHandler"
_OWN_HANDLER = "pellucid.logging.RichHandler"
_PLAIN_LINE = "%(asctime)s %(levelname)-8s %(name)s: %(message)s"


class _ProjectLogging(MutableMapping[str, Any]):
    """The logging configuration that is in force, in the form of ``logging.config``; empty before it was set up."""

    def configure(self, logging_config: dict[str, Any]) -> None:
        """Put a configuration in force.

        Raises:
            BadConfigException: it cannot be used.
        """
        import logging.config

        config = _with_own_handlers(logging_config)
        try:
            logging.config.dictConfig(config)
        except Exception as error:
            reason = error.__cause__ or error
            raise BadConfigException(f"The logging configuration cannot be used: {error}: {reason}") from error
        process = _state.process
        process.logging_config = config
        process.root_handlers = tuple(logging.getLogger().handlers)

    def set_project_logging(self, package_name: str, preserve_logging: bool = False) -> None:
        """Set up logging for a package: by the user's configuration, else lines on stderr from INFO on.

        Args:
            package_name: of the project.
            preserve_logging: leave logging as it is.

        Raises:
            MissingConfigException: a variable of the environment names a file that is not there.
            BadConfigException: the user's configuration cannot be used.
        """
        if preserve_logging:
            return
        named = _named_file()
        if named is None and _is_set_up_by_host():
            _logger.debug("Logging is configured already, and left as it is.")
            return
        path = named or find_config_file(str((_state.process.project.project_path or Path.cwd()) / "conf" / "logging"))
        if path is None:
            self._configure_plainly(package_name)
            return
        config = _read(path)
        loggers = config.setdefault("loggers", {})
        loggers.setdefault(package_name, {"level": "INFO"})
        self.configure(config)

    def _configure_plainly(self, package_name: str) -> None:
        """Put the default in force; where nothing was configured before, without ``logging.config``."""
        config = _plain(package_name)
        if not _is_untouched():
            self.configure(config)
            return
        handler = logging.StreamHandler(sys.stderr)
        handler.set_name("stderr")
        handler.setFormatter(logging.Formatter(_PLAIN_LINE))
        for name in config["loggers"]:
            logging.getLogger(name).setLevel(logging.INFO)
        logging.getLogger().addHandler(handler)
        process = _state.process
        process.logging_config = _with_own_handlers(config)
        process.root_handlers = (handler,)

    def __getitem__(self, key: str) -> Any:
        return _state.process.logging_config[key]

    def __setitem__(self, key: str, value: Any) -> None:
        _state.process.logging_config[key] = value

    def __delitem__(self, key: str) -> None:
        del _state.process.logging_config[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_state.process.logging_config)

    def __len__(self) -> int:
        return len(_state.process.logging_config)

    def __repr__(self) -> str:
        return repr(_state.process.logging_config)


def _is_set_up_by_host() -> bool:
    return any(each not in _state.process.root_handlers for each in logging.getLogger().handlers)


def _is_untouched() -> bool:
    """Tell whether nobody has configured any logger, so that there is nothing to take back."""
    known = (each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger))
    return not logging.getLogger().handlers and not any(
        each.handlers or each.level or each.disabled or not each.propagate for each in known
    )


def _named_file() -> Path | None:
    for variable in _VARIABLES:
        if value := os.environ.get(variable):
            path = Path(value)
            if not path.is_file():
                raise MissingConfigException(f"The variable {variable} names a file that is not there: {path}")
            return path
    return None


def _plain(package_name: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": _PLAIN_LINE}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
        "loggers": {"pellucid": {"level": "INFO"}, package_name: {"level": "INFO"}},
        "root": {"handlers": ["stderr"]},
    }


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        raise ConfigSyntaxError(str(path), error.problem or "no valid YAML", line, column) from error
    if not isinstance(config, dict):
        raise BadConfigException(f"{path}: a logging configuration is a mapping, not {type(config).__name__}.")
    return config


def _with_own_handlers(config: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which Kedro's handler, which projects name in their logging.yml, is ours.

    Loggers that are there already, ours among them, go on unless the configuration says otherwise.
    """
    copied = {"disable_existing_loggers": False, **deepcopy(config)}
    for handler in (copied.get("handlers") or {}).values():
        if isinstance(handler, dict) and handler.get("class") == _KEDRO_HANDLER:
            handler["class"] = _OWN_HANDLER
    loggers = copied.get("loggers")
    if isinstance(loggers, dict) and "kedro" in loggers:  # what a project says of Kedro's lines is meant for ours
        loggers.setdefault("pellucid", loggers["kedro"])
    return copied
