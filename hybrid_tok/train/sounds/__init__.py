"""The recipe of the bank of sounds."""
