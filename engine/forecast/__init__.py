"""Forecasts of trainings: told before a training starts, counted down while it runs, and kept to by its budget."""
