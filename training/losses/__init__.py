"""Loss functions, one file per idea."""
