"""The application's settings, without Qt."""
