"""The lock of writers: one at a time, of all threads and processes of one machine.

SQLite lets a writer that finds another at work sleep and look again, ever longer, up to a tenth of a second, while
others come and go; who waits here goes on as soon as the one before has ended. A process that dies releases the lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WriteLock:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.close = weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()  # threads share the file, and so its lock

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises `OSError` once it is closed: the file's number may be another's by then."""
        with self._lock:
            if not self.close.alive:
                raise OSError(errno.EBADF, "the database is closed")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                if self.close.alive:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
