"""Recipe of the event tagger."""
