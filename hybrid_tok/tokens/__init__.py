"""Streams and ids: what a sequence may be, and the map between the two."""
