"""Brings snapshots and models here behind the follower's back: what was there before answers meanwhile.

What is here then is told to all processes by a record in the log, and they turn to it as to anything that is new; so
answers that were made before it are outdated in every cache.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from engine.data.log import Log, LogEntry
from engine.errors import Unavailable
from engine.storage.artifact_store import ArtifactStore

log = logging.getLogger(__name__)

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
TRIM_S = 600.0
CLOSE_S = 2.0  # then a fetch under way is left: it leaves nothing that is half written in use


@dataclass
class Wanted:
    """A path that is not here yet, and the records that tell of it once it is."""

    path: str
    news: Sequence[LogEntry]
    retry_s: float = FIRST_RETRY_S
    due: float = field(default_factory=time.monotonic)
    fault: str = ""


class Fetcher:
    def __init__(self, store: ArtifactStore, source: Log, used: Callable[[], Collection[str]]) -> None:
        """`used` says the paths that this process maps."""
        self._store, self._log, self._used = store, source, used
        self._wanted: dict[str, Wanted] = {}
        self._lock = threading.Lock()
        self._wake, self._stopped = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="artifact-fetcher", daemon=True)
        self.failures = 0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def want(self, key: str, path: str, news: Sequence[LogEntry]) -> None:
        """Have a path fetched; it takes the place of an earlier one of the key."""
        with self._lock:
            wanted = self._wanted.get(key)
            if wanted is None or wanted.path != path:
                self._wanted[key] = Wanted(path, news)
                self._wake.set()

    def drop(self, key: str) -> None:
        """Want nothing of the key any more: it is in use, or deleted."""
        if key in self._wanted:
            with self._lock:
                self._wanted.pop(key, None)

    def is_waiting(self, key: str) -> bool:
        return key in self._wanted

    def waiting(self) -> int:
        return len(self._wanted)

    def _run(self) -> None:
        trim_at = time.monotonic()
        while not self._stopped:
            now = time.monotonic()
            with self._lock:
                due = [each for each in self._wanted.items() if each[1].due <= now]
            for key, wanted in due:
                self._fetch(key, wanted)
            if now >= trim_at:
                trim_at = now + TRIM_S
                self._trim()
            with self._lock:
                next_at = min((each.due for each in self._wanted.values()), default=trim_at)
            self._wake.wait(max(0.0, min(next_at, trim_at) - time.monotonic()))
            self._wake.clear()

    def _fetch(self, key: str, wanted: Wanted) -> None:
        """Fetch it and tell; what fails is tried again, later and later."""
        try:
            self._store.fetch(wanted.path)
            self._log.append(wanted.news).result()
        except (Unavailable, OSError) as error:
            self.failures += 1
            if str(error) != wanted.fault:
                wanted.fault = str(error)
                log.error("%s can't be fetched, the earlier one goes on: %s; it is tried again", key, error)
        except Exception:  # whatever is wrong with one, the others must come
            log.exception("%s can't be fetched", key)
        else:
            log.info("fetched %s", wanted.path)
            wanted.retry_s = LAST_RETRY_S  # it is told again should nothing turn to it
        wanted.due = time.monotonic() + wanted.retry_s
        wanted.retry_s = min(2 * wanted.retry_s, LAST_RETRY_S)

    def _trim(self) -> None:
        try:
            self._store.trim(self._used())
        except (Unavailable, OSError) as error:
            log.warning("old copies of snapshots and models are kept for now: %s", error)
