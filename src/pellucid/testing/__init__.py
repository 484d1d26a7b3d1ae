"""For tests of pipelines: assert on the spans, metrics and log lines that they make, in memory.

A fixture for pytest is three lines of a ``conftest.py``::

    @pytest.fixture
    def telemetry():
        with captured_telemetry() as found: yield found
"""

from pellucid.testing._capture import captured_telemetry
from pellucid.testing._clock import FakeClock
from pellucid.testing._errors import NotRecordedError
from pellucid.testing._projects import make_project
from pellucid.testing._running import PipelineOutcome, run_pipeline
from pellucid.testing._spans import CapturedSpan
from pellucid.testing._telemetry import Telemetry

__all__ = [
    "CapturedSpan",
    "FakeClock",
    "NotRecordedError",
    "PipelineOutcome",
    "Telemetry",
    "captured_telemetry",
    "make_project",
    "run_pipeline",
]
