"""How likely each recognized word is right: features, network, weights and card."""
