"""Every exception that pellucid raises itself.

::

    PellucidError
    ├── ConfigError
    │   ├── MissingConfigException        (LookupError)   no such file, key or environment
    │   └── BadConfigException            (ValueError)    a file that cannot be used
    │       ├── ConfigSyntaxError                         not YAML or JSON: file, line, column
    │       └── DuplicateConfigKeyError                   one key in two files of one folder
    ├── SettingsError                     (ValueError)    a value of settings.py that cannot be used
    │   └── SettingsTypeError             (TypeError)     a class where an instance is needed
    ├── ProjectError                      (RuntimeError)
    │   ├── NotAProjectError                              no pyproject.toml with a section of ours
    │   └── BrokenPipelineError                           a pipeline module that cannot be imported
    ├── PipelineError                     (ValueError)
    │   ├── CircularDependencyError                       names the nodes of the cycle
    │   ├── OutputNotUniqueError                          names the dataset and its two nodes
    │   ├── ConfirmNotUniqueError
    │   ├── NodeSignatureError            (TypeError)     a function that cannot be called with the node's inputs
    │   ├── UnknownNameError                              a node, tag, dataset, namespace or pipeline
    │   └── EmptyPipelineError                            a filter that leaves no node
    ├── DatasetError
    │   ├── DatasetNotFoundError          (LookupError)
    │   ├── DatasetAlreadyExistsError
    │   ├── VersionNotFoundError          (LookupError)
    │   ├── VersionAlreadyExistsError
    │   ├── CredentialsNotFoundError      (LookupError)
    │   ├── DataValidationError           (ValueError)    data that a dataset's validator refuses
    │   └── ValidationConfigurationError  (ValueError)    a validator that cannot be used
    ├── RunnerError                       (RuntimeError)
    │   ├── UnsatisfiedInputsError        (ValueError)    inputs that no dataset provides
    │   ├── NodeExitError                                 a node called sys.exit()
    │   ├── WorkerCountError              (ValueError)    a number of workers that is none
    │   ├── StartMethodError              (ValueError)    a way to start processes that the system does not have
    │   ├── WorkerLostError                               a worker process died: node, pid, signal
    │   └── WorkerStartError                              a worker process never got ready
    ├── NodeOutputError                   (ValueError)    a function's result does not fit the node's outputs
    ├── TaskError
    ├── HookError                         (RuntimeError)  a plugin's hooks cannot be loaded or called
    ├── KedroContextError
    └── KedroSessionError
        └── SessionStoreError             (OSError)       the record of a session cannot be saved

    RunTerminated (SystemExit, code 143)                  SIGTERM while a run was going on; SIGHUP: code 129
    RemoteError                                           marks what stands for an exception that cannot be pickled

A class that takes names builds its own message and keeps them as attributes. Those that Kedro's ecosystem
raises by hand (``DatasetError("…")`` above all) take a message, as there.
"""

from __future__ import annotations

import signal as _signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class PellucidError(Exception):
    """Base of all; its text is written for the person who made the mistake, and is shown without a traceback."""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _hint(nearest: Sequence[str]) -> str:
    if not nearest:
        return ""
    return f" Did you mean {' or '.join(repr(name) for name in nearest)}?"


def _choice(known: Sequence[str]) -> str:
    if not known:
        return ""
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return f" Known are {_quoted(known[:10])}{more}."


# --------------------------------------------------------------------------- configuration


class ConfigError(PellucidError):
    """Something is wrong with the configuration."""


class MissingConfigException(ConfigError, LookupError):
    """A configuration folder, file or key that is needed is not there."""


class BadConfigException(ConfigError, ValueError):
    """A configuration file is there, and cannot be used."""


class ConfigSyntaxError(BadConfigException):
    """A file is no valid YAML or JSON.

    Args:
        path: the file, as the user would name it.
        problem: what the parser found.
        line: counted from 1.
        column: counted from 1.
    """

    def __init__(self, path: str, problem: str, line: int | None = None, column: int | None = None) -> None:
        self.path, self.problem, self.line, self.column = path, problem, line, column
        where = path if line is None else f"{path}:{line}" if column is None else f"{path}:{line}:{column}"
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.problem, self.line, self.column)


