"""Where the application's frames come from: cameras, files that can be moved in, streams."""
