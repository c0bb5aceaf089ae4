"""Events that are read from a topic: how far the log has taken each partition is kept in the transaction that appends
them. So each message is taken once, whatever is killed, and whoever else reads the partition.

A position moves from the value that its reader knows. A reader that was stopped for long, while another went on from
there, finds it elsewhere and writes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from engine.data.log import Log, LogEntry
from engine.errors import Unavailable
from engine.experiments.store import ExperimentStore, UnitOutcome
from engine.feed.feed import EventDestination, Feed
from engine.question import Event
from engine.storage.sql import Database
from engine.storage.tables import source_positions as positions

log = logging.getLogger(__name__)

TURN = 7234  # of readers: who is stopped with a position in its hands loses it soon


class PartitionBounds(NamedTuple):
    """Offsets of a partition: of the message to begin with where none was taken before, of the first that is there, and
    of the next that will come."""

    start: int
    low: int
    high: int


class OffsetMove(NamedTuple):
    before: int
    after: int


class Sourcing:
    """Safe to use from many threads."""

    def __init__(
        self, database: Database, events: Log, feed: Feed, experiments: ExperimentStore, clock: Callable[[], float]
    ) -> None:
        self.database, self.log, self.feed, self.experiments, self.clock = database, events, feed, experiments, clock
        self._seen = 0  # up to here the log has nothing that changes a tracker or a schema

    def start(self) -> None:
        """Count implicit impressions of the events that will come."""
        self.feed.impressions.start()

    def begin(self, source: str, bounds: Mapping[int, PartitionBounds]) -> dict[int, int]:
        """The offsets to read on from. One that is new begins at its `start`, which is kept at once; so does one whose
        partition was made anew. One whose next messages are gone goes on with the first that is there. Raises
        `Unavailable`."""
        if not bounds:
            return {}
        with self.database.write() as connection:
            self.database.wait_turn(connection, TURN)
            for part, offsets in sorted(bounds.items()):
                row = {"source": source, "part": part, "next": offsets.start, "at": self.clock()}
                connection.execute(self.database.insert(positions).values(row).on_conflict_do_nothing())
            rows = connection.execute(sa.select(positions).where(positions.c.source == source)).all()
            stored = {row.part: int(row.next) for row in rows if row.part in bounds}
            moves = {part: move for part in stored if (move := _outside(source, part, stored[part], bounds[part]))}
            for part, move in moves.items():
                self.move(connection, source, part, move)
        return {**stored, **{part: move.after for part, move in moves.items()}}

    def batch(self, source: str, tracking_ids: Sequence[str]) -> SourceBatch:
        """A batch for these trackers. Raises `InvalidInput` where one can't take events now."""
        last = self.log.last()
        if self.log.any_after(self._seen, "", ("record",)):
            self.feed.directory.forget()
        self._seen = last
        return SourceBatch(self, source, self.feed.destinations(tracking_ids))

    def move(self, connection: sa.Connection, source: str, part: int, move: OffsetMove) -> None:
        c = positions.c
        as_known = sa.and_(c.source == source, c.part == part, c.next == move.before)
        update = sa.update(positions).where(as_known).values(next=move.after, at=self.clock())
        if connection.execute(update).rowcount != 1:
            raise Unavailable(f"another process reads {source}, partition {part}")


class SourceBatch:
    """Messages that are taken by one transaction."""

    def __init__(self, sourcing: Sourcing, source: str, targets: Sequence[EventDestination]) -> None:
        self._sourcing, self._source, self._targets = sourcing, source, targets
        self._entries: list[LogEntry] = []
        self._outcomes: list[UnitOutcome] = []
        self._noted: list[tuple[str, Sequence[Event]]] = []

    @property
    def rows(self) -> int:
        return len(self._entries) + len(self._outcomes)

    def add(self, session: str, user: str | None, events: Sequence[Event], automatic: Mapping[str, object]) -> None:
        """Adds one message's events, or none where it raises `InvalidInput`; see `Feed.deliver`."""
        self._entries += self._sourcing.feed.entries(self._targets, session, user, events, automatic)
        self._noted.append((user or session, events))

    def add_outcomes(self, outcomes: Sequence[UnitOutcome]) -> None:
        self._outcomes += outcomes

    def announce(self, kind: str, key: str) -> None:
        """See `Feed.announce`."""
        self._entries.append(LogEntry("", kind, key, b""))

    def commit(self, moves: Mapping[int, OffsetMove]) -> None:
        """Stores all, and that these partitions have come so far. Raises `Unavailable`, also where another reader has
        gone on from there; nothing is stored then."""
        sourcing = self._sourcing
        with sourcing.database.write() as connection:
            sourcing.database.wait_turn(connection, TURN)
            for part, move in sorted(moves.items()):
                sourcing.move(connection, self._source, part, move)
            if self._outcomes:
                sourcing.experiments.add_outcomes(self._outcomes, connection)
            if self._entries:
                sourcing.log.append_within(connection, self._entries)
        for who, events in self._noted:
            sourcing.feed.note(self._targets, who, events)


def _outside(source: str, part: int, stored: int, offsets: PartitionBounds) -> OffsetMove | None:
    """The move of a position that lies outside what the partition has."""
    if stored > offsets.high:
        what = "%s, partition %d: ends at offset %d, before %d, which is next: it was made anew, and is read from %d on"
        log.error(what, source, part, offsets.high, stored, offsets.start)
        return OffsetMove(stored, offsets.start)
    if stored < offsets.low:
        what = "%s, partition %d: its messages %d to %d were deleted before they could be read"
        log.error(what, source, part, stored, offsets.low - 1)
        return OffsetMove(stored, offsets.low)
    return None
