"""Item metadata from JSON Lines: build (where they lie, and a table of them, by a process of its own) · synced
(the table that is in use, shared by all workers through the system's page cache, and kept up to date)."""
