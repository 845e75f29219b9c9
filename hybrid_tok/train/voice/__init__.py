"""Recipes of the voice code."""
