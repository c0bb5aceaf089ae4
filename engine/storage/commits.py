"""Tells cheaply whether a database has changed: a process that waits for work looks at it only then."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

AT_LEAST_EVERY_S = 2.0  # what is due by the time of day needs no commit


class CommitWatch:
    """One thread's view of a database's commits. In doubt something was committed: where other machines write, too, or
    the file can't be read at present."""

    def __init__(self, file: Path | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`file` is that of SQLite; None where another database holds the tables."""
        self._file, self._monotonic = file, monotonic
        self._connection: sqlite3.Connection | None = None
        self._version, self._looked_at = -1, 0.0

    def has_news(self) -> bool:
        """True if anything was committed since the last call, and every two seconds. SQLite's `data_version` changes
        with commits of other connections (https://sqlite.org/pragma.html#pragma_data_version)."""
        now, version = self._monotonic(), self._data_version()
        if version is None or version != self._version or now - self._looked_at >= AT_LEAST_EVERY_S:
            self._version, self._looked_at = -1 if version is None else version, now
            return True
        return False

    def wait(self, end: Event, pause_s: float) -> None:
        """Returns when there is news, or at the end; looks each `pause_s` seconds."""
        while not end.wait(pause_s):
            if self.has_news():
                return

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _data_version(self) -> int | None:
        if self._file is None:
            return None
        try:
            if self._connection is None:
                uri = f"{self._file.absolute().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            self.close()
            return None
