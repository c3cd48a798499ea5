"""What a trained system does, in figures and pictures."""
