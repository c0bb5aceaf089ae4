"""Items that belong together: counted pairs, truncated item-item tables, and vectors of metadata."""
