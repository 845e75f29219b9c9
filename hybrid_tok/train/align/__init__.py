"""Recipes of the aligner."""
