"""Faces in a frame: found, followed, aligned, and hidden where asked."""
