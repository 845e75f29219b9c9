"""Recipe of the unit codec."""
