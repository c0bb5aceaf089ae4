"""Item metadata from JSON Lines: files (where they lie) · build (a table of them, by a process of its own) · synced
(the table that is in use, shared by all workers through the system's page cache, and kept up to date)."""
