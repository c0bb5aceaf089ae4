"""A table of item metadata, read only: what it costs in memory is the system's page cache, once for all workers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.body import columns_of

MAPPED = 1 << 40  # bytes of the file that may be read without a call


class Table:
    """The rows of one file, for any thread. The file is open as long as somebody holds the table."""

    def __init__(self, path: Path) -> None:
        """Raises `sqlite3.Error`."""
        where = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        self._rows = sqlite3.connect(where, uri=True, check_same_thread=False)
        self._rows.execute(f"PRAGMA mmap_size={MAPPED}")
        self._rows.execute("SELECT row FROM items LIMIT 1").fetchall()

    def of(self, items: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Columns by item id; unknown items are absent. Raises `sqlite3.Error`."""
        places = ",".join("?" * len(items))
        rows = self._rows.execute(f"SELECT id, row FROM items WHERE id IN ({places})", items)
        return {item: columns_of(row) for item, row in rows}

    def __del__(self) -> None:
        if hasattr(self, "_rows"):
            self._rows.close()
