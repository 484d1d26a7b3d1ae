"""Interpolation: what ``${...}`` in a configuration stands for.

Works on plain data. Nothing is registered anywhere, so that any number of loaders resolve at once, each with its own
resolvers. References of the usual forms are resolved here; the rest goes through OmegaConf's grammar.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from pellucid._util.lazily import LazyPattern
from pellucid.config._merging import clone
from pellucid.config._restriction import is_marked, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    KeyPath = tuple[Any, ...]

MARK = "${"
MISSING: Any = object()

# ${a.b}, ${globals:a.b}, ${runtime_params:a.b} and the last two with a plain word as the default.
_USUAL = LazyPattern(
    r"""\$\{\s*
    (?:(?P<resolver>globals|runtime_params)\s*:\s*(?P<name>[A-Za-z_]\w*(?:\.\w+)*)
        (?:\s*,\s*(?P<default>[A-Za-z_/][A-Za-z0-9_./\-]*))?
      | (?P<reference>[A-Za-z_]\w*(?:\.\w+)*)
    )\s*\}""",
    re.VERBOSE | re.ASCII,
)
_LITERALS = frozenset({"null", "true", "false", "inf", "nan"})
_KEY_PART = LazyPattern(r"([^.\[\]]+)|\[([^\[\]]+)\]")


class UnresolvedError(Exception):
    """An interpolation cannot be resolved.

    Args:
        problem: what is wrong, without a value that may be a secret.
        detail: more, which may hold values.
    """

    def __init__(self, problem: str, detail: str = "") -> None:
        super().__init__(problem)
        self.problem, self.detail = problem, detail
        self.path: KeyPath | None = None


class Resolvers(Protocol):
    """What stands before the colon in ``${name:...}``."""

    marks_runtime: bool
    """Texts from runtime parameters are marked as such."""
    runtime_hits: int
    """How many values came from runtime parameters so far."""

    def call(self, name: str, args: Sequence[Any], site: Site) -> Any:
        """Return the value of ``${name:args}``."""
        ...


class Site:
    """The place of an interpolation: the configuration it stands in, and its path there."""

    def __init__(self, evaluator: Evaluator, path: KeyPath) -> None:
        self.evaluator, self.path = evaluator, path


def split_key(name: str) -> list[str]:
    """Return the parts of ``a.b[0]``."""
    return [plain or bracketed for plain, bracketed in _KEY_PART.compiled.findall(name)]


def key_of(container: Any, part: str) -> Any:
    """Return the key or index of ``container`` that ``part`` of a dotted name means, or ``MISSING``."""
    if isinstance(container, dict):
        if part in container:
            return part
        number = _integer(part)
        return number if number is not None and number in container else MISSING
    if isinstance(container, (list, tuple)):
        number = _integer(part)
        return number if number is not None and -len(container) <= number < len(container) else MISSING
    return MISSING


def _integer(part: str) -> int | None:
    try:
        return int(part)
    except ValueError:
        return None


def pick(data: Any, parts: Sequence[str]) -> Any:
    """Return what is at ``parts`` of resolved data, or ``MISSING``."""
    for part in parts:
        key = key_of(data, part)
        if key is MISSING:
            return MISSING
        data = data[key]
    return data


def dotted(path: KeyPath) -> str:
    """Write a path as people do: ``a.b[0]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


