"""The settings in force, one by one, fit to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pellucid._util.redaction import REDACTED, SECRET_KEY, redact_urls
from pellucid._util.rows import Row
from pellucid.observability.options._keys import KEYS, flat, shown

if TYPE_CHECKING:
    from pellucid.observability.options._loading import LoadedOptions


class EffectiveOption(Row):
    """One setting.

    Attributes:
        key: with dots, as the file nests it.
        value: as YAML has it, without secrets.
        origin: ``default``, a file, or a variable.
    """

    key: str
    value: str
    origin: str


def effective(loaded: LoadedOptions) -> list[EffectiveOption]:
    """Return all settings in force, in the order of the documentation; secrets are hidden."""
    values = flat(loaded.options)
    rows = []
    for key in KEYS:
        value = values[key.name]
        text = shown(dict.fromkeys(value, REDACTED)) if key.is_secret else redact_urls(shown(_hidden(value)))
        rows.append(EffectiveOption(key.name, text, loaded.origins.get(key.name, "default")))
    return rows


def _hidden(value: Any) -> Any:
    """Return a value without what its own keys say to be secret, such as a token among the resource's attributes."""
    if not isinstance(value, Mapping):
        return value
    return {name: REDACTED if SECRET_KEY.search(str(name)) else each for name, each in value.items()}
