"""The data doctor: what is wrong with a dataset group's data, in how many rows, and what to do about it."""
