"""Our speaker diarizer: network, clustering, weights and card."""
