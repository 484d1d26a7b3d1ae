"""What a node's ``preview_fn`` may return: data that a viewer can show without knowing the node."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias, Union

from pellucid.exceptions import PipelineError

__all__ = [
    "BasePreview",
    "CustomPreview",
    "ImagePreview",
    "JSONArray",
    "JSONObject",
    "JSONScalar",
    "JSONValue",
    "MermaidPreview",
    "Meta",
    "PreviewPayload",
    "TextPreview",
    "assert_json_value",
]

JSONScalar: TypeAlias = str | int | float | bool | None
JSONValue: TypeAlias = Union[JSONScalar, "JSONObject", "JSONArray"]
JSONObject: TypeAlias = dict[str, JSONValue]
JSONArray: TypeAlias = list[JSONValue]
Meta: TypeAlias = dict[str, JSONValue]


def assert_json_value(data: object, path: str = "$") -> None:
    """Refuse what JSON cannot express.

    Args:
        data: any value.
        path: where it stands, for the message.

    Raises:
        TypeError: naming the first place that is no JSON.
    """
    pending: list[tuple[object, str]] = [(data, path)]
    seen: set[int] = set()
    while pending:
        value, place = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise TypeError(f"{place} has the key {key!r}, and keys in JSON are text.")
            pending.extend((item, f"{place}.{key}") for key, item in value.items())
        elif isinstance(value, list | tuple):
            pending.extend((item, f"{place}[{position}]") for position, item in enumerate(value))
        elif not isinstance(value, str | int | float | None):
            raise TypeError(f"{place} is of type {type(value).__name__}, which JSON does not have.")
    try:
        json.dumps(data)
    except ValueError:
        raise TypeError(f"{path} contains itself, which nothing in JSON does.") from None


@dataclass(frozen=True)
class BasePreview:
    """What all previews have.

    Args:
        meta: anything that the viewer may want to know.
    """

    meta: Meta | None = field(default=None, kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, and the ``kind``, as a dictionary that JSON can express."""
        return {**asdict(self), "kind": getattr(self, "kind", None)}


@dataclass(frozen=True)
class _ContentPreview(BasePreview):
    content: str
    kind: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.content, str):
            raise TypeError(f"The content of a {type(self).__name__} is text, not {type(self.content).__name__}.")


@dataclass(frozen=True)
class TextPreview(_ContentPreview):
    """Plain text."""

    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class MermaidPreview(_ContentPreview):
    """A diagram in the language of mermaid.js."""

    kind: str = field(default="mermaid", init=False)


@dataclass(frozen=True)
class ImagePreview(_ContentPreview):
    """An image, as a URL or a ``data:`` URI."""

    kind: str = field(default="image", init=False)


@dataclass(frozen=True)
class CustomPreview(BasePreview):
    """Data for a renderer that the viewer knows by name.

    Args:
        renderer_key: the renderer's name.
        content: what it gets.
    """

    renderer_key: str
    content: JSONObject
    kind: str = field(default="custom", init=False)

    def __post_init__(self) -> None:
        if not (self.renderer_key and isinstance(self.renderer_key, str)):
            raise TypeError("The renderer_key of a CustomPreview is text, and not empty.")
        if not isinstance(self.content, dict):
            raise TypeError(f"The content of a CustomPreview is a dictionary, not {type(self.content).__name__}.")
        assert_json_value(self.content, "$.content")


PreviewPayload: TypeAlias = TextPreview | MermaidPreview | ImagePreview | CustomPreview


def check_preview(value: object) -> PreviewPayload:
    """Return ``value`` if it is a preview.

    Raises:
        PipelineError: if it is not.
    """
    if isinstance(value, TextPreview | MermaidPreview | ImagePreview | CustomPreview):
        return value
    raise PipelineError(
        "A preview_fn returns a TextPreview, MermaidPreview, ImagePreview or CustomPreview, "
        f"not a value of type '{type(value).__name__}'."
    )
