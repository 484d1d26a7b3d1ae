"""What leaves the process: OTLP delivery, and the three ways to Prometheus."""
