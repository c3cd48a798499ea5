"""`fer-video`: a video in, an annotated video and a table out."""
