"""Metrics and recordings for `benchmarks/`."""
