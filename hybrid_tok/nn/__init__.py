"""What our networks share: weights, spectra, search."""
