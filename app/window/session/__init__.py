"""What says, always and at a glance, whether and what is recorded."""
