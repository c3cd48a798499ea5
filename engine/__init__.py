"""Real-time facial expression analysis: a frame in, an analysis out. Knows no GUI and no torch."""
