"""Command line and desktop application over `engine`."""
