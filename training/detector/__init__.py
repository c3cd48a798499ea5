"""The face detector: data, network, loss and training."""
