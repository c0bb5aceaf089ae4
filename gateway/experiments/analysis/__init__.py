"""What an experiment shows: pure functions of arrays, one row a unit. No clock, no files, no network."""
