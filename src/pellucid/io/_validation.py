"""Validators of datasets: what looks at data after it is loaded and before it is saved."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from pellucid._util.suggest import did_you_mean
from pellucid._util.values import values
from pellucid.exceptions import DatasetError, DataValidationError, ValidationConfigurationError

logger = logging.getLogger("pellucid.io.data_catalog")

Validate = Callable[[Any], Any]

_MODES = ("load", "save")
_SEVERITIES = ("error", "warn")
_KEYS = ("class", "enabled", "on", "options", "severity", "skip_load_after_save")


@values(frozen=True)
class ValidatorSpec:
    """How a dataset's data is validated.

    Attributes:
        class_path: the dotted name of a class or object with ``validate(data)``, or of a function of the data.
        on: when: "load", "save" or both.
        severity: "error" stops the load or save; "warn" logs, and goes on with the data as it was.
        enabled: false switches it off.
        skip_load_after_save: do not look again at what this catalog saved and found good.
        options: arguments of the class.
    """

    class_path: str
    on: tuple[str, ...] = _MODES
    severity: str = "error"
    enabled: bool = True
    skip_load_after_save: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dataset_config(cls, ds_name: str, value: Any) -> ValidatorSpec:
        """Read the ``validator`` of a dataset's configuration: a dotted name, or a mapping with ``class``.

        Raises:
            ValidationConfigurationError: it is declared wrongly.
        """
        if isinstance(value, str):
            value = {"class": value}
        if not isinstance(value, Mapping):
            raise _misdeclared(
                ds_name, f"it is a {type(value).__name__}, and should be a dotted name or a mapping with 'class'."
            )
        for key in value:
            if key not in _KEYS:
                hint = did_you_mean(str(key), _KEYS) or f" There are {', '.join(_KEYS)}."
                raise _misdeclared(ds_name, f"there is no key '{key}'.{hint}")
        spec = cls(
            class_path=value.get("class", ""),
            on=_modes(value.get("on", _MODES)),
            severity=value.get("severity", "error"),
            enabled=value.get("enabled", True),
            skip_load_after_save=value.get("skip_load_after_save", False),
            options=value.get("options") or {},
        )
        problem = _problem(spec)
        if problem:
            raise _misdeclared(ds_name, problem)
        return spec

    def to_config(self) -> str | dict[str, Any]:
        """Return what stands for it in a dataset's configuration: the dotted name if all else is as usual."""
        config: dict[str, Any] = {"class": self.class_path}
        if self.on != _MODES:
            config["on"] = list(self.on)
        if self.severity != "error":
            config["severity"] = self.severity
        if not self.enabled:
            config["enabled"] = False
        if self.skip_load_after_save:
            config["skip_load_after_save"] = True
        if self.options:
            config["options"] = dict(self.options)
        return config if len(config) > 1 else self.class_path


class Validation:
    """The validators of one catalog, made when they are first needed; when it is pickled, they are made anew.

    Attributes:
        specs: each dataset's validator, as declared.
    """

    def __init__(self) -> None:
        self.specs: dict[str, ValidatorSpec] = {}
        self._made: dict[str, Validate] = {}
        self._found_good: set[str] = set()

    def declare(self, ds_name: str, value: Any) -> None:
        """Read and note the ``validator`` of a dataset's configuration."""
        self.specs[ds_name] = ValidatorSpec.from_dataset_config(ds_name, value)

    def forget(self, ds_name: str) -> None:
        """Let a dataset be without a validator: another one took its name."""
        self.specs.pop(ds_name, None)
        self._made.pop(ds_name, None)
        self._found_good.discard(ds_name)

    def apply(self, ds_name: str, data: Any, mode: str) -> Any:
        """Return the data as the dataset's validator returns it; as it is if there is none, or if it returns None.

        Args:
            ds_name: the dataset.
            data: what was loaded, or is to be saved.
            mode: "load" or "save".

        Raises:
            DataValidationError: the validator raised, and its severity is "error".
            ValidationConfigurationError: there is no such validator.
        """
        spec = self.specs.get(ds_name)
        if spec is None or not spec.enabled or mode not in spec.on:
            return data
        if mode == "load" and spec.skip_load_after_save and ds_name in self._found_good:
            return data
        validate = self._made.get(ds_name)
        if validate is None:
            validate = self._made[ds_name] = _resolve(ds_name, spec)
        try:
            validated = validate(data)
        except Exception as error:
            problem = f"{ds_name}: the validator '{spec.class_path}' refuses the data on {mode}: {_text(error)}"
            if spec.severity == "error":
                raise DataValidationError(problem) from error
            logger.warning("%s", problem)
            return data
        if mode == "save":
            self._found_good.add(ds_name)
        return data if validated is None else validated

    def __getstate__(self) -> dict[str, Any]:
        return {"specs": dict(self.specs), "_made": {}, "_found_good": set()}


def _resolve(ds_name: str, spec: ValidatorSpec) -> Validate:
    """Import a validator, and make it ready to be called with data."""
    target = _imported(ds_name, spec.class_path)
    method = getattr(target, "validate", None)
    if isinstance(target, type):
        if not callable(method):
            raise _unusable(ds_name, spec, "it is a class without 'validate'")
        if getattr(method, "__self__", None) is target:  # a classmethod, as pandera's models have
            return functools.partial(method, **spec.options)
        try:
            made: Validate = target(**spec.options).validate
        except Exception as error:
            raise _unusable(ds_name, spec, f"it cannot be made: {_text(error)}") from error
        return made
    if callable(method):
        return functools.partial(method, **spec.options)
    if not callable(target):
        raise _unusable(ds_name, spec, "it has no 'validate', and cannot be called")
    if spec.options:
        raise _unusable(ds_name, spec, "it is a function, which takes no options; a class with 'validate' would")
    function: Validate = target
    return function


def _imported(ds_name: str, path: str) -> Any:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise ValidationConfigurationError(
            f"The validator '{path}' of the dataset '{ds_name}' cannot be imported: {_text(error)}"
        ) from error


def _problem(spec: Any) -> str | None:
    """Return what is wrong with the values of a spec, if anything."""
    if not (isinstance(spec.class_path, str) and spec.class_path):
        return "'class' must be the dotted name of a class or function."
    if not spec.on:
        return "'on' must be 'load', 'save' or both."
    if spec.severity not in _SEVERITIES:
        return f"'severity' must be 'error' or 'warn', not {spec.severity!r}."
    if not isinstance(spec.options, Mapping):
        return "'options' must be a mapping."
    for key in ("enabled", "skip_load_after_save"):
        if not isinstance(getattr(spec, key), bool):
            return f"'{key}' must be true or false, not {getattr(spec, key)!r}."
    return None


def _modes(on: Any) -> tuple[str, ...]:
    """Return the modes in their usual order; none if one of them is none."""
    given = [on] if isinstance(on, str) else on if isinstance(on, (list, tuple)) else []
    return tuple(mode for mode in _MODES if mode in given) if all(mode in _MODES for mode in given) else ()


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, DatasetError) else f"{type(error).__name__}: {error}"


def _misdeclared(ds_name: str, problem: str) -> ValidationConfigurationError:
    return ValidationConfigurationError(f"The validator of the dataset '{ds_name}' is declared wrongly: {problem}")


def _unusable(ds_name: str, spec: ValidatorSpec, problem: str) -> ValidationConfigurationError:
    return ValidationConfigurationError(
        f"The validator '{spec.class_path}' of the dataset '{ds_name}' cannot be used: {problem}."
    )
