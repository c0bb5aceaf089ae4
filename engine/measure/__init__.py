"""Measures of recommendations: splits, ranks, metrics, tuning and off-policy estimates."""
