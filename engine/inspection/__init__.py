"""Inspection: users, items, models, filters and data as operators look at them. Nothing of it counts as shown."""
