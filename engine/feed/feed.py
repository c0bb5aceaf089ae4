"""The change feed: takes events and rows, and tells every listener what has changed once answers can see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from engine.data.log import DEPLOYED, Log, LogEntry
from engine.feed.follower import Follower, Listener
from engine.feed.intake import ActionEvent, RecordIntake
from engine.question import Change, Event


@dataclass(frozen=True)
class Feed:
    """The feed of one process. Methods that append return a future of the log's sequence number, done once the records
    are durable; they raise `InvalidInput` at once, before anything is stored."""

    intake: RecordIntake
    log: Log
    follower: Follower
    account: str  # the usual one

    def put_events(
        self,
        tracking_id: str,
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        account: str | None = None,
    ) -> Future[int]:
        """Appends events to a tracker of this account."""
        self.intake.check_tracker(tracking_id, account or self.account)
        return self.intake.put_events((tracking_id,), session_id, user_id, events, {})

    def deliver(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]:
        """Appends all events to all trackers, or none to any; `automatic` properties go where the schema has their
        field."""
        return self.intake.put_events(tracking_ids, session_id, user_id, events, automatic)

    def takes_at_once(self, tracking_ids: Sequence[str]) -> bool:
        """Tells that `deliver` to these trackers waits for nothing, so that an event loop may call it."""
        return self.intake.knows(tracking_ids)

    def put_items(
        self, dataset_arn: str, items: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self.intake.put_rows(dataset_arn, "ITEMS", items, account or self.account)

    def put_users(
        self, dataset_arn: str, users: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self.intake.put_rows(dataset_arn, "USERS", users, account or self.account)

    def put_actions(
        self, dataset_arn: str, actions: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self.intake.put_rows(dataset_arn, "ACTIONS", actions, account or self.account)

    def put_action_interactions(
        self, tracking_id: str, interactions: Sequence[ActionEvent], account: str | None = None
    ) -> Future[int]:
        """Appends interactions, each a session, a user or None, and an event whose item is an action."""
        return self.intake.put_action_interactions(tracking_id, interactions, account or self.account)

    def announce(self, kind: str, key: str) -> Future[int]:
        """Tells the listeners of every process something of the caller's own, in order with all that changes."""
        return self.log.append([LogEntry("", kind, key, b"")])

    def subscribe(self, listener: Listener) -> None:
        """Calls `listener` with every change, in order, once it can be seen in answers; in the follower's thread."""
        self.follower.subscribe(listener)

    def changes_since(self, at: float) -> tuple[int, list[Change]]:
        """The changes since then (epoch seconds), and the log's sequence number before them."""
        first, records = self.log.since(at)
        return first, [Change(each.seq, each.group, each.kind, each.key) for each in records]

    def catch_up(self) -> None:
        """Applies everything that is committed in the log now; listeners have been called when it returns."""
        self.follower.catch_up()

    def applied(self) -> int:
        """The last sequence number that this process's answers have seen."""
        return self.follower.applied

    def lag_s(self) -> float:
        """The seconds that the last record waited to be seen in answers."""
        return self.follower.lag_s

    def is_current(self, group: str | None = None, user: str = "") -> bool:
        """Tells (~0.2 µs) that this process's answers are of the models that are deployed now, and have seen every
        acknowledged event of the group's user (no group: nobody's), from any process."""
        applied = self.follower.applied
        if self.log.rung() <= applied:
            return True
        if self.log.rung_for(*DEPLOYED) > applied:
            return False
        return group is None or self.log.rung_for(group, user) <= applied
