"""Our event tagger: network, weights and card."""
