"""The training loop and what it needs: tasks, optimisers, checkpoints, recipes, provenance."""
