"""Metrics: pure functions from recordings and what is known of them to a number, or to a pair that is pooled."""
