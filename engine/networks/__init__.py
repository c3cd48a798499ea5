"""Networks on a device: which file, what it says of itself, and what runs it."""
