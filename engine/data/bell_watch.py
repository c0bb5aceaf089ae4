"""A process without an engine that hears whose events are new: what it keeps of answers, it can tell to be old.

It is one of the replicas of a log that machines share (`engine.data.replicas`), so an event is acknowledged once it has
heard the bell, or has no lease. It reads no events: an answer is old as soon as a bucket of its own has been rung for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from engine.data.doorbell import SharedDoorbell, buckets_of
from engine.data.fan_out import FanOut, NoFanOut
from engine.data.log import EVERYBODY, bell_key
from engine.data.replicas import Replicas
from engine.errors import EngineError
from engine.storage.sql import Database

log = logging.getLogger(__name__)

RETRY_S = 1.0


def buckets_to_watch(users: Iterable[tuple[str, str]]) -> list[int]:
    """The buckets that are rung for before an answer to these users, each with its group, may be another one."""
    return buckets_of([bell_key(*EVERYBODY), *(bell_key(*user) for user in users)])


class BellWatch:
    """Nothing is current until the database has let this process in, and while it does not answer."""

    def __init__(
        self,
        database_url: str,
        folder: Path,
        lease_s: float,
        fan_out: Callable[[], FanOut | None] = NoFanOut,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`state()` is the doorbell's."""
        folder.mkdir(parents=True, exist_ok=True)
        self._url, self._lease_s, self._fan_out = database_url, lease_s, fan_out
        self._doorbell = SharedDoorbell(folder / "doorbell", monotonic)
        self.state = self._doorbell.state
        self._opened: tuple[Database, Replicas] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._join, name="bell-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def heard(self) -> int:
        """The last record of the log that it has heard of."""
        return self._doorbell.last()

    def owed_in(self, buckets: Sequence[int]) -> int:
        """A record at or after all that was acknowledged and rang for these buckets."""
        return self._doorbell.owed_in(buckets)

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._opened is not None:
            database, replicas = self._opened
            replicas.close()
            database.close()

    def _join(self) -> None:
        """Become one of the replicas; again until the database answers."""
        told = ""
        while not self._stop.is_set():
            try:
                self._opened = self._open()
                return
            except EngineError as error:
                if error.message != told:
                    log.warning("no answer is kept here at present: %s", error.message)
                told = error.message
                self._stop.wait(RETRY_S)

    def _open(self) -> tuple[Database, Replicas]:
        database = Database(self._url, is_served=True)  # whose tables the engines make
        try:
            replicas = Replicas(database, self._doorbell, self._fan_out() or NoFanOut(), uuid4().hex, self._lease_s)
            try:
                replicas.start()
            except BaseException:
                replicas.close()
                raise
        except BaseException:
            database.close()
            raise
        return database, replicas
