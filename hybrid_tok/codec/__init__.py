"""Our unit codec: network, weights and card."""
