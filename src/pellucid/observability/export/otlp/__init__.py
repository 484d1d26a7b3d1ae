"""OTLP delivery: one request, one answer, within a deadline."""

from pellucid.observability.export.otlp._answers import Accepted, Answer, Barred, Refused, Retry, TooLarge
from pellucid.observability.export.otlp._send import Signal, prepare, send

__all__ = ["Accepted", "Answer", "Barred", "Refused", "Retry", "Signal", "TooLarge", "prepare", "send"]
