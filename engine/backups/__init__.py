"""Copies of a data directory to another place, and back from there to any moment between two of them."""
