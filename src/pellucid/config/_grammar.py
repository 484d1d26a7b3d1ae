"""Interpolations of any form, read with OmegaConf's grammar and evaluated on plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pellucid.config._interpolation import UnresolvedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pellucid.config._interpolation import Resolvers, Site


def expand(text: str, resolvers: Resolvers, site: Site) -> Any:
    """Return the value of a text with interpolations.

    Raises:
        UnresolvedError: it follows no form that there is, or an interpolation means nothing.
    """
    return _evaluate(text, "configValue", "DEFAULT_MODE", resolvers, site)


def decode(text: str, resolvers: Resolvers, site: Site) -> Any:
    """Return the value that a text is when it is written as an argument: ``[1, 2]``, ``{a: 1}``, ``1e3``."""
    return _evaluate(text, "singleElement", "VALUE_MODE", resolvers, site)


def _evaluate(text: str, rule: str, mode: str, resolvers: Resolvers, site: Site) -> Any:
    from omegaconf.errors import GrammarParseError, InterpolationResolutionError
    from omegaconf.grammar_parser import parse
    from omegaconf.grammar_visitor import GrammarVisitor

    def refer(key: Any, _memo: object) -> Any:
        return as_node(site.evaluator.reference(key.parts, key.relative_dots, site.path))

    def call(*, name: str, args: Sequence[Any], **_: object) -> Any:
        value = resolvers.call(name, args, site)
        return as_node(value) if name in ("globals", "runtime_params") else value

    try:
        value = GrammarVisitor(refer, call, None).visit(parse(text, parser_rule=rule, lexer_mode=mode))
    except GrammarParseError as error:
        raise UnresolvedError("its interpolation cannot be read", f": {error}") from error
    except InterpolationResolutionError as error:
        raise UnresolvedError("its interpolation cannot be resolved", f": {error}") from error
    return plain(value)


def as_node(value: Any) -> Any:
    """Wrap dicts and lists as resolvers are used to get them; leave everything else."""
    if not isinstance(value, (dict, list)):
        return value
    from omegaconf import OmegaConf

    return OmegaConf.create(value, flags={"allow_objects": True})


def plain(value: Any) -> Any:
    """Return plain data for whatever a resolver or the grammar returned."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return str(value)
    from omegaconf import DictConfig, ListConfig, OmegaConf

    if isinstance(value, (DictConfig, ListConfig)):
        return OmegaConf.to_container(value, resolve=False)
    return value


def call_registered(name: str, args: Sequence[Any], site: Site) -> Any:
    """Call a resolver that was registered with OmegaConf by somebody else.

    Raises:
        KeyError: there is none.
    """
    from omegaconf import OmegaConf

    if not OmegaConf.has_resolver(name):
        raise KeyError(name)
    root, parent, node = nodes_of(site)
    resolver: Any = OmegaConf._get_resolver(name)  # noqa: SLF001 - there is no public way to call one
    return plain(resolver(root, parent, node, tuple(args), tuple(map(str, args))))


def nodes_of(site: Site) -> tuple[Any, Any, Any]:
    """Return root, parent and node of an interpolation as OmegaConf's, for resolvers that ask for them."""
    root = as_node(site.evaluator.root)
    parent = root
    for key in site.path[:-1]:
        parent = parent[key]
    return root, parent, parent._get_node(site.path[-1])  # noqa: SLF001 - indexing would resolve it
