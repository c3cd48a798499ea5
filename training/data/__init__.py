"""Readers for the data sets, and caches of decoded faces."""
