"""Streams and ids: the grammar of sequences, and the map between the two."""
