"""Writes a node with its loads and saves down as one record: see ``pellucid.observability.bundles``."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.observability.bundles import PLAIN, VERSION, pack_encoded
from pellucid.observability.semconv import Attr
from pellucid.observability.tracing._shared import Redacts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pellucid.observability.options import TracingOptions
    from pellucid.observability.records import RunScope, SpanRecord
    from pellucid.observability.tracing._encoding import SpanEncoder

__all__ = ["NodeBundle", "NodeBundles"]


class _Redacts(Redacts, Protocol):
    def hides_nothing_in(self, texts: Collection[str], /) -> bool:
        """Tell whether all of these texts are certainly shown as they are."""
        ...


_FUNCTION, _TAGS, _NAMESPACE, _TYPE = Attr.CODE_FUNCTION, Attr.TAGS, Attr.NAMESPACE, Attr.DATASET_TYPE
_VERSION, _BYTES, _ROWS = Attr.DATASET_VERSION, Attr.DATASET_BYTES, Attr.DATASET_ROWS
_WAIT, _CPU, _MEMORY = Attr.QUEUE_WAIT, Attr.CPU, Attr.MEMORY_PEAK

_TEXTS = (
    Attr.KIND,
    Attr.OPERATION,
    Attr.SESSION_ID,
    Attr.PIPELINE_NAME,
    Attr.PIPELINE_RUN_ID,
    Attr.TASK_NAME,
    Attr.DATASET_NAME,
    _FUNCTION,
    _TAGS,
    _NAMESPACE,
    _TYPE,
    _VERSION,
)
_NUMBERS = (_WAIT, _CPU, _MEMORY, _BYTES, _ROWS)
_MOST_DATASETS = 60
_MOST_ATTRIBUTES = 16  # more than any span in a plain bundle has
_MOST_TEXTS = 8192
_LARGEST = 1 << 62
_COUNTS = tuple(bytes((1 + number,)) + PLAIN for number in range(_MOST_DATASETS + 4))
"""What a plain payload begins with, by the number of datasets."""
_FEWEST_FACTS = 2  # those of a load or save: its type and its result
_AHEAD = 256
_NODE_FACTS = 5  # those of a node's end, with its result twice


class NodeBundles:
    """Makes bundles, of nodes that have nothing to hide.

    Args:
        redactor: hides secrets.
        options: limits of attributes.
        encoder: encodes what is not plain.

    Attributes:
        process: what stands for this process; a fork is given another one.
    """

    def __init__(self, redactor: _Redacts, options: TracingOptions, encoder: SpanEncoder) -> None:
        self.encoder = encoder
        self.process = object()
        self._redactor = redactor
        self._longest = options.attribute_value_length_limit
        shown = redactor.attribute
        self._is_possible = (
            options.attribute_count_limit >= _MOST_ATTRIBUTES
            and all(shown(key, "x") == "x" for key in _TEXTS)
            and all(shown(key, 1) == 1 for key in _NUMBERS)
            and shown(Attr.IS_ASYNC, False) is False
        )
        self._version = redactor.version
        self._texts: dict[str, str] = {}
        self._datasets: dict[str, str] = {}
        self._scope: tuple[RunScope, str] | None = None
        self._expected: Sequence[Any] = ()
        self._looked_at = 0

    def expect(self, nodes: Sequence[Any]) -> None:
        """Take note of the nodes that are likely to come, in this order: their names are looked at many at a time."""
        self._expected, self._looked_at = nodes, 0

    def _look_ahead(self) -> None:
        """Look at the names of the next nodes that are expected."""
        begin = self._looked_at
        self._looked_at = begin + _AHEAD
        nodes = self._expected[begin : begin + _AHEAD]
        if not nodes:
            return
        if len(self._texts) + len(self._datasets) >= _MOST_TEXTS:
            self._texts.clear()
            self._datasets.clear()
        names = [each.name for each in nodes]
        spans = {f"load {each}": each for node in nodes for each in node.inputs}
        spans.update({f"save {each}": each for node in nodes for each in node.outputs})
        # What has a colon, as the names of parameters have, is looked at for itself.
        spans = {span: each for span, each in spans.items() if ":" not in each}
        if self._redactor.hides_nothing_in([*names, *spans]) and max(map(len, [*names, *spans])) <= self._longest:
            self._texts.update(zip(names, map(encode_basestring_ascii, names), strict=True))
            self._datasets.update(zip(spans, map(encode_basestring_ascii, spans.values()), strict=True))

    def begin(self, node: SpanRecord, loads: Sequence[str], saves: Sequence[str]) -> NodeBundle | None:
        """Return a bundle for a node that begins.

        Args:
            node: its span.
            loads: the datasets that it will load.
            saves: those that it will save.

        Returns:
            None if it is no common one.
        """
        if not self._is_possible or len(loads) + len(saves) > _MOST_DATASETS:
            return None
        if self._version != self._redactor.version:
            self._version, self._scope = self._redactor.version, None
            self._texts.clear()
            self._datasets.clear()
        scope = self._scope
        if scope is None or scope[0] is not node.scope:
            scope = self._scope = node.scope, self._scope_text(node.scope)
        if node.name not in self._texts:
            self._look_ahead()
        attributes, text, known = node.attributes, self.text, self._datasets
        tags, namespace = attributes.get(_TAGS), attributes.get(_NAMESPACE)
        name, function = text(node.name), text(attributes[_FUNCTION])
        of_tags = "null" if tags is None else self._list(tags)
        of_namespace = "null" if namespace is None else text(namespace)
        if not (name and function and scope[1] and of_tags and of_namespace):
            return None
        for each in loads:
            span = f"load {each}"
            if not (known.get(span) or self.dataset(span, each)):
                return None
        for each in saves:
            span = f"save {each}"
            if not (known.get(span) or self.dataset(span, each)):
                return None
        about = f'[{name},"{node.span_id.hex()}",{node.started_ns},{function},{of_tags},{of_namespace},'
        return NodeBundle(self, node, name, f'{scope[1]},"{node.parent_id.hex()}"', about)

    def text(self, text: Any) -> str:
        """Return a text in quotes, if it is to be shown as it is; else nothing."""
        quoted = self._texts.get(text)
        if quoted is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            is_plain = type(text) is str and len(text) <= self._longest and self._redactor.text(text) == text
            quoted = self._texts[text] = encode_basestring_ascii(text) if is_plain else ""
        return quoted

    def dataset(self, span: str, name: str) -> str:
        """Return the name of a dataset in quotes, if it and that of its span are to be shown as they are."""
        quoted = self._datasets.get(span)
        if quoted is None:
            if len(self._datasets) >= _MOST_TEXTS:
                self._datasets.clear()
            # Where nothing is hidden in a text, nothing is in what it ends with behind a space.
            is_plain = len(span) <= self._longest and self._redactor.text(span) == span
            quoted = self._datasets[span] = encode_basestring_ascii(name) if is_plain else ""
        return quoted

    def _list(self, texts: list[str]) -> str:
        quoted = [self.text(each) for each in texts]
        is_plain = all(quoted) and len(texts) <= _MOST_ATTRIBUTES and self._redactor.attribute(_TAGS, texts) == texts
        return f"[{','.join(quoted)}]" if is_plain else ""

    def _scope_text(self, scope: RunScope) -> str:
        texts = [self.text(each) for each in (scope.session_id, scope.run_id, scope.pipeline)]
        state = encode_basestring_ascii(scope.trace_state)
        rest = f'"{scope.trace_id.hex()}",{int(scope.sampled)},{state}'
        return f"[{VERSION},{','.join(texts)},{rest}" if all(texts) else ""


class NodeBundle:
    """One node with its loads and saves, one after the other.

    Args:
        bundles: that it is one of.
        node: its span.
        name: that of the node, as JSON has it.
        scope: what it has in common with others of its run, and the span above.
        about: what is known of the node at its start.

    Attributes:
        is_counted: whether metrics count what is in it.
        name: that of the node, as JSON has it.
        dataset: that of the last load or save, likewise; empty if there is something to hide in it.
        brief: a load or save that goes on, and is taken in when it has ended.
    """

    __slots__ = (
        "_about",
        "_bundles",
        "_datasets",
        "_encodes",
        "_node",
        "_open",
        "_process",
        "_scope",
        "_texts",
        "brief",
        "dataset",
        "is_counted",
        "name",
    )

    def __init__(self, bundles: NodeBundles, node: SpanRecord, name: str, scope: str, about: str) -> None:
        self.is_counted = True
        self.name = name
        self.dataset = ""
        self.brief: SpanRecord | None = None
        self._bundles = bundles
        self._node = node
        self._scope = scope
        self._about = about
        self._process = bundles.process
        self._datasets: list[SpanRecord] = []
        self._texts: list[str] = []
        self._open = ""
        self._encodes = False

    @property
    def is_here(self) -> bool:
        """Whether it began in this process."""
        return self._process is self._bundles.process

    def add(self, span: SpanRecord) -> None:
        """Take in a load or save that begins."""
        bundles, links = self._bundles, span.links
        name = self.dataset = bundles.dataset(span.name, span.dataset)
        label = name if span.label == span.dataset else bundles.text(span.label)
        link = "null"
        if links:
            trace_id, span_id, attributes = links[0]
            link = f'"{span_id.hex()}"'
            if len(links) > 1 or attributes or trace_id != span.scope.trace_id:
                self._encodes = True
        if self._open or not (name and label):
            self._encodes = True
        self._datasets.append(span)
        self._open = f'["{span.kind}",{name},{label},"{span.span_id.hex()}",{span.started_ns},{link},'

    def close(self, span: SpanRecord) -> None:
        """Take note that the last one of them has ended."""
        facts = span.end_attributes
        get, text = facts.get, self._bundles.text
        if len(facts) == _FEWEST_FACTS and span is self._datasets[-1] and span.result == "success":
            of_type = text(get(_TYPE, ""))
            if of_type:
                self._texts.append(f"{self._open}{span.ended_ns},{of_type},null,null,null]")
                self._open = ""
                return
        kind, version, size, rows = get(_TYPE), get(_VERSION), get(_BYTES), get(_ROWS)
        known = 5 - (kind is None) - (version is None) - (size is None) - (rows is None)
        of_type = "null" if kind is None else text(kind)
        of_version = "null" if version is None else text(version)
        if (
            span is not self._datasets[-1]
            or span.result != "success"
            or len(facts) != known
            or not (of_type and of_version)
            or not (_is_size(size) and _is_size(rows))
        ):
            self._encodes = True
        numbers = "null,null]" if known < 4 and size is None and rows is None else f"{_number(size)},{_number(rows)}]"
        self._texts.append(f"{self._open}{span.ended_ns},{of_type},{of_version},{numbers}")
        self._open = ""

    def start(self) -> bytes:
        """Return what is known by now, as it is kept until there is more."""
        if self._encodes:
            return self._encoded(is_whole=False)
        texts = [*self._texts, f"{self._open}0,null,null,null,null]"] if self._open else self._texts
        return self._plain("0,null,null,null]", texts)

    def end(self) -> bytes:
        """Return the whole."""
        node = self._node
        facts = node.end_attributes
        get = facts.get
        wait, cpu, memory = get(_WAIT), get(_CPU), get(_MEMORY)
        if (
            self._encodes
            or self._open
            or node.result != "success"
            or node.links
            or len(facts) != _NODE_FACTS
            or type(wait) is not float
            or type(cpu) is not float
            or type(memory) is not int
            or wait - wait != 0  # NaN or infinite
            or cpu - cpu != 0
            or not 0 <= memory < _LARGEST
        ):
            return self._encoded(is_whole=True)
        return self._plain(f"{node.ended_ns},{wait!r},{cpu!r},{memory}]", self._texts)

    def _plain(self, ending: str, texts: Sequence[str]) -> bytes:
        text = f"{self._scope},{1 if self.is_counted else 0},{self._about}{ending},[{','.join(texts)}]]"
        return _COUNTS[len(texts)] + text.encode("ascii")

    def _encoded(self, *, is_whole: bool) -> bytes:
        encoder = self._bundles.encoder
        spans: list[tuple[bool, bytes]] = []
        for span in (*self._datasets, self._node):
            start = encoder.start(span)
            is_ended = span.ended_ns > 0 and (is_whole or span is not self._node)
            spans.append((is_ended, encoder.end(span, start) if is_ended else start))
        labels = {each.dataset: each.label or each.dataset for each in self._datasets}
        return pack_encoded(spans, labels, is_counted=self.is_counted)


def _is_size(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < _LARGEST)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
