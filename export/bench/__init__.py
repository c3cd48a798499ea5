"""`fer-bench`: what networks, stages and the whole command cost on a machine."""
