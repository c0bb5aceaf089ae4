"""Metric attribution: what came of recommendations, by source and quarter of an hour (specification §5.7)."""
