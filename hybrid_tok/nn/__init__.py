"""What our networks share."""
