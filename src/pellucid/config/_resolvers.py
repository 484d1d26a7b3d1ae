"""The resolvers of one loader: globals, runtime parameters, its own ones, and OmegaConf's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pellucid.config._interpolation import MISSING, Evaluator, Site, UnresolvedError, pick, split_key
from pellucid.config._merging import clone
from pellucid.config._restriction import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SPECIAL = ("_root_", "_parent_", "_node_")


class LoaderResolvers:
    """What interpolations of one configuration key may call. Made anew for each configuration that is resolved.

    Args:
        runtime_params: of this run.
        custom: the resolvers of the project, which win over all others.
        global_values: returns the globals, resolved; None while the globals themselves are resolved.
        environment: ``oc.env`` may be used.
        marks_runtime: mark the texts that come from runtime parameters.
    """

    def __init__(
        self,
        runtime_params: dict[str, Any],
        custom: Mapping[str, Callable[..., Any]],
        global_values: Callable[[], dict[Any, Any]] | None,
        *,
        environment: bool,
        marks_runtime: bool = False,
    ) -> None:
        self._custom = custom
        self._global_values = global_values
        self._environment = environment
        self._runtime = Evaluator(runtime_params, self)
        self._own: dict[str, Callable[[Sequence[Any], Site], Any]] = {
            "globals": self._globals,
            "runtime_params": self._runtime_params,
            "oc.env": self._env,
            "oc.select": self._select,
            "oc.create": lambda args, _: _only(args, "oc.create"),
            "oc.decode": self._decode,
            "oc.dict.keys": lambda args, site: list(self._mapping(args, site, "oc.dict.keys")),
            "oc.dict.values": lambda args, site: list(self._mapping(args, site, "oc.dict.values").values()),
        }
        self.marks_runtime = marks_runtime
        self.runtime_hits = 0

    def call(self, name: str, args: Sequence[Any], site: Site) -> Any:
        """Return the value of ``${name:args}``.

        Raises:
            UnresolvedError: there is no such resolver, it may not be used here, or it failed.
        """
        if name in self._custom:
            return self._call_custom(name, args, site)
        if name in self._own:
            return self._own[name](args, site)
        from pellucid.config._grammar import call_registered

        try:
            return call_registered(name, args, site)
        except KeyError as error:
            if error.args != (name,):
                raise _failure(name, error) from error
        except Exception as error:
            raise _failure(name, error) from error
        from pellucid._util.suggest import did_you_mean

        raise UnresolvedError(f"there is no resolver '{name}'.{did_you_mean(name, [*self._custom, *self._own])}")

    def _call_custom(self, name: str, args: Sequence[Any], site: Site) -> Any:
        import inspect

        from pellucid.config._grammar import nodes_of, plain

        resolver = self._custom[name]
        try:
            wanted = [each for each in _SPECIAL if each in inspect.signature(resolver).parameters]
        except (TypeError, ValueError):  # what is written in C need not have a signature
            wanted = []
        nodes = dict(zip(_SPECIAL, nodes_of(site), strict=True)) if wanted else {}
        try:
            return plain(resolver(*args, **{each: nodes[each] for each in wanted}))
        except Exception as error:
            raise _failure(name, error) from error

    def _globals(self, args: Sequence[Any], _: Site) -> Any:
        name, default = _name_and_default(args, "globals")
        if self._global_values is None:
            raise UnresolvedError(f"globals refer to each other by ${{{name}}}, without 'globals:'")
        if name.startswith("_"):
            raise UnresolvedError(f"'{name}' starts with '_', and such keys of the globals cannot be used elsewhere")
        values = self._global_values()
        value = pick(values, split_key(name))
        if value is not MISSING:
            return clone(value)
        if default is not MISSING:
            return default
        raise UnresolvedError(f"there is no global '{name}', and no default.{_near(name, values)}")

    def _runtime_params(self, args: Sequence[Any], _: Site) -> Any:
        name, default = _name_and_default(args, "runtime_params")
        if self._global_values is None:
            raise UnresolvedError("globals cannot use 'runtime_params:'; parameters and the catalog can")
        value = self._runtime.select(split_key(name))
        if value is not MISSING:
            self.runtime_hits += 1
            return mark(value) if self.marks_runtime else value
        if default is not MISSING:
            return default
        near = _near(name, self._runtime.root)
        raise UnresolvedError(f"there is no runtime parameter '{name}', and no default.{near}")

    def _env(self, args: Sequence[Any], _: Site) -> Any:
        name, default = _name_and_default(args, "oc.env")
        if not self._environment:
            raise UnresolvedError("'oc.env' can be used in credentials alone")
        if name in os.environ:
            return os.environ[name]
        if default is not MISSING:
            return default if default is None else str(default)
        raise UnresolvedError(f"there is no environment variable '{name}', and no default")

    def _select(self, args: Sequence[Any], site: Site) -> Any:
        name, default = _name_and_default(args, "oc.select")
        value = _lookup(name, site)
        return (None if default is MISSING else default) if value is MISSING else value

    def _decode(self, args: Sequence[Any], site: Site) -> Any:
        from pellucid.config._grammar import decode

        text = _only(args, "oc.decode")
        return decode(text, self, site) if isinstance(text, str) else text

    @staticmethod
    def _mapping(args: Sequence[Any], site: Site, resolver: str) -> dict[Any, Any]:
        value = _lookup(str(_only(args, resolver)), site)
        if not isinstance(value, dict):
            raise UnresolvedError(f"'{args[0]}', which '{resolver}' takes, is no mapping")
        return value


def _lookup(name: str, site: Site) -> Any:
    dots = len(name) - len(name.lstrip("."))
    return site.evaluator.select(split_key(name), site.path[: max(len(site.path) - dots, 0)] if dots else ())


def _only(args: Sequence[Any], resolver: str) -> Any:
    if len(args) != 1:
        raise UnresolvedError(f"'{resolver}' takes one argument, and has {len(args)}")
    return args[0]


def _name_and_default(args: Sequence[Any], resolver: str) -> tuple[str, Any]:
    if not 1 <= len(args) <= 2:
        raise UnresolvedError(f"'{resolver}' takes a name and maybe a default, and has {len(args)} arguments")
    return str(args[0]), args[1] if len(args) == 2 else MISSING


def _near(name: str, values: Mapping[Any, Any]) -> str:
    from pellucid._util.suggest import did_you_mean

    first, _, rest = name.partition(".")
    inner = values.get(first)
    if rest and isinstance(inner, dict):
        return did_you_mean(name, [f"{first}.{key}" for key in inner])
    return did_you_mean(name, [str(key) for key in values if not str(key).startswith("_")])


def _failure(name: str, error: Exception) -> UnresolvedError:
    return UnresolvedError(f"the resolver '{name}' raised {type(error).__name__}", f": {error}")
