"""Adapters: one module per outside library."""
