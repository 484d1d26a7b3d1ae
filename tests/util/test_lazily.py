"""What is done when it is first needed."""

from __future__ import annotations

import json.decoder
import re

import pytest

from pellucid._util.lazily import LazyPattern, names_from


def test_a_name_is_imported_from_its_module_when_it_is_asked_for() -> None:
    asked = names_from("json", {"decoder": ("JSONDecoder",)})
    assert asked("JSONDecoder") is json.decoder.JSONDecoder
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'other'"):
        asked("other")


def test_a_pattern_is_compiled_once_and_when_it_is_needed() -> None:
    pattern = LazyPattern("A+", re.IGNORECASE)
    assert "compiled" not in vars(pattern)
    assert pattern.sub("-", "xaAx") == "x-x"
    assert pattern.compiled is pattern.compiled
