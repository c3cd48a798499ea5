"""Data, models, losses and trainers that produce the full models."""
