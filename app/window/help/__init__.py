"""What helps: the keys, the documentation, a report of a problem."""