class Evaluator:
    """Resolves the interpolations of one configuration; the configuration itself is not changed."""

    def __init__(self, root: dict[Any, Any], resolvers: Resolvers) -> None:
        self.root = root
        self._resolvers = resolvers
        self._done: dict[KeyPath, Any] = {}
        self._open: dict[KeyPath, None] = {}

    def resolve(self) -> dict[Any, Any]:
        """Return a copy of the configuration with everything resolved.

        Raises:
            UnresolvedError: an interpolation means nothing.
        """
        return {key: self._resolve(value, (key,)) for key, value in self.root.items()}

    def at(self, path: KeyPath) -> Any:
        """Return the resolved value at a path that exists."""
        return self._resolve(self._raw(path), path)

    def select(self, parts: Sequence[str], base: KeyPath = ()) -> Any:
        """Return the resolved value at ``parts`` below ``base``, or ``MISSING``."""
        path, raw = base, self._raw(base)
        for index, part in enumerate(parts):
            if isinstance(raw, str) and MARK in raw:
                return clone(pick(self._text(raw, path), parts[index:]))
            key = key_of(raw, part)
            if key is MISSING:
                return MISSING
            raw, path = raw[key], (*path, key)
        return self._resolve(raw, path)

    def reference(self, parts: Sequence[str], dots: int, path: KeyPath) -> Any:
        """Return what ``${a.b}`` at ``path`` means; ``dots`` leading ones make it relative to a container above."""
        if dots > len(path):
            raise UnresolvedError(f"'{'.' * dots}{'.'.join(parts)}' leads above the top")
        value = self.select(parts, path[:-dots] if dots else ())
        if value is MISSING or (isinstance(value, str) and value == "???"):
            name = "." * dots + ".".join(parts)
            state = "does not exist" if value is MISSING else "has no value yet ('???')"
            raise UnresolvedError(f"'{name}', to which it refers, {state}.{self._near(parts, dots)}")
        if self._resolvers.marks_runtime and is_marked(value):
            self._resolvers.runtime_hits += 1
        return value

    def _near(self, parts: Sequence[str], dots: int) -> str:
        from pellucid._util.suggest import did_you_mean

        return "" if dots else did_you_mean(parts[0], [str(key) for key in self.root if str(key) != parts[0]])

    def _raw(self, path: KeyPath) -> Any:
        raw: Any = self.root
        for key in path:
            raw = raw[key]
        return raw

    def _resolve(self, raw: Any, path: KeyPath) -> Any:
        if isinstance(raw, str):
            return self._text(raw, path) if MARK in raw else raw
        if isinstance(raw, dict):
            return {
                key: self._resolve(value, (*path, key)) if isinstance(value, (dict, list)) or _marked(value) else value
                for key, value in raw.items()
            }
        if isinstance(raw, list):
            return [
                self._resolve(value, (*path, index)) if isinstance(value, (dict, list)) or _marked(value) else value
                for index, value in enumerate(raw)
            ]
        return raw

    def _text(self, raw: str, path: KeyPath) -> Any:
        """Return the value of a text with interpolations, each time a copy of its own."""
        if path in self._done:
            return clone(self._done[path])
        if path in self._open:
            circle = [dotted(each) for each in list(self._open)[list(self._open).index(path) :]]
            raise UnresolvedError(f"it refers to itself: {' -> '.join([*circle, circle[0]])}")
        self._open[path] = None
        try:
            value = self._expand(raw, path)
        except UnresolvedError as error:
            if error.path is None:
                error.path = path
            raise
        finally:
            del self._open[path]
        self._done[path] = value
        return clone(value)

    def _expand(self, raw: str, path: KeyPath) -> Any:
        pieces = self._usual_pieces(raw)
        if pieces is None:
            from pellucid.config._grammar import expand

            hits = self._resolvers.runtime_hits
            value = expand(raw, self._resolvers, Site(self, path))
            return mark(value) if self._resolvers.marks_runtime and self._resolvers.runtime_hits > hits else value
        values = [piece if isinstance(piece, str) else self._value(piece, path) for piece in pieces]
        if len(values) == 1:
            return values[0]
        text = "".join(map(str, values))
        return mark(text) if self._resolvers.marks_runtime and is_marked(values) else text

    @staticmethod
    def _usual_pieces(raw: str) -> list[str | re.Match[str]] | None:
        """Split a text into literals and references, or return None where the grammar is needed."""
        if "\\" in raw:
            return None
        pieces: list[str | re.Match[str]] = []
        end = 0
        for match in _USUAL.compiled.finditer(raw):
            words = match.group("name", "default", "reference")
            literal = raw[end : match.start()]
            if MARK in literal or any(word is not None and word.lower() in _LITERALS for word in words):
                return None
            pieces.extend([literal, match] if literal else [match])
            end = match.end()
        if MARK in raw[end:]:
            return None
        return [*pieces, raw[end:]] if raw[end:] else pieces

    def _value(self, match: re.Match[str], path: KeyPath) -> Any:
        resolver, name, default, reference = match.group("resolver", "name", "default", "reference")
        if reference is not None:
            return self.reference(reference.split("."), 0, path)
        args = [name] if default is None else [name, default]
        return self._resolvers.call(resolver, args, Site(self, path))


def _marked(value: Any) -> bool:
    return isinstance(value, str) and MARK in value
