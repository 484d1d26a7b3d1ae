"""Reading of YAML and JSON files."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pellucid.exceptions import BadConfigException, ConfigSyntaxError

_STRING = "tag:yaml.org,2002:str"
_MAPPING = "tag:yaml.org,2002:map"
_SEQUENCE = "tag:yaml.org,2002:seq"
_MERGE = "tag:yaml.org,2002:merge"
_VALUE = "tag:yaml.org,2002:value"

# Aliases may repeat what is anchored, and a few lines of them can stand for billions of values.
_SPARE_NODES = 100_000

# YAML 1.1 as PyYAML has it wants a dot and a signed exponent; people write 1e-3.
_FLOAT = re.compile(
    r"""^(?:
        [-+]?\d[\d_]*\.[\d_]*(?:[eE][-+]?\d+)?
      | [-+]?\d+(?:_\d+)*[eE][-+]?\d+
      | \.\d[\d_]*(?:[eE][-+]\d+)?
      | [-+]?\d[\d_]*(?::[0-5]?\d)+\.[\d_]*
      | [-+]?\.(?:inf|Inf|INF)
      | \.(?:nan|NaN|NAN)
    )$""",
    re.VERBOSE | re.ASCII,
)


def parse(content: bytes, name: str) -> dict[Any, Any]:
    """Return the mapping that a file holds; an empty file is an empty mapping.

    Args:
        content: the bytes of the file, UTF-8.
        name: the file as the user would name it; a name that ends in ``.json`` is read as JSON first.

    Raises:
        ConfigSyntaxError: it is no YAML, or a key stands twice in one mapping.
        BadConfigException: it is not UTF-8, or no mapping.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} in line {line}"
        raise BadConfigException(f"{name} is not UTF-8 text ({problem}); save it with that encoding.") from None
    data = _parse_json(text, name) if name.endswith(".json") and text.strip() else _parse_yaml(text, name)
    if data is None:
        return {}
    if not isinstance(data, dict):
        kind = "a list" if isinstance(data, list) else "a single value"
        raise BadConfigException(f"{name} holds {kind}; a configuration file holds keys and their values.")
    return data


class _RepeatedKeyError(Exception):
    """A JSON object has a key twice; where that is only the YAML parser can tell."""


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise _RepeatedKeyError
    return data


def _parse_json(text: str, name: str) -> Any:
    import json

    try:
        return json.loads(text, object_pairs_hook=_unique_pairs)
    except (_RepeatedKeyError, RecursionError):
        return _parse_yaml(text, name)
    except json.JSONDecodeError as error:
        # Comments and trailing commas are YAML, and people leave them in files that are called JSON.
        try:
            return _parse_yaml(text, name)
        except ConfigSyntaxError:
            raise ConfigSyntaxError(name, error.msg, error.lineno, error.colno) from None


def _parse_yaml(text: str, name: str) -> Any:
    import yaml

    loader: Any = None
    try:
        loader = _loader_class()(text)
        node = loader.get_single_node()
        return None if node is None else _Construction(loader, len(text) + _SPARE_NODES).build(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ": ".join(part for part in (error.context, error.problem) if part)
        line, column = (None, None) if mark is None else (mark.line + 1, mark.column + 1)
        raise ConfigSyntaxError(name, problem + _hint(text, error), line, column) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else None
        raise ConfigSyntaxError(name, f"a character is not allowed in YAML: {error.reason}", line) from error
    except ValueError as error:
        raise ConfigSyntaxError(name, str(error)) from error
    except RecursionError:
        raise ConfigSyntaxError(name, "it is nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


def _hint(text: str, error: Any) -> str:
    """Say what most often is wrong where a file cannot be parsed."""
    import yaml

    lines = text.splitlines()
    marks = [mark for mark in (error.context_mark, error.problem_mark) if mark is not None]
    near = "".join(lines[mark.line] for mark in marks if mark.line < len(lines))
    if isinstance(error, yaml.parser.ParserError) and "{" in near.replace("${", "") and "${" in near:
        return "; within braces, a text with '${...}' needs quotes"
    if "\t" in near:
        return "; a tab cannot indent"
    return ""


@lru_cache(maxsize=1)
def _loader_class() -> Any:
    """Return PyYAML's fastest safe loader, with dates left as text and floats as people write them."""
    import yaml

    loader: Any = type("ConfigurationLoader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})

    without = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float"}
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in without]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return loader


class _Construction:
    """Builds plain data from YAML nodes; an alias is a copy of what it stands for."""

    def __init__(self, loader: Any, limit: int) -> None:
        self._loader = loader
        self._limit = limit
        self._built = 0
        self._open: set[int] = set()

    def build(self, node: Any) -> Any:
        if node.tag == _STRING:
            return node.value
        self._built += 1
        if self._built > self._limit:
            raise self._error("aliases repeat far more values than the file has", node)
        if node.tag not in (_MAPPING, _SEQUENCE):
            return self._loader.construct_object(node, deep=True)
        if id(node) in self._open:
            raise self._error("an alias stands inside of what it repeats", node)
        self._open.add(id(node))
        try:
            if node.tag == _SEQUENCE and node.id == "sequence":
                self._built += len(node.value)
                return [self.build(each) for each in node.value]
            if node.tag == _MAPPING and node.id == "mapping":
                self._built += len(node.value)
                return self._mapping(node)
            raise self._error("a tag does not fit its value", node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: Any) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        merges: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merges.append(value_node)
                continue
            key = key_node.value if key_node.tag == _VALUE else self.build(key_node)
            try:
                repeated = key in data
            except TypeError:
                raise self._error("a key is a list or a mapping", key_node) from None
            if repeated:
                raise self._error(f"the key '{key}' stands twice in one mapping", key_node)
            data[key] = self.build(value_node)
        if not merges:
            return data
        inherited: dict[Any, Any] = {}
        for merge in merges:
            for part in self._merged(merge):
                for key, value in part.items():
                    inherited.setdefault(key, value)
        return {**inherited, **data}

    def _merged(self, node: Any) -> list[dict[Any, Any]]:
        """Return the mappings that a ``<<`` names, the first of which wins."""
        value = self.build(node)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise self._error("'<<' takes a mapping or a list of mappings", node)
        return parts

    @staticmethod
    def _error(problem: str, node: Any) -> Exception:
        import yaml

        return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
