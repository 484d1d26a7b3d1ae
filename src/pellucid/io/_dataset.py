"""The base class of datasets: what every load and save has around it."""

from __future__ import annotations

import copy
import functools
import inspect
import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pellucid._util.suggest import nearest
from pellucid.exceptions import DatasetError
from pellucid.io._definition import VERSION_KEY, VERSIONED_FLAG_KEY, parse_dataset_definition
from pellucid.io._redaction import credentials_in, hide_values, show_arguments, show_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger("pellucid.io.core")

_DI = TypeVar("_DI")
_DO = TypeVar("_DO")
_RECORD = "_init_call"
_OLD_STYLE = "__oldstyle__"


class AbstractDataset(ABC, Generic[_DI, _DO]):
    """Base of all datasets: a subclass defines ``load`` and ``save``, perhaps ``_describe``, ``_exists``, ``_release``.

    Every ``load`` and ``save`` of a subclass is wrapped: what it raises becomes a ``DatasetError`` that names the
    dataset and has the original as its cause. Old datasets that define ``_load`` and ``_save`` work, too.

    Attributes:
        _EPHEMERAL: true if the data is gone with the process.
        _SINGLE_PROCESS: true if the dataset must not be handed to another process.
        _NOTES_ITS_CALL: true in the body of a class whose constructor sets ``_init_call``.
    """

    _EPHEMERAL: bool = False
    _init_call: tuple[tuple[Any, ...], dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = cls.__dict__
        if "__init__" in own and not own.get("_NOTES_ITS_CALL"):
            type.__setattr__(cls, "__init__", _recording(own["__init__"]))
        for name in ("load", "save"):
            function = own.get(name)
            old = function is None and f"_{name}" in own and _is_open(getattr(cls, name))
            function = own[f"_{name}"] if old else function
            if not callable(function):
                continue
            done = hasattr(function, f"__{name}wrapped__")
            wrapped = function if done else getattr(cls, f"_{name}_wrapper")(function)
            if old:
                wrapped.__dict__[_OLD_STYLE] = True
            setattr(cls, name, wrapped)

    @classmethod
    def from_config(
        cls: type,
        name: str,
        config: dict[str, Any],
        load_version: str | None = None,
        save_version: str | None = None,
    ) -> AbstractDataset[Any, Any]:
        """Make a dataset from an entry of the catalog.

        Args:
            name: the dataset's name, for messages.
            config: its ``type`` and the arguments of that type; ``versioned: true`` makes it versioned.
            load_version: the version to be loaded, if it is versioned; the latest if None.
            save_version: the version to be saved, if it is versioned; a new one if None.

        Raises:
            DatasetError: no such type, or it does not take these arguments.
        """
        try:
            class_obj, arguments = parse_dataset_definition(config, load_version, save_version)
        except DatasetError as error:
            raise DatasetError(f"Dataset '{name}': {error}") from error.__cause__
        try:
            made: AbstractDataset[Any, Any] = class_obj(**arguments)
        except TypeError as error:
            raise DatasetError(_wrong_arguments(name, class_obj, arguments, error)) from error
        except Exception as error:
            text = show_error(error, credentials_in(arguments))
            raise DatasetError(f"Dataset '{name}' ({_type_name(class_obj)}) cannot be made: {text}") from error
        return made

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(type(self).__module__)

    @property
    def _init_args(self) -> dict[str, Any]:
        """The arguments that the object was made with, defaults included."""
        args, kwargs = self.__dict__.get(_RECORD, ((), {}))
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        bound.apply_defaults()
        found: dict[str, Any] = {}
        for parameter in list(bound.signature.parameters.values())[1:]:
            value = bound.arguments[parameter.name]
            if parameter.kind is parameter.VAR_KEYWORD:
                found.update(value)
            elif parameter.kind is not parameter.VAR_POSITIONAL or value:
                found[parameter.name] = value
        return found

    def _init_config(self) -> dict[str, Any]:
        """Return the entry of a catalog that makes this dataset again; its versions are told apart."""
        arguments = self._init_args
        versioned = arguments.pop(VERSION_KEY, None) is not None
        config = {"type": _type_name(type(self)), **arguments}
        return {**config, VERSIONED_FLAG_KEY: True} if versioned else config

    def __repr__(self) -> str:
        return f"{_type_name(type(self))}({show_arguments(self._describe())})"

    def _pretty_repr(self, object_description: Mapping[str, Any]) -> str:
        return f"{_type_name(type(self))}({show_arguments(object_description)})"

    @abstractmethod
    def load(self) -> _DO:
        """Return the data."""
        ...

    @abstractmethod
    def save(self, data: _DI) -> None:
        """Keep the data."""
        ...

    def _describe(self) -> dict[str, Any]:
        """Return what tells this dataset from others, for messages: its path, not its credentials."""
        arguments = self._init_args
        return {name: value for name, value in arguments.items() if name not in {"credentials", "metadata"}}

    def exists(self) -> bool:
        """Tell whether there is data to load.

        Raises:
            DatasetError: it cannot be found out.
        """
        try:
            return self._exists()
        except DatasetError:
            raise
        except Exception as error:
            raise DatasetError(f"Cannot tell whether {described(self)} exists: {_hidden(error, self)}") from error

    def _exists(self) -> bool:
        logger.warning("'%s' does not say whether its data exists; taken as if not.", type(self).__name__)
        return False

    def release(self) -> None:
        """Let go of what is held in memory.

        Raises:
            DatasetError: that failed.
        """
        try:
            self._release()
        except DatasetError:
            raise
        except Exception as error:
            raise DatasetError(_failed("release", self, error)) from error

    def _release(self) -> None:
        """Let go of what is held in memory; nothing by default."""

    def _copy(self, **overwrite_params: Any) -> AbstractDataset[_DI, _DO]:
        copied = copy.deepcopy(self)
        for name, value in overwrite_params.items():
            setattr(copied, name, value)
        return copied

    @classmethod
    def _load_wrapper(cls, load_func: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(load_func)
        def load(self: AbstractDataset[Any, Any]) -> Any:
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("Loading %s", described(self))
            try:
                return load_func(self)
            except DatasetError:
                raise
            except Exception as error:
                raise DatasetError(_failed("load", self, error)) from error

        load.__dict__["__loadwrapped__"] = True
        return load

    @classmethod
    def _save_wrapper(cls, save_func: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        @functools.wraps(save_func)
        def save(self: AbstractDataset[Any, Any], data: Any) -> None:
            if data is None:
                raise DatasetError(f"None cannot be saved; it was given to {described(self)}.")
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("Saving %s", described(self))
            try:
                save_func(self, data)
            except DatasetError:
                raise
            except Exception as error:
                raise DatasetError(_failed("save", self, error)) from error

        save.__dict__["__savewrapped__"] = True
        return save


def _is_open(method: Any) -> bool:
    """Tell whether a private method of the same name takes the place of this one: unless somebody wrote this one."""
    return getattr(method, "__isabstractmethod__", False) or hasattr(method, _OLD_STYLE)


def _recording(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a constructor so that it notes its arguments; the outermost one of a hierarchy does."""

    @functools.wraps(init)
    def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__dict__.setdefault(_RECORD, (args, kwargs))
        init(self, *args, **kwargs)

    return initialise


def _type_name(class_obj: type) -> str:
    return f"{class_obj.__module__}.{class_obj.__qualname__}"


def described(dataset: Any) -> str:
    """Return a dataset's repr, or its type if that raises: an error is never hidden by its own message."""
    try:
        return repr(dataset)
    except Exception:
        return _type_name(type(dataset))


def secrets_of(dataset: Any) -> list[Any]:
    """Return the credentials that a dataset was made with."""
    try:
        # Not public, and still what datasets written for Kedro have.
        return credentials_in(getattr(dataset, "_init_args", None))
    except Exception:
        return []


def _hidden(error: Exception, dataset: Any) -> str:
    """Return an error's message without the dataset's credentials, of which its traceback is freed, too."""
    secrets = secrets_of(dataset)
    hide_values(error, secrets)
    return show_error(error, secrets)


def _failed(operation: str, dataset: Any, error: Exception) -> str:
    return f"Cannot {operation} {described(dataset)}: {_hidden(error, dataset)}"


def _wrong_arguments(name: str, class_obj: type, arguments: dict[str, Any], error: TypeError) -> str:
    """Say what is wrong with the arguments of a constructor, from its signature if it tells."""
    kind = _type_name(class_obj)
    problem = show_error(error, credentials_in(arguments))
    try:
        parameters = inspect.signature(class_obj).parameters
    except (TypeError, ValueError):
        return f"Dataset '{name}' ({kind}) cannot be made: {problem}"
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return f"Dataset '{name}' ({kind}) cannot be made: {problem}"
    for given in arguments:
        if given in parameters:
            continue
        if given == VERSION_KEY:
            return f"Dataset '{name}': {kind} cannot be versioned."
        close = nearest(given, parameters)
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"It takes {', '.join(parameters)}."
        return f"Dataset '{name}': {kind} takes no argument '{given}'. {hint}"
    missing = [
        each.name
        for each in parameters.values()
        if each.default is each.empty and each.name not in arguments and each.kind is not each.VAR_POSITIONAL
    ]
    if missing:
        return f"Dataset '{name}': {kind} needs the argument {', '.join(map(repr, missing))}."
    return f"Dataset '{name}' ({kind}) cannot be made: {problem}"
