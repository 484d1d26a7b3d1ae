"""What spans of the runtime have in common, encoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pellucid.observability.semconv import Attr
from pellucid.observability.wire import (
    AttributeEncoder,
    bytes_field,
    fixed32_field,
    key_value,
    text_field,
    varint_field,
)

if TYPE_CHECKING:
    from pellucid.observability.records import Kind, RunScope

SAMPLED = 0x01
KNOWS_REMOTE = 0x100
IS_REMOTE = 0x200

INTERNAL, SERVER = 1, 2

SPAN_ID = b"\x12\x08"
"""What stands before the eight bytes of a span's id."""

ATTRIBUTES = 9
"""The field of a ``Span`` that they are in."""

_SUBJECTS: dict[Kind, str] = {"node": Attr.TASK_NAME, "load": Attr.DATASET_NAME, "save": Attr.DATASET_NAME}

_MOST_KEPT = 4096
_LONGEST_KEPT = 1024
_TOO_LARGE = 1 << 63


class Redacts(Protocol):
    """Hides secrets, and bounds what is left."""

    @property
    def version(self) -> int:
        """Changes with what is hidden."""
        ...

    def text(self, text: str, /) -> str:
        """Return a text that may be shown."""
        ...

    def lines(self, text: str, length: int, /) -> str:
        """Return a text of several lines that may be shown."""
        ...

    def attribute(self, key: str, value: Any, /) -> Any:
        """Return a value that may be shown, of a type that OTLP has."""
        ...

    def exception(self, error: BaseException, /) -> tuple[str, str, str]:
        """Return type, message and traceback."""
        ...


class Shared:
    """Encodes pieces of spans, and keeps those that occur again: of texts as they are to be shown at one time.

    The mappings may be read by others, who find there what was encoded before.

    Args:
        redactor: hides secrets.
        longest: how many characters of an attribute are kept.
    """

    def __init__(self, redactor: Redacts, longest: int) -> None:
        # Looked at first: what is hidden from now on must not be found here.
        self.version = redactor.version
        self.heads: dict[int, tuple[RunScope, dict[Kind, bytes]]] = {}
        """What all spans of a kind begin with, down to their own ids, by the id of the run's scope."""
        self.texts: dict[tuple[str, str | bool], bytes] = {}
        """Attributes, by name and value."""
        self.reals: dict[str, bytes] = {}
        """What stands before a float, by the names of attributes that may have one."""
        self.counts: dict[tuple[str, int], bytes] = {}
        """Attributes, by name and number."""
        self._redactor = redactor
        self._longest = longest
        self._lists: dict[tuple[str, tuple[str, ...]], bytes] = {}
        self._numbers: dict[str, bool] = {}
        self._encoders: dict[str, AttributeEncoder] = {}
        self._about = {kind: self._encoder(name) for kind, name in _SUBJECTS.items()}
        # Unless the project says that what goes by these names is secret.
        self._shows_names = all(redactor.attribute(each, "x") == "x" for each in _SUBJECTS.values())

    def head(self, scope: RunScope, kind: Kind) -> bytes:
        """Return what all spans of a kind in a run begin with, down to their own ids."""
        known = self.heads.get(id(scope))
        if known is None:
            known = _bounded(self.heads)[id(scope)] = scope, {}
        encoded = known[1][kind] = self._head(scope, kind)
        return encoded

    def _head(self, scope: RunScope, kind: Kind) -> bytes:
        parts = [bytes_field(1, scope.trace_id), fixed32_field(16, int(scope.sampled) | KNOWS_REMOTE)]
        if scope.trace_state:
            parts.append(text_field(3, scope.trace_state))
        parts.append(varint_field(6, SERVER if kind == "run" else INTERNAL))
        parts.append(self.attribute(Attr.KIND, kind))
        parts.append(self.attribute(Attr.SESSION_ID, scope.session_id))
        if kind == "run":
            parts.append(self.attribute(Attr.PIPELINE_NAME, scope.pipeline))
            parts.append(self.attribute(Attr.PIPELINE_RUN_ID, scope.run_id))
        elif kind in ("load", "save"):
            parts.append(self.attribute(Attr.OPERATION, kind))
        return b"".join((*parts, SPAN_ID))

    def name(self, kind: Kind, name: str, subject: str) -> bytes:
        """Return the name of a span, with the attribute for what it is about.

        Args:
            kind: of the span.
            name: of the span.
            subject: the node, or the dataset, by kind.
        """
        shown = self._redactor.text(name)
        about = self._about.get(kind)
        if about is None:
            return text_field(5, shown)
        # Where nothing is hidden in a text, nothing is in what it ends with behind a space.
        if shown == name and self._shows_names and (subject == name or f" {subject}" == name[4:]):
            return text_field(5, name) + about.text(subject[: self._longest])
        return text_field(5, shown) + self.attribute(_SUBJECTS[kind], subject)

    def text(self, name: str, value: str | bool) -> bytes:
        """Return an attribute; kept for the next time, unless it is long."""
        encoded = self.attribute(name, value)
        if len(encoded) <= _LONGEST_KEPT:
            _bounded(self.texts)[name, value] = encoded
        return encoded

    def count(self, name: str, number: int) -> bytes:
        """Return an attribute; kept for the next time, as many stay the same for long."""
        if not -_TOO_LARGE <= number < _TOO_LARGE or not self._shows_numbers(name):
            return self.attribute(name, number)
        encoded = _bounded(self.counts)[name, number] = self._encoder(name).integer(number)
        return encoded

    def other(self, name: str, value: Any) -> bytes:
        """Return an attribute that is neither a text nor a truth value."""
        kind = type(value)
        if kind is int:
            return self.count(name, value)
        if kind is float and self._shows_numbers(name):
            _bounded(self.reals)[name] = self._encoder(name).real
        elif kind is list and all(type(each) is str for each in value):
            return self._list(name, value)
        return self.attribute(name, value)

    def _list(self, name: str, texts: list[str]) -> bytes:
        key = name, tuple(texts)
        known = self._lists.get(key)
        if known is None:
            known = self.attribute(name, texts)
            if len(known) <= _LONGEST_KEPT:
                _bounded(self._lists)[key] = known
        return known

    def _shows_numbers(self, name: str) -> bool:
        shows = self._numbers.get(name)
        if shows is None:
            shows = _bounded(self._numbers)[name] = self._redactor.attribute(name, 1) == 1
        return shows

    def attribute(self, name: str, value: Any) -> bytes:
        """Return an attribute, redacted and bounded."""
        shown = self._redactor.attribute(name, value)
        if type(shown) is str:
            return self._encoder(name).text(shown[: self._longest])
        return key_value(ATTRIBUTES, name, cut(shown, self._longest))

    def _encoder(self, name: str) -> AttributeEncoder:
        encoder = self._encoders.get(name)
        if encoder is None:
            encoder = _bounded(self._encoders)[name] = AttributeEncoder(ATTRIBUTES, name)
        return encoder


def cut(value: Any, longest: int) -> Any:
    """Return the value of an attribute with texts of at most so many characters."""
    if isinstance(value, str):
        return value[:longest]
    if isinstance(value, (list, tuple)):
        return [cut(each, longest) for each in value]
    return value


def _bounded(kept: dict[Any, Any]) -> dict[Any, Any]:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    return kept
