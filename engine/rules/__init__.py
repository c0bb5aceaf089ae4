"""Merchandising rules as data: what is pinned, boosted and buried, and when."""
