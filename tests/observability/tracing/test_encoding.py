"""Spans of the runtime, as OpenTelemetry's own code reads them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.otlp import proto_attributes, proto_span, same, with_limits

from pellucid.observability.options import RedactionOptions, TracingOptions
from pellucid.observability.records import RunScope, SpanRecord
from pellucid.observability.redaction import Redactor
from pellucid.observability.semconv import Attr
from pellucid.observability.tracing import SpanEncoder, seal
from pellucid.observability.wire import SpanData, decode_span

if TYPE_CHECKING:
    from pellucid.observability.records import Kind, Result

SCOPE = RunScope("session-1", "run-1", "data", b"t" * 16)
KINDS = ["session", "session.create", "context.load", "catalog.create", "run", "node", "load", "save"]
OWN: dict[str, set[str]] = {
    "run": {Attr.PIPELINE_NAME, Attr.PIPELINE_RUN_ID, Attr.PIPELINE_RESULT},
    "node": {Attr.TASK_NAME, Attr.TASK_RESULT},
    "load": {Attr.DATASET_NAME, Attr.OPERATION},
    "save": {Attr.DATASET_NAME, Attr.OPERATION},
}


def encoder(options: TracingOptions | None = None, secrets: tuple[str, ...] = ()) -> SpanEncoder:
    return SpanEncoder(Redactor(RedactionOptions(), secrets), options or TracingOptions())


def record(kind: Kind = "node", **given: Any) -> SpanRecord:
    defaults: dict[str, Any] = {
        "scope": SCOPE,
        "span_id": b"s" * 8,
        "parent_id": b"p" * 8,
        "started_ns": 1_000,
        "attributes": {},
        "ended_ns": 2_000,
        "node": "split",
        "dataset": "companies",
    }
    return SpanRecord(kind, f"{kind} it", **{**defaults, **given})


def ended(span: SpanRecord, coder: SpanEncoder | None = None) -> SpanData:
    """Return the whole span; both readers agree on it, and no attribute occurs twice."""
    coder = coder or encoder()
    payload = coder.end(span, coder.start(span))
    found, theirs = decode_span(payload), proto_span(payload)
    assert same(proto_attributes(theirs.attributes), dict(found.attributes))
    assert len(theirs.attributes) == len(found.attributes)
    assert (theirs.status.code, theirs.end_time_unix_nano) == (found.status_code, found.end_ns)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_says_what_is_known(kind: Kind) -> None:
    message = proto_span(encoder().start(record(kind, attributes={"a": 1})))

    assert (message.trace_id, message.span_id, message.parent_span_id) == (b"t" * 16, b"s" * 8, b"p" * 8)
    assert (message.name, message.start_time_unix_nano, message.end_time_unix_nano) == (f"{kind} it", 1_000, 0)
    assert message.kind == (2 if kind == "run" else 1)
    attributes = proto_attributes(message.attributes)
    results = {Attr.TASK_RESULT, Attr.PIPELINE_RESULT}
    assert attributes.keys() == {"a", Attr.KIND, Attr.SESSION_ID} | OWN.get(kind, set()) - results
    assert (attributes[Attr.KIND], attributes[Attr.SESSION_ID]) == (kind, "session-1")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("result", ["success", "failure", "error", "timeout", "cancellation", "skip"])
def test_the_end_says_how_it_ended(kind: Kind, result: Result) -> None:
    given = {Attr.RESULT: "x", Attr.TASK_RESULT: "x", Attr.PIPELINE_RESULT: "x"}
    span = ended(record(kind, result=result, end_attributes=given))

    attributes = span.attributes
    assert attributes[Attr.RESULT] == result
    assert attributes.get(Attr.PIPELINE_RESULT) == (result if kind == "run" else None)
    assert attributes.get(Attr.TASK_RESULT) == (result if kind == "node" else None)
    assert attributes.get(Attr.ERROR_TYPE) == (None if result == "success" else result)
    assert span.status_code == (0 if result == "success" else 2)
    assert (span.start_ns, span.end_ns, span.events) == (1_000, 2_000, ())


def test_what_it_failed_with_is_an_event() -> None:
    try:
        raise KeyError("no such thing: hunter2")
    except KeyError as error:
        span = ended(record(result="failure", error=error), encoder(secrets=("hunter2",)))

    (event,) = span.events
    assert (event.name, event.time_ns) == ("exception", 2_000)
    assert event.attributes[Attr.EXCEPTION_TYPE] == span.attributes[Attr.ERROR_TYPE] == "KeyError"
    assert "no such thing" in event.attributes[Attr.EXCEPTION_MESSAGE]
    assert "Traceback" in event.attributes[Attr.EXCEPTION_STACKTRACE]
    assert span.status_message.startswith("KeyError: ")
    assert "hunter2" not in str(span)


def test_an_error_without_a_message_has_its_type_as_status() -> None:
    assert ended(record(result="failure", error=ValueError())).status_message == "ValueError"


def test_a_type_of_error_that_was_given_stays() -> None:
    given = {Attr.ERROR_TYPE: "Killed"}

    assert ended(record(result="error", end_attributes=given)).attributes[Attr.ERROR_TYPE] == "Killed"
    span = ended(record(result="error", end_attributes=given, error=ValueError("x")))
    assert span.attributes[Attr.ERROR_TYPE] == "Killed"


VALUES = st.text(max_size=10) | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False)


@given(
    st.dictionaries(st.text("abc", min_size=1), VALUES, max_size=5),
    st.lists(st.dictionaries(st.text("abcdef", min_size=1), VALUES, max_size=5), min_size=1, max_size=3),
)
def test_attributes_arrive_as_they_are(constant: dict[str, Any], ends: list[dict[str, Any]]) -> None:
    coder, redactor = encoder(), Redactor(RedactionOptions())
    for end in ends:
        span = ended(record(attributes=constant, end_attributes=end), coder)
        given = {**end, **constant}
        for key, value in given.items():
            clean = redactor.attribute(key, value)
            if type(clean) is int and not -(1 << 63) <= clean < 1 << 63:
                clean = str(clean)
            assert same(span.attributes[key], clean)


def test_numbers_that_are_seen_again_are_encoded_alike() -> None:
    coder = encoder()
    for number in (1, 0.5, -3, 127, 128, 1 << 40, (1 << 63) - 1, 1 - (1 << 63), 1e300, 0, 1 << 63, True):
        found = ended(record(end_attributes={"n" * 10: number, "n" * 120: number}), coder).attributes
        wanted = str(number) if number == 1 << 63 else number
        assert same(found["n" * 10], wanted)
        assert same(found["n" * 120], wanted)


def test_a_number_under_a_secret_name_is_hidden() -> None:
    coder = encoder()
    for _ in range(2):
        assert ended(record(end_attributes={"password": 1234}), coder).attributes["password"] == "<redacted>"


def test_a_truth_value_is_no_number_that_was_seen_before() -> None:
    coder = encoder()
    for value in (1, True, 1.0, False, 0, 0.0, "1"):
        for _ in range(2):
            found = ended(record(attributes={"a": value}, end_attributes={"b": value}), coder).attributes
            assert same(found["a"], value)
            assert same(found["b"], value)


PARTS = ["hunter2", "load ", "save ", "password", "Bearer ", "abcdef123456", "eyJhbGciOi.JIUzI1NiJ9", "AKIA", "A" * 16]
PARTS += [
    " ",
    "=",
    ":",
    "'",
    '"',
    "://",
    "a",
    "@",
    "b",
    "<redacted>",
    "\n",
    "\u2028",
    "\ud800",
    "é",
    "x" * 150,
    "token ",
]


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=6).map("".join))
def test_names_are_shown_as_if_each_were_looked_at_by_itself(name: str) -> None:
    """Also where what a span is about is a part of its name, and so is not looked at once more."""
    redactor = Redactor(RedactionOptions(), ("hunter2", "load abcdef", "x b"))
    coder = SpanEncoder(redactor, TracingOptions())
    node, other = ended(record("node", node=name), coder), SpanRecord("node", name, SCOPE, b"s" * 8, b"", 1, {}, name)
    for kind, span in (("node", other), *((each, of_dataset(each, name)) for each in ("load", "save"))):
        found = decode_span(coder.start(span))
        assert found.name == clean(redactor.text(span.name))
        attribute = Attr.TASK_NAME if kind == "node" else Attr.DATASET_NAME
        assert found.attributes[attribute] == clean(redactor.attribute(attribute, name))
    assert node.attributes[Attr.TASK_NAME] == clean(redactor.attribute(Attr.TASK_NAME, name))


def of_dataset(kind: Kind, dataset: str) -> SpanRecord:
    return SpanRecord(kind, f"{kind} {dataset}", SCOPE, b"s" * 8, b"", 1, {}, dataset=dataset)


def clean(text: Any) -> str:
    assert isinstance(text, str)
    return text.encode("utf-8", "replace").decode()


def test_names_are_hidden_where_the_project_says_that_they_are_secret() -> None:
    coder = SpanEncoder(Redactor(RedactionOptions(keys=("dataset.name", "task.name"))), TracingOptions())
    node = SpanRecord("node", "split", SCOPE, b"s" * 8, b"", 1, {}, "split")

    assert decode_span(coder.start(of_dataset("load", "a"))).attributes[Attr.DATASET_NAME] == "<redacted>"
    assert decode_span(coder.start(node)).attributes[Attr.TASK_NAME] == "<redacted>"


def test_attributes_are_limited_in_number() -> None:
    constant = {f"a{each}": each for each in range(4)}
    span = ended(record(attributes=constant, end_attributes={"b": 1, "c": 2, "d": 3}), encoder(with_limits(5, 100)))

    assert {"a0", "a1", "a2", "a3", "b"} <= span.attributes.keys()
    assert not {"c", "d"} & span.attributes.keys()
    assert span.dropped_attributes == 2
    span = ended(record(attributes=constant, end_attributes={"b": 1}), encoder(with_limits(2, 100)))
    assert span.dropped_attributes == 3
    assert Attr.RESULT in span.attributes
    assert ended(record(attributes=constant), encoder(with_limits(2, 100))).dropped_attributes == 2
    told = {Attr.KIND: "load", Attr.DATASET_NAME: "companies", Attr.OPERATION: "load", "a": 1}
    span = ended(record("load", attributes=told, end_attributes={"b": 1, "c": 2}), encoder(with_limits(2, 100)))
    assert (span.attributes["a"], span.attributes["b"], span.dropped_attributes) == (1, 1, 1)
    assert "c" not in span.attributes


def test_attributes_are_limited_in_length() -> None:
    coder = encoder(with_limits(128, 5))
    span = ended(record(attributes={"a": "x" * 10, "b": ["y" * 10, "z"]}, end_attributes={"c": "w" * 10}), coder)

    assert span.attributes["a"] == "xxxxx"
    assert span.attributes["b"] == ["yyyyy", "z"]
    assert span.attributes["c"] == "wwwww"


def test_links_point_elsewhere() -> None:
    (link,) = ended(record(links=[(b"T" * 16, b"S" * 8, {"a": 1})])).links

    assert (link.trace_id, link.span_id, dict(link.attributes)) == (b"T" * 16, b"S" * 8, {"a": 1})


def test_flags_say_what_is_sampled_and_whose_the_parent_is() -> None:
    unsampled = dataclasses.replace(SCOPE, sampled=False, trace_state="a=b")

    assert ended(record("node")).flags == 0x101
    assert ended(record("node", scope=unsampled)).flags == 0x100
    assert ended(record("node", scope=unsampled)).trace_state == "a=b"
    assert ended(record("session")).flags == 0x301
    assert ended(record("session", scope=unsampled)).flags == 0x300
    root = ended(record("session", parent_id=b""))
    assert (root.flags, root.parent_span_id) == (0x101, b"")


def test_what_is_shared_is_told_apart() -> None:
    coder, shared = encoder(), {"a": 1}
    other = dataclasses.replace(SCOPE, session_id="session-2")
    first = ended(record(attributes=shared), coder)
    second = ended(record("load", attributes=shared), coder)
    third = ended(record(attributes=shared, scope=other), coder)

    assert (first.name, second.name) == ("node it", "load it")
    assert third.attributes[Attr.SESSION_ID] == "session-2"
    assert ended(record(attributes=shared), coder) == first


def test_what_is_remembered_is_bounded() -> None:
    coder = encoder()
    for number in range(5_000):
        scope = dataclasses.replace(SCOPE, run_id=str(number))
        given = {"t": str(number), f"n{number}": number, f"r{number}": 0.5, "l": [str(number)]}
        span = record(attributes={"a": number}, scope=scope, end_attributes=given)
        coder.end(span, coder.start(span))

    kept = [each for each in vars(coder._shared).values() if isinstance(each, dict)]
    assert kept
    assert all(len(each) <= 4096 for each in kept)


def test_long_texts_are_not_remembered() -> None:
    coder = encoder()
    ended(record(end_attributes={"t": "x" * 2_000}), coder)

    assert not any(key == "t" for key, _ in coder._shared.texts)


def test_an_end_is_never_before_its_start() -> None:
    assert ended(record(ended_ns=1)).end_ns == 1_000


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_dead_process_left_is_sealed(kind: Kind) -> None:
    start = encoder().start(record(kind))
    payload = seal(start, 5_000)
    span = decode_span(payload)

    assert payload.startswith(start)
    assert (span.end_ns, span.status_code) == (5_000, 2)
    assert span.attributes[Attr.ERROR_TYPE] == "ProcessLost"
    assert span.attributes[Attr.RESULT] == "error"
    assert span.attributes.get(Attr.PIPELINE_RESULT) == ("error" if kind == "run" else None)
    assert span.attributes.get(Attr.TASK_RESULT) == ("error" if kind == "node" else None)
    assert decode_span(seal(start, 5)).end_ns == 1_000
    assert seal(start, 5_000) == payload


def test_what_cannot_be_read_is_sealed_all_the_same() -> None:
    assert seal(b"\x0a", 7).startswith(b"\x0a")


def test_what_is_a_secret_from_now_on_is_not_taken_from_memory() -> None:
    redactor = Redactor(RedactionOptions())
    coder = SpanEncoder(redactor, TracingOptions())
    shared = {"place": "hunter2-town"}
    first = ended(record(attributes=shared, end_attributes={"seen": "hunter2-town"}), coder)
    redactor.add_secrets(["hunter2"])
    second = ended(record(attributes=shared, end_attributes={"seen": "hunter2-town"}), coder)
    assert first.attributes["place"] == first.attributes["seen"] == "hunter2-town"
    assert second.attributes["place"] == second.attributes["seen"] == "<redacted>-town"
