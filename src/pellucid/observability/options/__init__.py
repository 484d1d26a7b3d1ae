"""The settings of observability: ``conf/<env>/observability.yml``, and the standard variables over it."""

from pellucid.observability.options._keys import OptionRow, options_table
from pellucid.observability.options._loading import LoadedOptions, load_options
from pellucid.observability.options._model import (
    HistoryOptions,
    LoggingOptions,
    MetricsOptions,
    Options,
    OtlpOptions,
    RedactionOptions,
    SpoolOptions,
    TracingOptions,
)
from pellucid.observability.options._problem import Problem
from pellucid.observability.options._resource import resource_of
from pellucid.observability.options._rows import EffectiveOption, effective

__all__ = [
    "EffectiveOption",
    "HistoryOptions",
    "LoadedOptions",
    "LoggingOptions",
    "MetricsOptions",
    "OptionRow",
    "Options",
    "OtlpOptions",
    "Problem",
    "RedactionOptions",
    "SpoolOptions",
    "TracingOptions",
    "effective",
    "load_options",
    "options_table",
    "resource_of",
]
