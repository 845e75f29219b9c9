"""Recipe of the English pronunciation dictionary."""
