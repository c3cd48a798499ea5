"""Networks, one file per idea."""
