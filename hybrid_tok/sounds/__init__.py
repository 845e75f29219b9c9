"""A small bank of vocal events as units, for texts with tags."""
