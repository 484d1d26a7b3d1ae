"""Dataset factory patterns: names with placeholders, their order, and which one a dataset's name matches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import DatasetError
from pellucid.io._definition import copy_containers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FIELD = re.compile(r"\{([^{}]*)\}")
# In a configuration, braces that cannot hold a placeholder's name (a quantifier, JSON) are left alone.
_REFERENCE = re.compile(r"\{\s*([^\W\d][^{}]*)\}")
_REMEMBERED = 20_000


def is_pattern(text: str) -> bool:
    """Tell whether a name of the catalog is a pattern: it has an opening brace."""
    return "{" in text


class Pattern:
    """A name with placeholders, such as ``{namespace}.{name}#csv``.

    A placeholder stands for one or more characters of any kind, as few as possible; one that occurs twice stands for
    the same text. Letters match in either case.

    Attributes:
        text: the pattern as it is written.
        names: the names of its placeholders.
        literal_length: how many characters are outside of braces.
        placeholder_count: how many placeholders it has, each occurrence counted.
    """

    __slots__ = ("_prefix", "_regex", "_suffix", "literal_length", "names", "placeholder_count", "text")

    def __init__(self, text: str) -> None:
        fields = _FIELD.findall(text)
        self.text = text
        self.names = tuple(dict.fromkeys(name for name in fields if name))
        self.placeholder_count = len(fields)
        literals = _FIELD.split(text)[::2]
        self.literal_length = sum(map(len, literals))
        self._prefix, self._suffix = _folded(literals[0]), _folded(literals[-1])
        self._regex: re.Pattern[str] | None = None
        self._check(literals)

    def _check(self, literals: Iterable[str]) -> None:
        if any("{" in each or "}" in each for each in literals):
            raise DatasetError(f"The pattern '{self.text}' has a brace without its counterpart.")
        for name in self.names:
            if not name.isidentifier():
                raise DatasetError(
                    f"The pattern '{self.text}' has a placeholder '{name}': "
                    "use letters, digits and underscores, and no digit first."
                )

    @property
    def is_catch_all(self) -> bool:
        """True if it matches every name: there is nothing but placeholders."""
        return self.literal_length == 0

    @property
    def takes_all(self) -> bool:
        """True if there is a single placeholder and nothing else: every name but the empty one matches."""
        return self.is_catch_all and self.placeholder_count == 1

    @property
    def sort_key(self) -> tuple[int, int, str]:
        """What orders patterns, the most specific first."""
        return -self.literal_length, -self.placeholder_count, self.text

    def match(self, name: str) -> dict[str, str] | None:
        """Return what each placeholder stands for in ``name``, or None if the pattern does not match."""
        if name.isascii():
            folded = name.lower()
            if not (folded.startswith(self._prefix) and folded.endswith(self._suffix)):
                return None
        regex = self._regex or self._compile()
        found = regex.fullmatch(name)
        return found.groupdict() if found else None

    def _compile(self) -> re.Pattern[str]:
        parts: list[str] = []
        seen: set[str] = set()
        for position, piece in enumerate(_FIELD.split(self.text)):
            if position % 2 == 0:
                parts.append(re.escape(piece))
            elif not piece:
                parts.append(".+?")
            elif piece in seen:
                parts.append(f"(?P={piece})")
            else:
                seen.add(piece)
                parts.append(f"(?P<{piece}>.+?)")
        self._regex = re.compile("".join(parts), re.DOTALL | re.IGNORECASE)
        return self._regex

    def fill(self, config: Any, name: str) -> Any:
        """Return a copy of ``config`` in which placeholders are replaced by what they stand for in ``name``.

        Raises:
            DatasetError: the pattern does not match.
        """
        values = self.match(name)
        if values is None:
            raise DatasetError(f"The pattern '{self.text}' does not match '{name}'.")
        return _filled(config, values)

    def check_references(self, config: Any) -> None:
        """Make sure that ``config`` refers to no placeholder but those of this pattern.

        Raises:
            DatasetError: it does; names those placeholders and the ones that there are.
        """
        unknown = [name for name in dict.fromkeys(_references(config)) if name not in self.names]
        if unknown:
            known = ", ".join(f"'{{{name}}}'" for name in self.names) or "none with a name"
            shown = ", ".join(f"'{{{name}}}'" for name in unknown)
            raise DatasetError(
                f"The configuration of the pattern '{self.text}' uses {shown}, which the pattern does not have. "
                f"Its placeholders: {known}."
            )

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


class PatternTable:
    """Patterns with their configurations, the most specific first; remembers which pattern a name matched.

    Args:
        configs: the configuration of each pattern; looked at when it is used, not copied.
    """

    def __init__(self, configs: Mapping[str, Any]) -> None:
        self._patterns = sorted(map(Pattern, configs), key=lambda pattern: pattern.sort_key)
        self._configs = dict(configs)
        self._found: dict[str, Pattern | None] = {}
        self._takes_all = len(self._patterns) == 1 and self._patterns[0].takes_all
        self._constant = {text for text, config in self._configs.items() if next(_references(config), None) is None}

    def __iter__(self) -> Iterator[Pattern]:
        return iter(self._patterns)

    def __len__(self) -> int:
        return len(self._patterns)

    def config_of(self, pattern: Pattern) -> Any:
        """Return the configuration that belongs to a pattern, as it is written."""
        return self._configs[pattern.text]

    def filled(self, pattern: Pattern, name: str) -> Any:
        """Return a copy of a pattern's configuration, filled in for a name that it matches."""
        config = self._configs[pattern.text]
        return copy_containers(config) if pattern.text in self._constant else pattern.fill(config, name)

    def find(self, name: str) -> Pattern | None:
        """Return the most specific pattern that matches ``name``, or None."""
        if not self._patterns:
            return None
        if self._takes_all and name:
            return self._patterns[0]
        try:
            return self._found[name]
        except KeyError:
            found = next((pattern for pattern in self._patterns if pattern.match(name) is not None), None)
        if len(self._found) >= _REMEMBERED:
            self._found = {}
        self._found[name] = found
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": {}}


def _folded(literal: str) -> str:
    """Return what an ASCII name must start or end with; nothing where case folding is not that simple."""
    return literal.lower() if literal.isascii() else ""


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: values[found[1]], value) if "{" in value else value
    if isinstance(value, Mapping):
        return {_filled(key, values): _filled(each, values) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_filled(each, values) for each in value])
    return value


def _references(value: Any) -> Iterator[str]:
    """Yield the name of every placeholder in a configuration."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _references(key)
            yield from _references(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _references(each)
