"""One event source's way into the log: read, store with the position, and read again from there whatever fails.

Nothing is held back in memory: what is not stored is read again, by this process or by whoever has the partition then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine import EngineError, InvalidInput, OffsetMove, PartitionBounds, SourceBatch, Sourcing
from gateway.errors import Problem
from gateway.events.source_letters import DeadMessage, add_dead_messages
from gateway.events.sourced import EventsTaken, Parse, add_record, record_of
from gateway.outbox.delivery import wait_s
from gateway.plan.plan import EventSource, Namespace
from gateway.sources import EVENT_SOURCES
from gateway.sources.base import SourceDown, SourceMessage

log = logging.getLogger(__name__)

READ_S = 0.5  # so long a read waits for the first message
LONGEST_WAIT_S = 10.0
MOST_ROWS = 2000  # of a transaction: events that come by HTTP wait for it
WARN_EVERY_S = 60.0  # between two lines of the log on one source


@dataclass(frozen=True)
class ConsumerContext:
    """The common part of a process's consumers. `namespace` gives one of the configuration in use; dead letters
    go below `letters`; `chance` gives numbers from 0 to 1."""

    sourcing: Sourcing
    letters: Path
    namespace: Callable[[str], Namespace | None]
    parse: Parse
    clock: Callable[[], float]
    chance: Callable[[], float]


@dataclass
class ConsumerCounts:
    """Counters of one source, and how many messages each of its partitions has ahead."""

    messages: int = 0
    dead: int = 0
    failures: int = 0
    events: int = 0
    conversions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lag: Mapping[int, int] = field(default_factory=dict)


class Consumer:
    def __init__(self, source: EventSource, context: ConsumerContext, counts: ConsumerCounts) -> None:
        self.source, self.counts, self._context = source, counts, context
        self._reader = EVENT_SOURCES[source.type].open(source.key, source.settings, self._begin)
        self._next: dict[int, int] = {}  # the offset of the next message, by partition
        self._warned_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"source {source.key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends soon; `join` waits for it."""
        self._stopping.set()

    def join(self) -> None:
        self._thread.join()

    # ---- the thread

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            try:
                self._step()
                tries = 0
                continue
            except (SourceDown, EngineError) as error:
                self._warn(str(error))
            except Exception:
                log.exception("%s failed; it is read on from where it is stored", self.source.key)
            self.counts.failures += 1
            self._reader.rewind()
            tries += 1
            self._stopping.wait(min(LONGEST_WAIT_S, wait_s(tries, self._context.chance())))
        try:
            self._reader.close()
        except Exception:
            log.exception("%s can't be closed: others get its partitions once it is missed", self.source.key)

    def _step(self) -> None:
        messages: Sequence[SourceMessage] = self._reader.read(READ_S)
        while messages:
            messages = self._take(messages)
        ends = self._reader.partitions()
        self.counts.lag = {part: max(0, end - self._next[part]) for part, end in ends.items() if part in self._next}

    def _begin(self, bounds: Mapping[int, PartitionBounds]) -> Mapping[int, int]:
        self._next = self._context.sourcing.begin(self.source.key, bounds)
        return self._next

    def _take(self, messages: Sequence[SourceMessage]) -> Sequence[SourceMessage]:
        """Stores what one transaction should hold; returns the rest."""
        try:
            return self._store(messages)
        except EngineError:
            raise
        except Exception as error:  # one that can't be stored must not stop what comes after it
            if len(messages) > 1:
                for each in messages:
                    self._take([each])
                return []
            log.exception("%s: a message can't be stored", self.source.key)
            return self._store(messages, f"can't be stored: {error}")

    def _store(self, messages: Sequence[SourceMessage], why: str = "") -> Sequence[SourceMessage]:
        """Stores their events and positions; given a reason `why` not, only the positions."""
        source, namespace = self.source, self._context.namespace(self.source.namespace)
        if namespace is None:
            raise InvalidInput(f"{source.key}: the configuration has no namespace {source.namespace!r} any more")
        batch = self._context.sourcing.batch(source.key, namespace.trackers)
        moves: dict[int, OffsetMove] = {}
        dead: list[DeadMessage] = []
        taken: list[EventsTaken] = []
        count = 0
        for message in messages:
            if batch.rows >= MOST_ROWS:
                break
            if message.offset < self._next[message.partition]:
                raise SourceDown(f"{source.key}, partition {message.partition}: went back to offset {message.offset}")
            count += 1
            try:
                if why:
                    raise InvalidInput(why)
                taken.append(self._add(batch, message, namespace))
            except (Problem, InvalidInput) as error:
                dead.append(DeadMessage(message, error.message))
            moves[message.partition] = OffsetMove(self._next[message.partition], message.offset + 1)
        self._bury(dead)
        batch.commit(moves)
        offsets = {part: move.after for part, move in moves.items()}
        self._next |= offsets
        self._reader.taken(offsets)
        self._count(count, len(dead), taken)
        return messages[count:]

    def _add(self, batch: SourceBatch, message: SourceMessage, namespace: Namespace) -> EventsTaken:
        record = record_of(message.value)
        if record.namespace and record.namespace != self.source.records_of:
            return EventsTaken(0, ())
        at = self._context.clock() if message.at is None else message.at
        return add_record(batch, record, namespace, self._context.parse, at)

    # ---- what is told

    def _bury(self, dead: Sequence[DeadMessage]) -> None:
        if not dead:
            return
        first = dead[0]
        where = f"partition {first.message.partition}, offset {first.message.offset}: {first.why}"
        try:
            path = add_dead_messages(self._context.letters, self.source.key, dead, self._context.clock())
        except OSError as error:
            log.error("%s: %d messages are no events and are lost (%s): %s", self.source.key, len(dead), error, where)
            return
        log.error("%s: %d messages are no events, kept in %s: %s", self.source.key, len(dead), path, where)

    def _count(self, messages: int, dead: int, taken: Sequence[EventsTaken]) -> None:
        self.counts.messages += messages
        self.counts.dead += dead
        for each in taken:
            self.counts.events += each.events
            for of in each.conversions:
                self.counts.conversions[of.recommender, str(of.feature), str(of.metric)] += 1

    def _warn(self, why: str) -> None:
        now = time.monotonic()
        if now - self._warned_at > WARN_EVERY_S:
            log.warning("%s is not read, its events wait there: %s", self.source.key, why)
            self._warned_at = now
