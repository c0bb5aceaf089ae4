"""The statistics of experiments: pure functions of arrays, one row a unit. No clock, no files, no network."""
