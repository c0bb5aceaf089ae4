"""The engine, opened: one object that answers, takes events and tells what changed. Safe to use from many threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from engine.question import Change, Event, Question, Ranked
from engine.records import Records
from engine.settings import Settings
from engine.sql import Database


class Engine:
    settings: Settings
    clock: Callable[[], float]
    database: Database
    records: Records

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], float] = time.time) -> Engine:
        """Open the data directory (made where missing), load every deployed model, follow the log.

        Raises `Unavailable` where the directory or the database can't be used, with the reason.
        """
        raise NotImplementedError

    def close(self) -> None: ...

    # ---- answers

    def recommend(self, question: Question) -> Ranked:
        """Raises `NotFound` (no such campaign or filter), `InvalidInput` (a wrong question for its recipe)."""
        raise NotImplementedError

    def has_history(self, campaign: str, user: str, account: str = "000000000000") -> bool:
        """Whether the user (or session) of the campaign's dataset group has any interaction."""
        raise NotImplementedError

    def metadata(self, campaign: str, items: Sequence[str], columns: Sequence[str] = ()) -> list[dict[str, Any] | None]:
        """Each item's columns under camel-case keys (CATEGORY_L2 -> categoryL2), missing values left out; None for an
        item without a row. No `columns`: all. Columns are named in schema spelling, any case."""
        raise NotImplementedError

    # ---- intake: each returns a future of the log's sequence number, done once the records are durable

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[Event]
    ) -> Future[int]:
        """Raises `InvalidInput` at once, before anything is stored."""
        raise NotImplementedError

    def put_items(self, dataset_arn: str, items: Sequence[tuple[str, Mapping[str, Any]]]) -> Future[int]:
        raise NotImplementedError

    def put_users(self, dataset_arn: str, users: Sequence[tuple[str, Mapping[str, Any]]]) -> Future[int]:
        raise NotImplementedError

    # ---- the change feed

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> None:
        """`listener` is called from the follower's thread with every change, in order, once it can be seen in answers."""

    def behind(self, campaign: str, user: str, account: str = "000000000000") -> bool:
        """Whether an acknowledged event of this user, from any process, is not yet in this process's answers (~1 µs)."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Apply everything that is committed in the log now; listeners have been called when it returns."""
