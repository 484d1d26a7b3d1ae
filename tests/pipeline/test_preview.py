from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.pipeline import one

from pellucid.exceptions import PipelineError
from pellucid.pipeline import node
from pellucid.pipeline.preview_contract import (
    BasePreview,
    CustomPreview,
    ImagePreview,
    MermaidPreview,
    TextPreview,
    assert_json_value,
)


def test_a_node_shows_what_its_preview_function_makes() -> None:
    assert node(one, "a", "b", preview_fn=lambda: TextPreview("hello")).preview() == TextPreview("hello")
    assert node(one, "a", "b").preview() is None


def test_a_preview_function_that_makes_no_preview_is_an_error() -> None:
    def wrong() -> Any:
        return 3

    with pytest.raises(PipelineError, match="not a value of type 'int'"):
        node(one, "a", "b", preview_fn=wrong).preview()


@pytest.mark.parametrize(
    ("preview", "expected"),
    [
        (TextPreview("t", meta={"a": 1}), {"meta": {"a": 1}, "content": "t", "kind": "text"}),
        (MermaidPreview("graph TD"), {"meta": None, "content": "graph TD", "kind": "mermaid"}),
        (ImagePreview("data:,"), {"meta": None, "content": "data:,", "kind": "image"}),
        (
            CustomPreview("table", {"rows": [1, None, {"x": 2.5}]}),
            {"meta": None, "renderer_key": "table", "content": {"rows": [1, None, {"x": 2.5}]}, "kind": "custom"},
        ),
        (BasePreview(meta={}), {"meta": {}, "kind": None}),
    ],
)
def test_a_preview_becomes_json(preview: BasePreview, expected: dict[str, Any]) -> None:
    assert preview.to_dict() == expected
    assert json.loads(json.dumps(preview.to_dict())) == expected


@pytest.mark.parametrize("kind", [TextPreview, MermaidPreview, ImagePreview])
def test_content_is_text(kind: Any) -> None:
    with pytest.raises(TypeError, match=f"The content of a {kind.__name__} is text, not int"):
        kind(1)


@pytest.mark.parametrize(
    ("key", "content", "message"),
    [
        ("", {}, "renderer_key of a CustomPreview is text, and not empty"),
        (1, {}, "renderer_key of a CustomPreview is text, and not empty"),
        ("k", [1], "The content of a CustomPreview is a dictionary, not list"),
        ("k", {"a": [0, {1}]}, r"\$\.content\.a\[1\] is of type set, which JSON does not have"),
        ("k", {"a": {1: 2}}, r"\$\.content\.a has the key 1, and keys in JSON are text"),
    ],
)
def test_custom_content_is_json(key: Any, content: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        CustomPreview(key, content)


def test_a_value_may_occur_twice_but_not_in_itself() -> None:
    shared: list[Any] = [1]
    assert_json_value({"a": shared, "b": (shared, "text", True, None, 1.5)})
    shared.append(shared)
    with pytest.raises(TypeError, match=r"\$ contains itself"):
        assert_json_value(shared)
