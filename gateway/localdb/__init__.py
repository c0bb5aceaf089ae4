"""Item metadata from JSON Lines: files (where they lie) · build (a table of them, by a process of its own) · table (the
look-up, shared by all workers through the system's page cache) · kept (the table that is in use, kept up to date)."""
