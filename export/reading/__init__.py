"""How well expressions are read where pictures are bad, people talk, and heads turn."""
