"""Frames in and out: files, cameras, streams, pictures, sound, the annotated video."""
