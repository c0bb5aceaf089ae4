"""Experiments in the words of other tools: what their clients read and send, as pure functions."""
