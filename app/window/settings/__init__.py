"""The dialog that edits the settings."""
