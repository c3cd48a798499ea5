"""`fer-app`: the window; the one room that imports Qt."""
