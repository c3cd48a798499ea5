"""What is drawn over a frame: labels, bars, and the strip of valence and arousal."""
