"""What a reviewed recording can be saved as, one file for one form."""
