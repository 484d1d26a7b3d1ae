"""The settings while they are put together: values, where each came from, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any

from pellucid._util.suggest import did_you_mean
from pellucid.observability.options._keys import KEYS, Key, defaults, shown
from pellucid.observability.options._kinds import MisfitError
from pellucid.observability.options._model import Options
from pellucid.observability.options._problem import Problem

DEFAULT = "default"
_LONGEST_SHOWN = 80


class Settings:
    """Values by key, beginning with the defaults; what does not fit is noted, and changes nothing."""

    def __init__(self) -> None:
        self.values = defaults()
        self.origins = dict.fromkeys(self.values, DEFAULT)
        self.problems: list[Problem] = []
        self._keys = {each.name: each for each in KEYS}

    def take_files(self, values: Mapping[Any, Any], origins: Mapping[str, str]) -> None:
        """Take what files say."""
        self._take_group("", values, origins)

    def _take_group(self, prefix: str, values: Mapping[Any, Any], origins: Mapping[str, str]) -> None:
        for name, value in values.items():
            key = f"{prefix}{name}"
            source = origins.get(key) or origins.get(prefix.rstrip("."), "")
            if key in self._keys:
                self._take_value(key, value, source)
            elif any(each.startswith(f"{key}.") for each in self._keys):
                if isinstance(value, Mapping):
                    self._take_group(f"{key}.", value, origins)
                elif value is not None:
                    self.note(key, source, f"'{key}' is a group of settings, not {said_of(value)}.")
            else:
                self.note(key, source, f"There is no setting '{key[:200]}'.{_near(key, self._keys)}")

    def _take_value(self, name: str, value: Any, source: str) -> None:
        key = self._keys[name]
        if value is None:
            # Null is none of it, or, where there has to be something, as if the key were not there.
            self.set(name, None if key.kind.is_optional else defaults()[name], source)
            return
        try:
            self.set(name, key.kind.check(value), source)
        except MisfitError as error:
            self._note_misfit(key, value, source, str(error))

    def take_text(self, name: str, variable: str, text: str) -> bool:
        """Take what a variable says, and tell whether it could be used."""
        key = self._keys[name]
        try:
            self.set(name, key.kind.check(key.kind.read(text)), variable)
        except MisfitError as error:
            self._note_misfit(key, text, variable, str(error))
            return False
        return True

    def set(self, name: str, value: Any, source: str) -> None:
        """Give a setting a value that fits."""
        self.values[name] = value
        self.origins[name] = source

    def note(self, key: str, source: str, text: str) -> None:
        """Note what is wrong, once where one variable is for several settings."""
        if not any((each.source, each.text) == (source, text) for each in self.problems):
            self.problems.append(Problem(key, source, text))

    def note_misfit(self, name: str, value: Any, source: str, hint: str = "") -> None:
        """Note that a setting cannot have a value, and what counts instead."""
        self._note_misfit(self._keys[name], value, source, hint)

    def _note_misfit(self, key: Key, value: Any, source: str, hint: str) -> None:
        in_variable = source.startswith("OTEL_")
        allowed = key.kind.allowed(in_variable=in_variable)
        said = "" if key.is_secret or (hint and not isinstance(value, (str, int, float))) else f", not {said_of(value)}"
        stays = "what was there" if key.is_secret else _url_safe(shown(self.values[key.name]))
        where = "" if in_variable else f"'{key.name}' "
        self.note(
            key.name,
            source,
            f"{where}should be {allowed}{said}.{f' {hint}' if hint else ''} It stays {stays}.",
        )

    def options(self) -> Options:
        """Return the settings as they are in force."""
        made: Options = self._group(Options(), "")
        return made

    def _group(self, group: Any, prefix: str) -> Any:
        changes: dict[str, Any] = {}
        for name, value in vars(group).items():
            key = f"{prefix}{name}"
            changes[name] = self._group(value, f"{key}.") if is_dataclass(value) else self.values[key]
        return replace(group, **changes)


def _near(key: str, known: Mapping[str, Key]) -> str:
    group = key.rpartition(".")[0]
    beside = [each for each in known if each.rpartition(".")[0] == group]
    groups = {each.rpartition(".")[0] for each in known} - {""}
    found = did_you_mean(key[:200], [*beside, *sorted(groups)]) or did_you_mean(key[:200], known)
    return found or (f" There are {', '.join(beside)}." if beside else "")


def said_of(value: Any) -> str:
    """Return a value for a message, bounded and without the secrets of URLs."""
    if isinstance(value, (dict, list, tuple)):
        return "a list" if isinstance(value, (list, tuple)) else "a group of values"
    text = _url_safe(repr(value) if isinstance(value, (str, int, float)) else str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _url_safe(text: str) -> str:
    from pellucid._util.redaction import redact_urls

    return redact_urls(text)