class DuplicateConfigKeyError(BadConfigException):
    """Keys stand in two files of the same folder (environment)."""

    def __init__(self, keys: Sequence[str], first: str, second: str) -> None:
        self.keys, self.first, self.second = tuple(keys), first, second
        shown = _quoted(self.keys[:10]) + (f" and {len(self.keys) - 10} more" if len(self.keys) > 10 else "")
        noun, verb = ("key", "stands") if len(self.keys) == 1 else ("keys", "stand")
        super().__init__(f"The {noun} {shown} {verb} in two files of one environment: {first} and {second}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.keys, self.first, self.second)


class SettingsError(PellucidError, ValueError):
    """A value in the project's ``settings.py`` cannot be used, or the module cannot be imported."""


class SettingsTypeError(SettingsError, TypeError):
    """HOOKS in ``settings.py`` holds a class where an instance is needed."""


# --------------------------------------------------------------------------- project


class ProjectError(PellucidError, RuntimeError):
    """The project cannot be used."""


class NotAProjectError(ProjectError):
    """A folder holds no project: no ``pyproject.toml`` with ``[tool.pellucid]`` or ``[tool.kedro]``."""


class BrokenPipelineError(ProjectError):
    """A module that should define pipelines cannot be imported; its cause is the original error.

    Args:
        module: the dotted name of the module.
        problem: type and message of the original error.
    """

    def __init__(self, module: str, problem: str) -> None:
        self.module, self.problem = module, problem
        super().__init__(f"The pipeline module '{module}' cannot be used: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.module, self.problem)


# --------------------------------------------------------------------------- pipeline


class PipelineError(PellucidError, ValueError):
    """A pipeline cannot be built, or a selection of it cannot be made."""


class CircularDependencyError(PipelineError):
    """Nodes depend on each other in a circle.

    Args:
        cycle: the names of the nodes in order; the first one depends on the last one.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(f"These nodes depend on each other in a circle: {' -> '.join((*self.cycle, *self.cycle[:1]))}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cycle,)


class OutputNotUniqueError(PipelineError):
    """Two nodes write one dataset."""


class ConfirmNotUniqueError(PipelineError):
    """Two nodes confirm one dataset."""


class NodeSignatureError(PipelineError, TypeError):
    """A node's function cannot be called with its inputs."""


class UnknownNameError(PipelineError):
    """Names were asked for that are not there.

    Args:
        kind: what the names are of: "node", "tag", "dataset", "namespace", "pipeline".
        names: those that are unknown.
        nearest: the closest names that exist, best first.
        place: where they were looked for, for example "the pipeline".
        known: all names that exist; shown, ten at most, where none is close.
    """

    def __init__(
        self,
        kind: str,
        names: Sequence[str],
        nearest: Sequence[str] = (),
        place: str = "the pipeline",
        known: Iterable[str] = (),
    ) -> None:
        self.kind, self.names, self.nearest, self.place = kind, tuple(names), tuple(nearest), place
        self.known = () if self.nearest else tuple(known)
        noun = kind if len(self.names) == 1 else f"{kind}s"
        verb = "is" if len(self.names) == 1 else "are"
        valid = _hint(self.nearest) or _choice(self.known)
        super().__init__(f"No {noun} {_quoted(self.names)} {verb} in {place}.{valid}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, self.names, self.nearest, self.place, self.known)


class EmptyPipelineError(PipelineError):
    """A selection leaves no node to run."""


# --------------------------------------------------------------------------- datasets


class DatasetError(PellucidError):
    """A dataset cannot be made, loaded, saved or asked for."""


class DatasetNotFoundError(DatasetError, LookupError):
    """The catalog has no such dataset, and no pattern matches its name."""


class DatasetAlreadyExistsError(DatasetError):
    """A dataset of this name is registered already."""


class VersionNotFoundError(DatasetError, LookupError):
    """A versioned dataset has no version, or not the one asked for."""


class VersionAlreadyExistsError(DatasetError):
    """The version to be saved exists, or another run is about to save it."""


class CredentialsNotFoundError(DatasetError, LookupError):
    """A dataset names credentials that the configuration does not have."""


class DataValidationError(DatasetError, ValueError):
    """The validator of a dataset refuses the data that was loaded or is to be saved."""


class ValidationConfigurationError(DatasetError, ValueError):
    """The ``validator`` of a dataset is declared wrongly, or cannot be imported or made."""


# --------------------------------------------------------------------------- running


class RunnerError(PellucidError, RuntimeError):
    """A runner could not complete."""


class UnsatisfiedInputsError(RunnerError, ValueError):
    """The pipeline needs inputs that the catalog does not have.

    Args:
        names: the datasets.
        nearest: the closest names that the catalog has.
    """

    def __init__(self, names: Sequence[str], nearest: Sequence[str] = ()) -> None:
        self.names, self.nearest = tuple(names), tuple(nearest)
        noun = "input" if len(self.names) == 1 else "inputs"
        super().__init__(f"The catalog does not have the pipeline's {noun} {_quoted(self.names)}.{_hint(self.nearest)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.names, self.nearest)


class NodeExitError(RunnerError):
    """A node, or a hook or dataset at work for it, called ``sys.exit``; a node cannot end the process.

    Args:
        node: the name of the node.
        code: what was passed to ``sys.exit``.
    """

    def __init__(self, node: str, code: object = None) -> None:
        self.node, self.code = node, code
        super().__init__(f"The node '{node}' called sys.exit({code!r}); the run is not complete.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.node, self.code)


def _describe_exit(exit_code: int | None) -> str:
    """Say how a process ended, given ``multiprocessing``'s exit code: negative for a signal."""
    if exit_code is None:
        return "stopped answering"
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        name = _signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    killer = " (the kernel's out-of-memory killer sends this, too)" if name == "SIGKILL" else ""
    return f"was killed by {name}{killer}"


class WorkerCountError(RunnerError, ValueError):
    """A runner was given a number of workers that it cannot use."""


class StartMethodError(RunnerError, ValueError):
    """Worker processes are to be started in a way that this system does not have."""


class WorkerLostError(RunnerError):
    """A worker process died before it had answered.

    Args:
        node: the name of the node that it was running, if any.
        pid: its process id.
        exit_code: as ``multiprocessing`` gives it: negative is the number of the signal.
    """

    def __init__(self, node: str | None, pid: int | None, exit_code: int | None) -> None:
        self.node, self.pid, self.exit_code = node, pid, exit_code
        task = f"while it ran the node '{node}'" if node is not None else "before it ran a node"
        super().__init__(f"The worker process {pid} {_describe_exit(exit_code)} {task}.")

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended the process, or None."""
        return -self.exit_code if self.exit_code is not None and self.exit_code < 0 else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.node, self.pid, self.exit_code)


class WorkerStartError(RunnerError):
    """A worker process could not be set up; its cause is what was raised there."""


class NodeOutputError(PellucidError, ValueError):
    """What a node's function returned does not fit the node's outputs.

    Args:
        node: the name of the node.
        expected: what it should return.
        found: what it returned.
    """

    def __init__(self, node: str, expected: str, found: str) -> None:
        self.node, self.expected, self.found = node, expected, found
        super().__init__(f"The function of the node '{node}' must return {expected}, and returned {found}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.node, self.expected, self.found)


class TaskError(PellucidError):
    """A task was put together wrongly."""


class HookError(PellucidError, RuntimeError):
    """The hooks of an installed plugin cannot be loaded, or a hook cannot be called or brought to a worker process."""


# --------------------------------------------------------------------------- framework


class KedroContextError(PellucidError):
    """The context cannot be built from the project's configuration."""


class KedroSessionError(PellucidError):
    """A session was asked for what it cannot do, for example a second run."""


class SessionStoreError(KedroSessionError, OSError):
    """The record of a session cannot be saved."""


class RunTerminated(SystemExit):
    """SIGTERM or SIGHUP arrived while a run was going on.

    If nobody catches it, it ends the process with code 143 (128 + 15) or 129 (128 + 1).
    """

    def __init__(self, signum: int = 15) -> None:
        self.signum = signum
        super().__init__(128 + signum)

    def __str__(self) -> str:
        return f"The run was ended by {_signal.Signals(self.signum).name}."

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.signum,)


class RemoteError(BaseException):
    """Marks an exception that stands for one of a worker process which did not survive pickling.

    Its class has the name of the original's and derives from the original's class, or from the nearest base of it
    that can be pickled: ``except ValueError`` finds what was a ``ValueError``. The message is the original's.
    """
