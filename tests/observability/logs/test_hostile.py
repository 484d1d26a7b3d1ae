"""A log line may be given anything: what its class says of itself is not asked."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from pellucid.observability.logs._processors import FIELDS, message_of, processors_for
from pellucid.observability.options import RedactionOptions
from pellucid.observability.redaction import Redactor


def refuse(*_: Any) -> Any:
    raise RuntimeError("no")


_METHODS = dict.fromkeys(("__str__", "__repr__", "__format__", "__bool__", "__len__", "__iter__", "__eq__"), refuse)
_ALL = {**_METHODS, "__hash__": object.__hash__, "__class__": property(refuse)}
Hostile = type("Hostile", (), _ALL)
HostileText = type("HostileText", (str,), {**_ALL, "__mod__": refuse})
HostileFields = type("HostileFields", (dict,), {**_ALL, "items": refuse})


def line(**attributes: Any) -> dict[str, Any]:
    redactor = Redactor(RedactionOptions())
    record = logging.makeLogRecord({"msg": "said", **attributes})
    event: Any = {"_record": record, "event": message_of(record)}
    for processor in processors_for("session", lambda: redactor):
        event = processor(None, "", event)
    return dict(event)


@pytest.mark.parametrize(
    ("attributes", "shown"),
    [
        ({"msg": Hostile()}, {"event": "<Hostile> <arguments that raise RuntimeError>"}),
        ({"msg": HostileText("a %s"), "args": (1,)}, {"event": "a %s <arguments that raise RuntimeError>"}),
        ({"msg": "%s", "args": (Hostile(),)}, {"event": "%s <arguments that raise RuntimeError>"}),
        ({"given": Hostile()}, {"event": "said", "given": f"<{__name__}.Hostile>"}),
        ({FIELDS: Hostile()}, {"event": "said"}),
        ({FIELDS: HostileFields(a=1)}, {"event": "said", "a": 1}),
        ({FIELDS: {HostileText("b"): 2, Hostile(): 3}}, {"event": "said", "b": 2, "<Hostile>": 3}),
        ({"exc_info": Hostile()}, {"event": "said"}),
        ({"exc_info": (Hostile(), Hostile(), Hostile())}, {"event": "said"}),
    ],
)
def test_anything_may_be_logged(attributes: dict[str, Any], shown: dict[str, Any]) -> None:
    found = line(**attributes)
    assert {key: found[key] for key in shown} == shown
    assert "error" not in found
