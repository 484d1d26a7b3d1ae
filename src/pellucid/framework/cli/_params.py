"""``a=1,b.c=x`` as nested, typed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAIRS = {"[": "]", "{": "}"}


def parse_params(text: str) -> dict[str, Any]:
    """Return what ``key=value,key.nested=value`` says.

    Values are typed as YAML does. One that starts with ``[``, ``{`` or a quote may contain commas. Of two values for
    one key the later is taken.

    Raises:
        ValueError: an item is not ``key=value``, or a value is no YAML; the message names it.
    """
    params: dict[str, Any] = {}
    for item in _items(text):
        key, equals, value = item.partition("=")
        names = [name.strip() for name in key.split(".")]
        if not equals or not names[0]:
            raise ValueError(f"'{item.strip()}' is not of the form 'key=value'.")
        if not all(names):
            raise ValueError(f"The key '{key.strip()}' has an empty part.")
        _put(params, names, _typed(value.strip(), item.strip()))
    return params


def _put(params: dict[str, Any], names: list[str], value: Any) -> None:
    *path, last = names
    for name in path:
        inner = params.get(name)
        if not isinstance(inner, dict):
            inner = params[name] = {}
        params = inner
    params[last] = value


def _typed(value: str, item: str) -> Any:
    """Type a value as a configuration file would have it typed, ``1e3`` being a number and a date a text."""
    if not value:
        return None
    from omegaconf import OmegaConf
    from yaml import YAMLError

    try:
        parsed = OmegaConf.from_dotlist([f"value={value}"])
    except (YAMLError, ValueError) as error:
        reason = getattr(error, "problem", None) or str(error)
        raise ValueError(f"The value of '{item}' cannot be read: {reason}.") from None
    container: Any = OmegaConf.to_container(parsed)
    return container["value"]


def _items(text: str) -> Iterator[str]:
    """Split at the commas that stand outside of a value in brackets or quotes."""
    start = position = 0
    while position < len(text):
        if text[position] == ",":
            if text[start:position].strip():
                yield text[start:position]
            start = position + 1
        elif text[position] == "=" and "=" not in text[start:position]:
            position = _end_of_value(text, position + 1) - 1
        position += 1
    if text[start:].strip():
        yield text[start:]


def _end_of_value(text: str, start: int) -> int:
    """Return where a value ends that opens with a bracket or a quote; ``start`` for any other."""
    first = start + len(text[start:]) - len(text[start:].lstrip())
    if text[first : first + 1] in ("'", '"'):
        end = text.find(text[first], first + 1)
        return start if end < 0 else end + 1
    if text[first : first + 1] not in _PAIRS:
        return start
    expected: list[str] = []
    for position in range(first, len(text)):
        if text[position] in _PAIRS:
            expected.append(_PAIRS[text[position]])
        elif expected and text[position] == expected[-1]:
            expected.pop()
        if not expected:
            return position + 1
    return start
