"""Experiments: who is in them, what they were shown, what came of it."""
