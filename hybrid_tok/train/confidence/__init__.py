"""Recipe of the confidence of recognized words."""
