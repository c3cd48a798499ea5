"""What a running session shows, decided without Qt."""
