"""Recipe of the text model."""
