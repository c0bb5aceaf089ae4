"""Failures of a database become `Unavailable`, one line in the log when it begins and one when it is over."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from sqlalchemy import exc

from engine.errors import Unavailable

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # between two attempts to reach a database that does not answer
ATTEMPT_S = 5.0  # that one may take; meanwhile nobody else tries
DAMAGE = ("malformed", "not a database")  # SQLite's words for a file that holds something else than it wrote
_PASSING = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError, sqlite3.DatabaseError)


class Faults:
    """The faults of one database. `name` is what it is called in messages. One that `is_far` is on the other end of a
    network: requests are refused at once while it does not answer, and the reason, which may name its host, is only
    logged."""

    def __init__(self, name: str, is_far: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._is_far, self._clock = name, is_far, clock
        self._since: dict[str, float] = {}  # what fails now, and since when: "reached", "read from", "written to"
        self._closed_until = 0.0
        self._lock = Lock()

    @contextmanager
    def reported(self, use: str) -> Iterator[None]:
        """Within it a failure of the database becomes `Unavailable`. `use`: "read from" or "written to"."""
        if self._closed_until:
            self._attempt()
        try:
            yield
        except Exception as error:
            if not _is_passing(error):
                self._closed_until = 0.0  # it has answered
                raise
            raise self._failed(use, error) from error
        if self._since:
            self._recovered(use)

    def _attempt(self) -> None:
        """Raises `Unavailable` unless it is time to try again, which one at a time does."""
        with self._lock:
            now = self._clock()
            if now < self._closed_until:
                raise Unavailable(f"{self._name} does not answer")
            self._closed_until = now + ATTEMPT_S

    def _failed(self, use: str, error: Exception) -> Unavailable:
        reason = reason_of(error)
        if self._is_far and _is_lost(error):
            use, message = "reached", f"{self._name} does not answer"
            self._closed_until = self._clock() + PAUSE_S
        else:
            self._closed_until, message = 0.0, f"{self._name} can't be {use}: {reason}"
            if any(word in reason for word in DAMAGE):
                message += "; recgate check says what is damaged and what can be done"
        with self._lock:
            is_new = use not in self._since
            self._since.setdefault(use, self._clock())
        if is_new:
            log.error("%s can't be %s, tried again until it can: %s", self._name, use, reason)
        return Unavailable(message)

    def _recovered(self, use: str) -> None:
        with self._lock:
            ended = {each: self._since.pop(each) for each in ("reached", use) if each in self._since}
            self._closed_until = 0.0
        for each, since in ended.items():
            log.warning("%s can be %s again, after %.1f s", self._name, each, self._clock() - since)


def reason_of(error: Exception) -> str:
    """What the database's driver says, in one line."""
    return " ".join(str(error.orig if isinstance(error, exc.DBAPIError) else error).split())


def _is_passing(error: Exception) -> bool:
    """True where the database's state rather than the statement is at fault."""
    return isinstance(error, _PASSING) or type(error) is exc.DatabaseError


def _is_lost(error: Exception) -> bool:
    """True where there is no connection, or no longer one."""
    if isinstance(error, exc.TimeoutError):
        return True
    return isinstance(error, exc.DBAPIError) and (error.connection_invalidated or error.statement is None)
