"""Recipe of the speaker network."""
