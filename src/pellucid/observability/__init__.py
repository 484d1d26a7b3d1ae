"""Traces, metrics and logs of every run; reaches the runtime through hooks alone."""

__all__: list[str] = []
